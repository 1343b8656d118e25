from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.failure import FailureKind
from contracts.flake import FlakeVerdict
from contracts.integrity.strictness import BLOCKING, Change
from contracts.integrity.tampering import Tampering
from contracts.rules import Advance, Ask, AskReason, Fail, Help
from contracts.tester import RED, Case, Concern, SuiteReport, SuiteRun, decide, judge_excuse

CAUSED, FLAKY, PREEXISTING, INFRASTRUCTURE = FlakeVerdict
NAMES = st.sampled_from(["sum", "add", "remove"])
CASES = st.builds(Case, name=NAMES, status=st.sampled_from(["passed", "passed", "failed", "error", "skipped"]))
RUNS = st.builds(
    SuiteRun, cases=st.lists(CASES, max_size=4), problem=st.sampled_from(["", "", "", "the suite ran no test"])
)
CONCERNS = st.builds(
    Concern, title=st.just("slow"), severity=st.sampled_from(["low", "low", "medium", "high", "critical"])
)
TAMPERINGS = st.builds(Tampering, path=st.just("tests/test_cart.py"), change=st.sampled_from(Change), why=st.just("x"))
REPORTS = st.builds(
    SuiteReport,
    tree=st.just("1"),
    sealed=RUNS,
    own=st.none() | RUNS,
    base=RUNS,
    verdicts=st.dictionaries(NAMES, st.sampled_from(FlakeVerdict)),
    tampering=st.lists(TAMPERINGS, max_size=1),
    concerns=st.lists(CONCERNS, max_size=2),
)
COUNTS = st.integers(0, 4)


def run(problem: str = "", **cases: Any) -> SuiteRun:
    return SuiteRun(cases=[Case(name=name, status=status) for name, status in cases.items()], problem=problem)


def report(sealed: SuiteRun, base: SuiteRun | None = None, **others: Any) -> SuiteReport:
    return SuiteReport(tree="1", sealed=sealed, base=base or run(), **others)


def concern(severity: Any) -> Concern:
    return Concern(title="slow", severity=severity)


GREEN = report(run(sum="passed"))


@pytest.mark.parametrize(
    ("seen", "green"),
    [
        (GREEN, True),
        (report(run(sum="passed", add="skipped")), True),
        (report(run(sum="passed"), base=run(sum="failed")), True),
        (report(run()), False),
        (report(run(sum="skipped")), False),
        (report(run(sum="passed", add="failed")), False),
        (report(run(sum="passed", add="error")), False),
        (report(run("ended by force", sum="passed")), False),
        (report(run(sum="passed"), base=run(sum="passed", add="passed")), False),
        (report(run(sum="passed", add="skipped"), base=run(sum="passed", add="passed")), False),
        (report(run(sum="passed", add="skipped"), base=run(sum="passed", add="skipped")), True),
        (report(run(sum="passed"), own=run(sum="passed", more="passed")), True),
        (report(run(sum="passed"), own=run(sum="passed", more="failed")), False),
        (report(run(sum="passed"), own=run("wrote no results")), False),
        (report(run(sum="passed"), own=run()), False),
        (report(run(sum="passed"), own=run(sum="skipped")), False),
        (report(run(sum="passed", add="failed"), verdicts={"add": FLAKY}), True),
        (report(run(sum="passed", add="failed"), verdicts={"add": PREEXISTING}), True),
        (report(run(sum="passed", add="failed"), verdicts={"add": CAUSED}), False),
        (report(run(sum="passed", add="failed"), verdicts={"add": INFRASTRUCTURE}), False),
    ],
)
def test_the_greenlight(seen: SuiteReport, *, green: bool) -> None:
    assert seen.green is green
    assert seen.render().startswith(f"The suite is {'green' if green else 'red'}.")


@given(REPORTS)
def test_green_says_that_everything_ran_and_something_passed(seen: SuiteReport) -> None:
    if seen.green:
        assert not seen.failed
        assert not seen.lost
        assert not any(one.problem for one in seen.runs)
        assert all(one.named("passed") for one in seen.runs)
        assert set(seen.base.named("passed")) <= set(seen.sealed.named("passed", *RED))


@given(REPORTS, st.sampled_from(sorted(RED)), st.sampled_from(["sum", "add", "remove", "new"]), st.booleans())
def test_one_more_failing_test_never_makes_a_report_green(
    seen: SuiteReport, status: Any, name: str, front: Any
) -> None:
    more = [Case(name=name, status=status)]
    cases = [*more, *seen.sealed.cases] if front else [*seen.sealed.cases, *more]
    worse = seen.model_copy(update={"sealed": seen.sealed.model_copy(update={"cases": cases})})
    if seen.verdicts.get(name) not in (FLAKY, PREEXISTING):
        assert not worse.green
        assert name in worse.failed
    assert seen.green or name in seen.lost or not worse.green


@given(REPORTS)
def test_a_report_without_its_own_run_is_no_redder(seen: SuiteReport) -> None:
    assert not seen.green or seen.model_copy(update={"own": None}).green


@given(REPORTS, COUNTS, COUNTS)
def test_every_report_is_decided(seen: SuiteReport, fixed: int, budget: int) -> None:
    match decide(seen, fixed, budget):
        case Advance():
            assert seen.green
            assert not any(one.severity in {"high", "critical"} for one in seen.concerns)
            assert not seen.concerns or fixed or not budget
        case Help(helper, evidence):
            assert helper == "fixer"
            assert fixed < budget
            assert evidence == seen.render()
        case Ask(reason):
            assert reason is AskReason.TAMPERING
            assert seen.blocking
        case Fail(kind, message):
            assert kind is FailureKind.TESTS_RED
            assert fixed >= budget
            assert not message.endswith(": ")


@given(REPORTS, COUNTS, COUNTS, st.sampled_from(sorted(BLOCKING)))
def test_a_weakened_test_always_asks_a_person(seen: SuiteReport, fixed: int, budget: int, change: Change) -> None:
    weakened = Tampering(path="tests/test_cart.py", name="test_sum", change=change, why="an assertion is gone")
    rule = decide(seen.model_copy(update={"tampering": [*seen.tampering, weakened]}), fixed, budget)
    assert isinstance(rule, Ask)
    assert rule.reason is AskReason.TAMPERING


@pytest.mark.parametrize("change", sorted(set(Change) - BLOCKING))
def test_what_makes_no_test_weaker_asks_nobody(change: Change) -> None:
    harmless = Tampering(path="tests/test_cart.py", change=change, why="more is shown")
    assert isinstance(decide(report(run(sum="passed"), tampering=[harmless]), 0, 3), Advance)


@pytest.mark.parametrize(
    ("severity", "fixed", "budget", "expected"),
    [
        ("low", 0, 3, Help),
        ("low", 1, 3, Advance),
        ("medium", 1, 3, Advance),
        ("high", 1, 3, Help),
        ("critical", 3, 3, Fail),
        ("low", 0, 0, Advance),
        ("high", 0, 0, Fail),
    ],
)
def test_only_the_first_round_of_several_tolerates_no_concern(
    severity: str, fixed: int, budget: int, expected: type
) -> None:
    seen = report(run(sum="passed"), concerns=[concern(severity)])
    assert isinstance(decide(seen, fixed, budget), expected)


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        (report(run(sum="failed")), ": sum"),
        (report(run("ended by force")), ": ended by force"),
        (report(run(), own=run("wrote no results")), ": wrote no results"),
        (report(run(sum="passed"), base=run(add="passed")), ": add did not run"),
        (report(run(sum="skipped")), ": no test passed"),
        (report(run(sum="passed"), concerns=[concern("high")]), ": concern 'slow'"),
    ],
)
def test_a_failure_names_what_is_wrong(seen: SuiteReport, says: str) -> None:
    rule = decide(seen, 3, 3)
    assert isinstance(rule, Fail)
    assert rule.message.endswith(says)
    assert rule.detail


def test_a_failure_holds_no_endless_evidence() -> None:
    noisy = SuiteRun(cases=[Case(name=f"t{number}", status="failed", detail="x" * 4_000) for number in range(20)])
    rule = decide(report(noisy), 3, 3)
    assert isinstance(rule, Fail)
    assert len(rule.detail) <= 8_000
    assert len(report(noisy).render()) <= 20_000


def test_a_fixer_is_told_what_is_red_and_what_is_gone() -> None:
    sealed = SuiteRun(cases=[Case(name="sum", status="failed", detail="assert 2 == 3")], problem="", output="")
    own = SuiteRun(problem="the suite wrote no results", output="SyntaxError")
    text = report(sealed, base=run(add="passed"), own=own, concerns=[concern("high")]).render()
    for words in (
        "Red: sum\nassert 2 == 3",
        "Ran on the base but not now: add",
        "wrote no results\nSyntaxError",
        "(high): slow",
    ):
        assert words in text


def test_witnesses_were_red_and_are_green() -> None:
    base = run(sum="failed", add="error", remove="passed", other="failed")
    assert report(run(sum="passed", add="passed", remove="passed", other="skipped"), base=base).witnesses == [
        "sum",
        "add",
    ]


@pytest.mark.parametrize(
    ("seen", "name", "status"),
    [
        (run(sum="passed"), "sum", "passed"),
        (run(sum="skipped"), "sum", "skipped"),
        (run(sum="passed"), "add", "missing"),
        (run(), "add", "unavailable"),
    ],
)
def test_how_one_test_ended(seen: SuiteRun, name: str, status: str) -> None:
    assert seen.status(name) == status


@pytest.mark.parametrize(
    ("verdict", "base", "kind", "known", "judged"),
    [
        (PREEXISTING, "failed", "bug", False, CAUSED),
        (PREEXISTING, "failed", "bug", True, PREEXISTING),
        (PREEXISTING, "error", "feature", False, PREEXISTING),
        (FLAKY, "passed", "bug", False, FLAKY),
        (FLAKY, "failed", "bug", False, CAUSED),
        (FLAKY, "error", "bug", True, FLAKY),
        (FLAKY, "failed", "feature", False, FLAKY),
        (CAUSED, "passed", "feature", True, CAUSED),
        (INFRASTRUCTURE, "failed", "bug", True, INFRASTRUCTURE),
    ],
)
def test_what_was_red_before_excuses_no_bug(
    verdict: FlakeVerdict, base: str, kind: str, *, known: bool, judged: FlakeVerdict
) -> None:
    assert judge_excuse(verdict, base, kind, known) is judged
