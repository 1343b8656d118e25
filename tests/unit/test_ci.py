from random import Random
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.ci import PASSING, Check, aggregate

State = Literal["pass", "pending", "fail"]

GREENNESS = {"fail": 0, "pending": 1, "pass": 2}
NAMES = st.sampled_from(["lint", "unit", "build", "deploy"])
RED = st.one_of(
    st.sampled_from(["failure", "cancelled", "timed_out", "action_required", "", "Success"]), st.text()
).filter(lambda conclusion: conclusion not in PASSING)
FAILING = st.builds(Check, name=NAMES, status=st.just("completed"), conclusion=RED, summary=st.text(max_size=20))
PASSED = st.builds(Check, name=NAMES, status=st.just("completed"), conclusion=st.sampled_from(sorted(PASSING)))
RUNNING = st.builds(
    Check, name=NAMES, status=st.sampled_from(["queued", "in_progress"]), conclusion=st.text(max_size=5)
)
CHECKS = st.lists(st.one_of(FAILING, PASSED, RUNNING), max_size=5)
REQUIRED = st.lists(NAMES, max_size=3)


def check(name: str, conclusion: str) -> Check:
    """Return a check that is over, or one that runs when there is no conclusion."""
    return Check(name=name, status="completed" if conclusion else "in_progress", conclusion=conclusion)


@pytest.mark.parametrize(
    ("checks", "required", "settled", "state"),
    [
        ([], [], True, "pass"),
        ([], [], False, "pending"),
        ([], ["unit"], True, "pending"),
        ([check("unit", "success")], ["unit"], False, "pass"),
        ([check("unit", "success")], ["unit", "lint"], True, "pending"),
        ([check("unit", "success"), check("lint", "")], [], True, "pending"),
        ([check("unit", "failure"), check("lint", "")], ["build"], False, "fail"),
        ([check("unit", "neutral"), check("lint", "skipped"), check("build", "stale")], [], True, "pass"),
        ([check("unit", "cancelled")], [], True, "fail"),
        ([check("unit", "SUCCESS")], [], True, "fail"),
        ([Check(name="unit", status="completed")], [], True, "fail"),
        ([Check(name="unit", status="queued", conclusion="failure")], [], True, "pending"),
        ([check("unit", "failure"), check("unit", "success")], [], True, "fail"),
    ],
)
def test_what_checks_say_together(checks: list[Check], required: list[str], settled: bool, state: State) -> None:
    assert aggregate(checks, required, settled).state == state


@given(CHECKS, FAILING, REQUIRED, st.booleans(), st.data())
def test_a_failing_check_more_never_makes_it_greener(
    checks: list[Check], more: Check, required: list[str], settled: bool, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(checks)))
    worse = aggregate([*checks[:at], more, *checks[at:]], required, settled)
    assert GREENNESS[worse.state] <= GREENNESS[aggregate(checks, required, settled).state]
    assert worse.state == "fail"
    assert more.name in worse.summary
    assert more.summary.strip() in worse.evidence


@given(CHECKS, REQUIRED, st.booleans())
def test_a_pass_has_nothing_running_missing_or_failed(checks: list[Check], required: list[str], settled: bool) -> None:
    probe = aggregate(checks, required, settled)
    red = [one for one in checks if one.status == "completed" and one.conclusion not in PASSING]
    running = [one for one in checks if one.status != "completed"]
    missing = set(required) - {one.name for one in checks}
    assert (probe.state == "fail") == bool(red)
    if probe.state == "pass":
        assert not running
        assert not missing
        assert checks or settled


@given(CHECKS, REQUIRED, st.booleans())
def test_what_is_awaited_is_named(checks: list[Check], required: list[str], settled: bool) -> None:
    probe = aggregate(checks, required, settled)
    missing = set(required) - {one.name for one in checks}
    if probe.state == "pending" and missing:
        assert all(name in probe.summary for name in missing)


@given(CHECKS, REQUIRED, NAMES, st.booleans())
def test_one_required_name_more_never_makes_it_greener(
    checks: list[Check], required: list[str], more: str, settled: bool
) -> None:
    before, after = aggregate(checks, required, settled), aggregate(checks, [*required, more], settled)
    assert GREENNESS[after.state] <= GREENNESS[before.state]


@given(CHECKS, REQUIRED, st.booleans(), st.randoms(use_true_random=False))
def test_the_order_of_the_checks_changes_nothing(
    checks: list[Check], required: list[str], settled: bool, chance: Random
) -> None:
    shuffled = list(checks)
    chance.shuffle(shuffled)
    assert aggregate(shuffled, required, settled).state == aggregate(checks, required, settled).state
