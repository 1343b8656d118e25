import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.failure import FailureKind
from contracts.rules import Advance, Ask, AskReason, Fail, Help
from contracts.watch import Probe, Watch, decide

WATCHES = st.builds(
    Watch,
    helper=st.sampled_from(["ci-fixer", "conflict-resolver"]),
    budget=st.integers(0, 50),
    spent=st.sampled_from(FailureKind),
    asks=st.booleans(),
)
PROBES = st.builds(
    Probe,
    state=st.sampled_from(["pass", "pending", "fail"]),
    summary=st.text(min_size=1, max_size=20),
    evidence=st.text(max_size=20),
)
CI = Watch(helper="ci-fixer", budget=3, spent=FailureKind.CI_RED)
CONFLICTS = Watch(helper="conflict-resolver", budget=1, spent=FailureKind.CONFLICT, asks=True)
RED = Probe(state="fail", summary="unit failed", evidence="assert 1 == 2")


@pytest.mark.parametrize("helped", [0, 1, 2])
def test_a_failure_is_helped_while_the_budget_lasts(helped: int) -> None:
    assert decide(CI, RED, helped) == Help("ci-fixer", "unit failed\n\nassert 1 == 2")


@pytest.mark.parametrize("helped", [3, 4])
def test_a_spent_budget_fails_in_its_own_kind_with_the_evidence(helped: int) -> None:
    message = f"unit failed; {helped} of 3 attempts of 'ci-fixer' are spent"
    assert decide(CI, RED, helped) == Fail(FailureKind.CI_RED, message, "assert 1 == 2")


def test_a_gate_that_asks_asks_when_its_budget_is_spent() -> None:
    assert isinstance(decide(CONFLICTS, RED, 0), Help)
    assert decide(CONFLICTS, RED, 1) == Ask(
        AskReason.CONFLICT,
        "unit failed; 1 of 1 attempts of 'conflict-resolver' are spent",
        again=Help("conflict-resolver", "unit failed\n\nassert 1 == 2"),
    )


def test_a_wait_that_lasted_too_long_fails_as_a_timeout() -> None:
    ended = decide(CI, Probe(state="pending", summary="waiting for: unit"), 0)
    assert ended == Fail(FailureKind.TIMEOUT, "the gate was still waiting at the end of its time: waiting for: unit")


def test_a_budget_of_nothing_never_pays_a_helper() -> None:
    assert isinstance(decide(CI.model_copy(update={"budget": 0}), RED, 0), Fail)


@given(WATCHES, PROBES, st.integers(0, 100))
def test_every_probe_has_one_answer(watch: Watch, probe: Probe, helped: int) -> None:
    answer = decide(watch, probe, helped)
    assert isinstance(answer, Advance | Help | Ask | Fail)
    assert isinstance(answer, Advance) == (probe.state == "pass")
    assert isinstance(answer, Help) == (probe.state == "fail" and helped < watch.budget)
    assert not isinstance(answer, Ask) or watch.asks


@given(WATCHES, PROBES.filter(lambda probe: probe.state == "fail"))
def test_a_gate_that_stays_red_ends_after_its_budget(watch: Watch, probe: Probe) -> None:
    helped = 0
    while isinstance(decide(watch, probe, helped), Help):
        helped += 1
    assert helped == watch.budget


@pytest.mark.parametrize("wrong", [{"budget": -1}, {"spent": "tired"}])
def test_a_wrong_watch_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Watch.model_validate({"helper": "ci-fixer", "budget": 3, "spent": "ci_red", **wrong})
