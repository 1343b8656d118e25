from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from contracts.budget import Scope
from contracts.failure import FailureKind
from contracts.parking import LEAST_SECONDS, SPREAD_SECONDS, next_look, quota_until, told, wake_at

NOW = datetime(2026, 11, 30, 23, 50, tzinfo=UTC)


def after(**time: float) -> datetime:
    return NOW + timedelta(**time)


@pytest.mark.parametrize("until", [NOW, after(hours=-3), after(seconds=LEAST_SECONDS)])
def test_a_run_is_not_taken_up_before_its_process_has_gone(until: datetime) -> None:
    assert wake_at(NOW, until, "r") >= after(seconds=LEAST_SECONDS)


def test_runs_that_wait_for_the_same_time_do_not_all_come_at_once() -> None:
    late = [(wake_at(NOW, after(hours=1), f"run {n}") - after(hours=1)).total_seconds() for n in range(200)]
    assert all(0 <= one < SPREAD_SECONDS for one in late)
    assert max(late) - min(late) > SPREAD_SECONDS * 0.9
    assert wake_at(NOW, after(hours=1), "run 1") == wake_at(NOW, after(hours=1), "run 1")


@pytest.mark.parametrize(
    ("scope", "minutes", "found"),
    [
        (Scope.RUN, 15, after(minutes=15)),
        (Scope.REPOSITORY, 5, after(minutes=5)),
        (Scope.REPOSITORY, 15, datetime(2026, 12, 1, tzinfo=UTC)),
        (Scope.INSTALLATION, 600, datetime(2026, 12, 1, tzinfo=UTC)),
    ],
)
def test_a_run_over_a_cap_looks_again_in_a_while_or_in_the_new_month(
    scope: Scope, minutes: float, found: datetime
) -> None:
    assert next_look(NOW, scope, minutes) == found


@pytest.mark.parametrize(
    ("kind", "resets_at", "found"),
    [
        (FailureKind.QUOTA, after(hours=1), after(hours=1)),
        (FailureKind.QUOTA, NOW, None),
        (FailureKind.QUOTA, after(seconds=-1), None),
        (FailureKind.QUOTA, None, None),
        (FailureKind.PROVIDER, after(hours=1), None),
    ],
)
def test_only_a_quota_with_a_reset_to_come_is_waited_for(
    kind: FailureKind, resets_at: datetime | None, found: datetime | None
) -> None:
    assert quota_until(NOW, kind, resets_at) == found


def test_what_a_run_waits_for_is_told() -> None:
    assert told(FailureKind.QUOTA, NOW) == "waits for its quota, looks again at 2026-11-30 23:50 UTC"
    assert told(FailureKind.BUDGET, NOW).startswith("waits for its budget")
