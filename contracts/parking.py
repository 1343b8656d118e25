"""Runs that wait for money or for a quota: in a scheduled state, without a process, until they look again."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from contracts.budget import Scope, month_of
from contracts.failure import FailureKind

PARKED = "Parked"
"""Name of the scheduled state of a run that waits for money or for a quota."""
LEAST_SECONDS = 30.0
"""Shortest wait: the process that parks a run must be gone before another one takes it up."""
SPREAD_SECONDS = 60.0
"""Runs that wait for the same time go on within this time after it, so that they do not all come at once."""
WAITS_FOR = {FailureKind.QUOTA: "its quota", FailureKind.BUDGET: "its budget"}


def wake_at(now: datetime, until: datetime, run: str) -> datetime:
    """Return when a parked run is taken up again.

    Args:
        now: the present time.
        until: when there may be quota or budget again.
        run: id of the run; each has a delay of its own.
    """
    drawn = int.from_bytes(hashlib.sha256(run.encode()).digest()[:4], "big") / 2**32
    return max(until, now + timedelta(seconds=LEAST_SECONDS)) + timedelta(seconds=SPREAD_SECONDS * drawn)


def next_look(now: datetime, scope: Scope, minutes: float) -> datetime:
    """Return when a run over a cap looks whether there is more: after so many minutes, or when the month is over."""
    again = now + timedelta(minutes=minutes)
    return again if scope is Scope.RUN else min(again, month_of(now)[1])


def quota_until(now: datetime, kind: FailureKind, resets_at: datetime | None) -> datetime | None:
    """Return until when a quota is used up; none: it is no quota, or nobody knows, or that time has passed."""
    waits = kind is FailureKind.QUOTA and resets_at is not None and resets_at > now
    return resets_at if waits else None


def told(kind: FailureKind, at: datetime) -> str:
    """Return in a few words what a parked run waits for."""
    return f"waits for {WAITS_FOR.get(kind, 'what it lacks')}, looks again at {at:%Y-%m-%d %H:%M} UTC"
