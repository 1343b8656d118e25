"""What an error of GitHub means, and which ones are waited for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import httpx
from githubkit.exception import GitHubException, GraphQLFailed, RateLimitExceeded, RequestFailed
from githubkit.retry import RetryOption

from blocks.github.connection import Declined, NotFound, Unaccepted
from contracts.agent import as_object
from contracts.errors import DeliveryError, Misconfigured, Unavailable
from contracts.redaction import redact

_LIMIT_SECONDS = 60.0
"""How long GitHub asks to wait after a limit that it tells no time for."""
_TRIES = 4
_SAFE_METHODS = frozenset({"GET", "HEAD"})
_GONE = frozenset({404, 410})


def patience(seconds: float) -> Callable[[GitHubException, int], RetryOption]:
    """Return which failed requests are repeated.

    Args:
        seconds: longest wait for a limit; a longer one is an error that tells when it ends.

    Requests beyond a limit had no effect and are repeated whatever they are; after a broken answer only those that
    change nothing.
    """

    def decide(error: GitHubException, tried: int) -> RetryOption:
        wait = _limited(error)
        if wait is not None:
            repeat = tried < _TRIES and wait <= seconds
            return RetryOption(repeat, timedelta(seconds=max(wait, 1.0)))  # the library reads nothing as a minute
        repeat = tried < _TRIES - 1 and _broken(error)
        return RetryOption(repeat, timedelta(seconds=min(2.0**tried / 4, seconds)))

    return decide


def translate(error: GitHubException, doing: str, secrets: tuple[str, ...] = ()) -> DeliveryError:
    """Return the error as the project tells it.

    Args:
        error: what the library raised.
        doing: method and path of the request.
        secrets: values that no message may hold.
    """
    cause = _cause(error)
    wait = _limited(cause)
    if wait is not None:
        until = datetime.now(UTC) + timedelta(seconds=wait)
        at = until.strftime("%H:%M:%S UTC")
        return Unavailable(f"GitHub's limit for {doing!r} is used up until {at}; wait for it", until=until)
    if isinstance(cause, RequestFailed):
        return _failed(cause, doing, secrets)
    if isinstance(cause, GraphQLFailed):
        said = "; ".join(one.message for one in cause.response.errors or [])
        said = redact(said, secrets)[:500]
        return Declined(f"GitHub refused {doing!r}: {said}; look at what it was about", status=0, said=said)
    origin = _origin(cause)
    name = type(origin).__name__
    if isinstance(origin, httpx.HTTPError):
        return Unavailable(
            f"GitHub did not answer {doing!r} ({name}); try again later", detail=redact(str(origin), secrets)[:500]
        )
    return Misconfigured(f"GitHub cannot be asked for {doing!r} ({name}); correct the credential's private key")


def _failed(error: RequestFailed, doing: str, secrets: tuple[str, ...]) -> DeliveryError:
    response = error.response
    status, said = response.status_code, redact(_said(error), secrets)
    detail = redact(response.text, secrets)[:2_000]
    if status >= 500 or status == 408:
        return Unavailable(f"GitHub answered {doing!r} with {status}; try again later", detail=detail)
    if status == 401:
        return Unaccepted(f"GitHub does not accept the credential for {doing!r}: {said}; renew it", detail=detail)
    if status in _GONE:
        text = f"GitHub finds nothing at {doing!r}: {said}; correct the name, or let the credential see it"
        return NotFound(text, detail=detail)
    if status in (403, 451):
        needed = response.headers.get("x-accepted-github-permissions", "")
        advice = f"give the credential {needed}" if needed else "give the credential the permission for it"
        return Misconfigured(f"GitHub forbids {doing!r}: {said}; {advice}", detail=detail)
    text = f"GitHub refused {doing!r} with {status}: {said}; look at what it was about"
    return Declined(text, status=status, said=said, detail=detail)


def _said(error: RequestFailed) -> str:
    body = _body(error)
    entries = body.get("errors")
    inner = [_entry(one) for one in cast(list[Any], entries)] if isinstance(entries, list) else []
    return " ".join(": ".join(filter(None, [str(body.get("message", "")), "; ".join(inner)])).split())[:500]


def _entry(entry: Any) -> str:
    fields = as_object(entry)
    if fields is None:
        return str(entry)
    return str(fields.get("message") or " ".join(str(fields[one]) for one in ("field", "code") if one in fields))


def _body(error: RequestFailed) -> dict[str, Any]:
    try:
        return as_object(error.response.json()) or {}
    except ValueError:
        return {}


def _limited(error: GitHubException) -> float | None:
    """The seconds until a limit is over; none: the error is no limit."""
    cause = _cause(error)
    if isinstance(cause, RateLimitExceeded):
        return max(cause.retry_after.total_seconds(), 0.0)
    if isinstance(cause, RequestFailed) and cause.response.status_code in (403, 429):
        said = _said(cause).lower()
        limited = cause.response.status_code == 429 or "secondary rate limit" in said or "abuse detection" in said
        return _LIMIT_SECONDS if limited else None
    return None


def _broken(error: GitHubException) -> bool:
    """Whether a request that changes nothing got no answer, or a broken one."""
    cause = _cause(error)
    if isinstance(cause, RequestFailed):
        return cause.request.method in _SAFE_METHODS and cause.response.status_code >= 500
    origin = _origin(cause)
    return isinstance(origin, httpx.TransportError) and origin.request.method in _SAFE_METHODS


def _origin(error: GitHubException) -> Exception:
    """What went wrong below the library, or the error itself."""
    inner: Any = getattr(error, "exc", error)  # the library's error is generic in a way that cannot be told
    return inner


def _cause(error: GitHubException) -> GitHubException:
    """The error itself, or the one that ended the request for a token on the way to it."""
    if isinstance(error, RequestFailed):
        return error
    inner = _origin(error)
    if inner is error or not isinstance(inner, GitHubException):
        return error
    return _cause(inner)
