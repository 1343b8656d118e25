"""Ticks of schedules: which ones a cron may have, and which schedule a run belongs to."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import cache
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from contracts.work import Repository, WorkItem

TRIGGERED = "triggered"
"""Tag of the runs that deliveries started."""
SKIPPED = "Skipped"
"""Name of the state of a run that began by itself and had nothing to do then; its message says why."""
Upkeep = Literal["tech-debt", "dependency-updates"]
UPKEEP: dict[Upkeep, str] = {
    "tech-debt": "Pay off technical debt",
    "dependency-updates": "Bring the dependencies up to date",
}
"""Pipelines that are run by schedules, and the titles of what they do."""
_KEY = re.compile(r"(scheduled [0-9a-f-]{36} [0-9a-f-]{36}) .+", re.DOTALL)
_FIELD = re.compile(r"[0-9*,/-]+")
_YEARS = range(2026, 2029)
"""Years whose changes of clocks are looked at; zones change theirs at the same hour for decades."""


def schedule_of(key: str) -> str:
    """Return what the idempotency keys of all runs of one schedule begin with; empty: it is no such key."""
    found = _KEY.fullmatch(key)
    return found[1] if found else ""


def check_cron(cron: str, timezone: str) -> None:
    """Raise ValueError unless a cron has five fields and comes once a time, whatever the clocks of its zone do."""
    fields = cron.split()
    if len(fields) != 5 or not all(_FIELD.fullmatch(one) for one in fields):
        raise ValueError(f"{cron!r} is no cron of five fields with digits and * , - /; write one like '0 4 * * 1'")
    hours, changing = _hours(fields[1]), _changing(timezone)
    if hours & changing and len(hours) < 24:
        at = " and ".join(f"{one:02}:00" for one in sorted(changing))
        raise ValueError(f"{cron!r} ticks in the hour of {at}, when clocks of {timezone} change; choose another hour")


@cache
def _changing(timezone: str) -> frozenset[int]:
    """The hours that some day of a zone does not have, or has twice; a tick in them comes at another hour."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError(f"{timezone!r} is no time zone; write one like 'Europe/Berlin' or 'UTC'") from None
    begin, end = (datetime(year, 1, 1, tzinfo=zone) for year in (_YEARS.start, _YEARS.stop))
    steps = (begin + timedelta(minutes=30 * number) for number in range((end - begin).days * 48))
    return frozenset(at.hour for at in steps if at.utcoffset() != at.replace(fold=1).utcoffset())


def _hours(field: str) -> set[int]:
    """The hours that the second field of a cron names."""
    hours: set[int] = set()
    for part in field.split(","):
        span, _, step = part.partition("/")
        first, _, last = span.partition("-")
        begin = 0 if first == "*" else int(first or 0)
        end = int(last) if last else 23 if first == "*" or step else begin
        hours |= set(range(begin, end + 1, int(step or 1) or 1))
    return hours


def upkeep_item(pipeline: Upkeep, repository: Repository, base: str) -> WorkItem:
    """Return the work item of a pipeline that a schedule runs; there is one for each repository and pipeline."""
    return WorkItem(repository=repository, title=UPKEEP[pipeline], kind="recurring", base=base, key=pipeline)


def slug_of(repository: Repository) -> str:
    """Return the name of the schedules of a repository: readable, and its own."""
    text = f"{repository.forge} {repository.name}".lower()
    return re.sub(r"[^a-z0-9]+", "-", text).strip("-")
