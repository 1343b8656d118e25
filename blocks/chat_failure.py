"""What a failed conversation with a model means for the turn."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from pydantic_ai.exceptions import (
    FallbackExceptionGroup,
    ModelAPIError,
    ModelAuthenticationError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    RunTimedOut,
    UsageLimitExceeded,
)

from contracts.agent import as_object
from contracts.event import Event, brief
from contracts.failed_request import ending_of, resets_at
from contracts.transcript import Ended, TurnEnding

_ENDINGS: tuple[tuple[type[Exception], TurnEnding], ...] = (
    (RunTimedOut, TurnEnding.OUT_OF_TIME),
    (UsageLimitExceeded, TurnEnding.LIMIT),
    (ModelQuotaExceededError, TurnEnding.QUOTA),
    (ModelRateLimitError, TurnEnding.RATE_LIMITED),
    (ModelAuthenticationError, TurnEnding.AUTH),
    (ModelNotFoundError, TurnEnding.AUTH),
    (ModelContextWindowExceededError, TurnEnding.LIMIT),
)
"""The first that fits counts."""
_YEAR = 366 * 86_400
_PLAN = "anthropic-ratelimit-unified"
"""Headers that tell of a subscription's limit, where the body speaks of a rate only."""


def ended_by(error: Exception, now: datetime | None = None) -> Ended:
    """Return how a turn ended that an error of the library ended; its usage is for the caller to add.

    Args:
        error: the error; of a group, which says that every fallback failed too, the last one counts.
        now: when it was raised, for waits that the provider demands; none: now.
    """
    all_failed = error.exceptions if isinstance(error, FallbackExceptionGroup) else (error,)
    last = all_failed[-1]
    ending = _ending(last)
    limited = ending in (TurnEnding.QUOTA, TurnEnding.RATE_LIMITED)
    return Ended(
        ending=ending,
        message=brief(str(last)) or type(last).__name__,
        detail="\n".join(f"{type(one).__name__}: {one}" for one in all_failed),
        resets_at=_resets(last, now or datetime.now(UTC)) if limited else None,
    )


def _ending(error: Exception) -> TurnEnding:
    known = next((ending for kind, ending in _ENDINGS if isinstance(error, kind)), None)
    if known in (TurnEnding.AUTH, TurnEnding.RATE_LIMITED, None) and isinstance(error, ModelHTTPError):
        by_words = ending_of(error.status_code, str(error))
        used_up = by_words is TurnEnding.QUOTA or (error.headers or {}).get(f"{_PLAN}-status") == "rejected"
        known = TurnEnding.QUOTA if used_up else known or by_words
    if known is None and isinstance(error, ModelAPIError) and not isinstance(error, ModelRequestRejectedError):
        return TurnEnding.PROVIDER_DOWN
    return known or TurnEnding.CRASHED


def _resets(error: Exception, now: datetime) -> datetime | None:
    """When a limit is over: a time to wait, else a point in time in the headers or the body, else as it is told."""
    wait = error.retry_after if isinstance(error, ModelAPIError) else None
    if wait is None and isinstance(error, ModelHTTPError):
        at = Event({"at": _number((error.headers or {}).get(f"{_PLAN}-reset", ""))}).number("at")
        told = at or Event(as_object(error.body)).number("resets_at")
        told = told or Event(as_object(error.body)).inner("error").number("resets_at")
        wait = told - now.timestamp() if told else None
    if wait is not None and 0 <= wait < _YEAR:
        return now + timedelta(seconds=wait)
    return resets_at(str(error), now)


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() else None
