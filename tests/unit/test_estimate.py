import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.estimate import AXES, RATIONALE, Estimate, Gating, read_estimate, runs

UNIT = st.floats(0, 1)
ESTIMATES = st.builds(Estimate, complexity=UNIT, risk=UNIT, impact=UNIT)
GATINGS = st.builds(
    Gating, min_complexity=UNIT, min_risk=UNIT, min_impact=UNIT, on_missing=st.sampled_from(["run", "skip"])
)
JSON = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers()))


def test_a_full_estimate_is_read() -> None:
    data = {"complexity": 0.2, "risk": 0, "impact": 1, "rationale": "  small ", "more": 1}
    assert read_estimate(data) == Estimate(complexity=0.2, risk=0, impact=1, rationale="small")


def test_axes_are_clamped() -> None:
    read = read_estimate({"complexity": -3, "risk": 1.5, "impact": 10**400})
    assert read == Estimate(complexity=0, risk=1, impact=1)


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize("value", [None, "0.5", True, False, math.nan, math.inf, -math.inf, [0.5], {}])
def test_one_unreadable_axis_makes_no_estimate(axis: str, value: object) -> None:
    full = dict.fromkeys(AXES, 0.5)
    assert read_estimate(full) is not None
    assert read_estimate({**full, axis: value}) is None
    assert read_estimate({name: 0.5 for name in AXES if name != axis}) is None


def test_no_output_is_no_estimate() -> None:
    assert read_estimate(None) is None
    assert read_estimate({}) is None


@pytest.mark.parametrize("rationale", [None, 3, ["a"]])
def test_a_rationale_that_is_no_text_is_left_out(rationale: object) -> None:
    read = read_estimate({**dict.fromkeys(AXES, 0.5), "rationale": rationale})
    assert read is not None
    assert read.rationale == ""


def test_a_long_rationale_is_cut() -> None:
    read = read_estimate({**dict.fromkeys(AXES, 0.5), "rationale": "x" * 5_000})
    assert read is not None
    assert len(read.rationale) == RATIONALE


@given(st.dictionaries(st.sampled_from([*AXES, "rationale"]), JSON))
def test_every_output_is_an_estimate_or_none(data: dict[str, object]) -> None:
    read = read_estimate(data)
    assert read is None or all(0 <= value <= 1 for value in (read.complexity, read.risk, read.impact))


@pytest.mark.parametrize(
    ("gating", "expected"),
    [
        (None, True),
        (Gating(), True),
        (Gating(on_missing="skip"), True),
        (Gating(min_complexity=0.4), True),
        (Gating(min_complexity=0.41), False),
        (Gating(min_risk=0.6), True),
        (Gating(min_risk=0.7), False),
        (Gating(min_impact=0.2), True),
        (Gating(min_impact=0.3), False),
        (Gating(min_complexity=0.9, min_impact=0.1), True),
        (Gating(min_complexity=0.9, min_risk=0.9, min_impact=0.9), False),
    ],
)
def test_any_axis_at_its_threshold_runs_the_step(gating: Gating | None, expected: bool) -> None:
    assert runs(gating, Estimate(complexity=0.4, risk=0.6, impact=0.2)) is expected


@pytest.mark.parametrize(
    ("gating", "expected"),
    [
        (None, True),
        (Gating(), True),
        (Gating(on_missing="skip"), True),
        (Gating(min_risk=0.9), True),
        (Gating(min_risk=0.9, on_missing="skip"), False),
    ],
)
def test_without_an_estimate_the_gating_says_what_happens(gating: Gating | None, expected: bool) -> None:
    assert runs(gating, None) is expected


def test_the_axes_of_a_gating_are_those_that_are_set() -> None:
    assert Gating(min_risk=0.8, min_impact=0.1).axes == {"risk": 0.8, "impact": 0.1}
    assert Gating().axes == {}


@given(GATINGS, ESTIMATES, st.sampled_from(AXES), UNIT)
def test_a_larger_estimate_never_skips_a_step_that_ran(
    gating: Gating, estimate: Estimate, axis: str, value: float
) -> None:
    larger = estimate.model_copy(update={axis: max(value, getattr(estimate, axis))})
    assert runs(gating, larger) or not runs(gating, estimate)


@pytest.mark.parametrize("wrong", [{"min_risk": 1.1}, {"min_risk": -0.1}, {"min_risks": 0.5}, {"min_risk": math.nan}])
def test_a_wrong_threshold_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Gating.model_validate(wrong)
