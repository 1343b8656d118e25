"""What a failed request to a model's provider means: by its HTTP status and the provider's words."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from contracts.transcript import TurnEnding

_QUOTA = re.compile(
    r"credit balance|insufficient[ _]quota|exceeded your current quota|exhausted your .{0,20}quota|quota will reset|"
    r"(hit|reached) your .{0,30}limit|usage limit (was |has been )?(reached|exceeded)|"
    r"reached your specified .{0,30}usage limits|"
    r"out of (extra )?usage|spend(ing)? limit|billing (hard )?limit|QUOTA_EXHAUSTED|budget has been exceeded",
    re.IGNORECASE,
)
_LENGTH = re.compile(
    r"prompt is too long|context (length|window)|maximum context|too many tokens|input token count", re.IGNORECASE
)
_AUTH = re.compile(
    r"invalid api key|incorrect api key|api key not (valid|found)|failed to authenticate|authentication_failed|"
    r"unauthori[sz]ed|not logged in|please run /login|invalid auth method|missing credentials|"
    r"api_key .{0,40}must be set",
    re.IGNORECASE,
)
_RATE = re.compile(r"rate.?limit|too many requests|RESOURCE_EXHAUSTED", re.IGNORECASE)
_DOWN = re.compile(
    r"overloaded|unavailable|fetch failed|connection (error|refused|reset|closed)|could ?n.t connect|unable to connect|"
    r"\bECONN|\bENOTFOUND\b|\bEAI_AGAIN\b|network (error|is unreachable)|timed out|time-?out|socket hang up|"
    r"malformed response|incomplete json|internal server error|bad gateway|api error",
    re.IGNORECASE,
)
_BY_STATUS = {
    400: TurnEnding.CRASHED,
    401: TurnEnding.AUTH,
    402: TurnEnding.QUOTA,
    403: TurnEnding.AUTH,
    404: TurnEnding.AUTH,
    408: TurnEnding.PROVIDER_DOWN,
    413: TurnEnding.LIMIT,
    429: TurnEnding.RATE_LIMITED,
}
_EPOCH = re.compile(r"\|(\d{10})\b")
_ISO = re.compile(r"\b(\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))")
_CLOCK = re.compile(
    r"\b(?:resets?(?: at| on)?|try again at)\s+"
    r"(?:(?P<month>[A-Z][a-z]{2})[a-z]* (?P<day>\d{1,2})(?:st|nd|rd|th)?(?:, (?P<year>\d{4}))?,?(?: at)? )?"
    r"(?P<hour>\d{1,2})(?::(?P<minute>\d\d))?\s?(?P<half>[ap]m)(?: \((?P<zone>[^()\n]{1,40})\))?",
    re.IGNORECASE,
)
_UNIT = r"(?:milliseconds?|ms|days?|d|hours?|hrs?|h|minutes?|mins?|m|seconds?|secs?|s)"
_IN = re.compile(
    rf"\b(?:resets?|retry|again|wait)\b[^\d\n]{{0,24}}?((?:\d+(?:\.\d+)?\s?{_UNIT}(?![a-z])[\s,]*(?:and )?)+)", re.I
)
_PART = re.compile(r"(\d+(?:\.\d+)?)\s?([a-z]+)", re.IGNORECASE)
_SECONDS = {"d": 86_400.0, "h": 3_600.0, "m": 60.0, "s": 1.0}
_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")


def ending_of(status: int, said: str) -> TurnEnding | None:
    """Return how a turn ended whose request failed; none: neither status nor words tell of a failed request.

    Args:
        status: HTTP status of the provider's answer; 0: there was no answer, or it is not known.
        said: what the program said about it; never what the model said.

    A quota that is used up is told by words, because providers send it with 400, 403 and 429 alike.
    """
    if _QUOTA.search(said):
        return TurnEnding.QUOTA
    if status < 500 and _LENGTH.search(said):
        return TurnEnding.LIMIT
    if status:
        return TurnEnding.PROVIDER_DOWN if status >= 500 else _BY_STATUS.get(status, TurnEnding.CRASHED)
    by_words = ((_AUTH, TurnEnding.AUTH), (_RATE, TurnEnding.RATE_LIMITED), (_DOWN, TurnEnding.PROVIDER_DOWN))
    return next((ending for pattern, ending in by_words if pattern.search(said)), None)


def resets_at(said: str, now: datetime) -> datetime | None:
    """Return when a quota or rate limit is over, as a text says: an epoch, a date, a time of day or a time to wait.

    Args:
        said: what the provider or the program said.
        now: when it was said, with its zone; a time of day without a zone is in UTC, and is the next one.
    """
    if epoch := _EPOCH.search(said):
        return datetime.fromtimestamp(int(epoch[1]), UTC)
    if clock := _CLOCK.search(said):
        return _next(clock, now)
    if wait := _IN.search(said):
        seconds = sum(float(number) * _seconds(unit) for number, unit in _PART.findall(wait[1]))
        return now + timedelta(seconds=seconds) if seconds < 400 * 86_400 else None
    if (date := _ISO.search(said)) and "reset" in said.lower():
        return _date(date[1])
    return None


def _seconds(unit: str) -> float:
    unit = unit.lower()
    return 0.001 if unit.startswith(("ms", "milli")) else _SECONDS[unit[0]]


def _date(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _next(clock: re.Match[str], now: datetime) -> datetime | None:
    try:
        here = now.astimezone(ZoneInfo(clock["zone"] or "UTC"))
        hour = (int(clock["hour"]) % 12 if int(clock["hour"]) <= 12 else 99) + 12 * (clock["half"].lower() == "pm")
        moment = here.replace(hour=hour, minute=int(clock["minute"] or 0), second=0, microsecond=0)
        if not clock["month"]:
            return (moment if moment > here else moment + timedelta(days=1)).astimezone(UTC)
        month = _MONTHS.index(clock["month"].lower()) + 1
        moment = moment.replace(year=int(clock["year"] or here.year), month=month, day=int(clock["day"]))
        return (moment if moment > here or clock["year"] else moment.replace(year=here.year + 1)).astimezone(UTC)
    except (ValueError, KeyError, OSError):  # no such zone, month, day or hour
        return None
