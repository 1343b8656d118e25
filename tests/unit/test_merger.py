import math
from collections.abc import Callable

import pytest

from contracts.change import ChangeClass, Diff, FileChange
from contracts.estimate import AXES, RATIONALE
from contracts.merger import (
    Assessment,
    Candidate,
    Ceilings,
    Facts,
    Hold,
    HoldRule,
    Merge,
    MergePolicy,
    decide_merge,
    read_assessment,
    risk_floor,
)

PATH_OF = {
    ChangeClass.DOCS: "README.md",
    ChangeClass.TEST: "tests/test_cart.py",
    ChangeClass.DEPENDENCY: "uv.lock",
    ChangeClass.CONFIG: "pyproject.toml",
    ChangeClass.SOURCE: "src/cart.py",
    ChangeClass.SCHEMA: "db/cart.sql",
}
SOURCE = FileChange(path="src/cart.py", added=10, removed=2)
LOW = Assessment(complexity=0.1, risk=0.1, impact=0.1, rationale="one function, covered by tests")
FACTS = Facts(diff=Diff(files=[SOURCE]), tampering=0, suite_green=True, coverage=0.9)
GOOD = Candidate(assessment=LOW, facts=FACTS, open_blockers=0, conflict=False, checks_green=True, dry_run=False)
POLICY = MergePolicy(auto_merge=True)


def with_facts(candidate: Candidate, **changed: object) -> Candidate:
    """Return the candidate with other facts."""
    return candidate.model_copy(update={"facts": candidate.facts.model_copy(update=changed)})


def with_rating(candidate: Candidate, **changed: object) -> Candidate:
    """Return the candidate with another rating; one that has none stays without."""
    rating = candidate.assessment and candidate.assessment.model_copy(update=changed)
    return candidate.model_copy(update={"assessment": rating})


def with_files(candidate: Candidate, files: list[FileChange]) -> Candidate:
    """Return the candidate with another diff."""
    return with_facts(candidate, diff=Diff(files=files))


@pytest.mark.parametrize("axis", AXES)
@pytest.mark.parametrize(
    "value", [None, "0.1", True, False, math.nan, math.inf, -math.inf, -0.1, 1.1, 10**400, -(10**400), [0.1], {}]
)
def test_an_unreadable_axis_is_the_worst(axis: str, value: object) -> None:
    data = {**dict.fromkeys(AXES, 0.25), "rationale": "small"}
    read = read_assessment({**data, axis: value})
    assert read == Assessment(**{**dict.fromkeys(AXES, 0.25), axis: 1.0}, rationale="small")
    absent = read_assessment({name: value for name, value in data.items() if name != axis})
    assert absent == read


def test_the_ends_of_the_scale_are_readable() -> None:
    read = read_assessment({"complexity": 0, "risk": 1, "impact": 0.0})
    assert read == Assessment(complexity=0, risk=1, impact=0)


def test_no_output_is_no_assessment_and_an_empty_one_is_the_worst() -> None:
    assert read_assessment(None) is None
    assert read_assessment({}) == Assessment(complexity=1, risk=1, impact=1)


@pytest.mark.parametrize(
    ("texts", "rationale"),
    [
        ({"rationale": " small "}, "small"),
        ({"rationale": "small", "summary": "other"}, "small"),
        ({"rationale": "  ", "summary": "other"}, "other"),
        ({"rationale": "\u200b—", "summary": "other"}, "other"),
        ({"rationale": 3, "summary": "other"}, "other"),
        ({"summary": "other"}, "other"),
        ({"rationale": "...", "summary": None}, ""),
        ({}, ""),
        ({"rationale": "x" * 3_000}, "x" * RATIONALE),
    ],
)
def test_the_rationale_falls_back_to_the_summary(texts: dict[str, object], rationale: str) -> None:
    read = read_assessment(texts)
    assert read is not None
    assert read.rationale == rationale


@pytest.mark.parametrize(("kind", "floor"), list(zip(ChangeClass, [0.05, 0.1, 0.2, 0.25, 0.3, 0.6], strict=True)))
def test_the_highest_class_sets_the_floor(kind: ChangeClass, floor: float) -> None:
    files = [FileChange(path=PATH_OF[kind], added=1), FileChange(path="README.md", added=1)]
    assert risk_floor(with_files(GOOD, files).facts) == (floor, [f"{kind} is changed (risk at least {floor})"])


@pytest.mark.parametrize(
    ("lines", "floor"),
    [
        (200, 0.05),
        (201, 0.35),
        (500, 0.35),
        (501, 0.45),
        (1_000, 0.45),
        (1_001, 0.6),
        (3_000, 0.6),
        (3_001, 0.9),
    ],
)
def test_the_size_sets_the_floor(lines: int, floor: float) -> None:
    files = [FileChange(path="a.md", added=lines - 100), FileChange(path="b.md", removed=100)]
    assert risk_floor(with_files(GOOD, files).facts)[0] == floor


@pytest.mark.parametrize(
    ("coverage", "floor"), [(None, 0.3), (1, 0.3), (0.5, 0.3), (0.49, 0.5), (0.2, 0.5), (0.19, 0.6), (0, 0.6)]
)
def test_lines_that_no_test_ran_set_the_floor(coverage: float | None, floor: float) -> None:
    assert risk_floor(with_facts(GOOD, coverage=coverage).facts)[0] == floor


@pytest.mark.parametrize(
    ("changed", "floor"),
    [
        ({"tampering": 1}, 1.0),
        ({"suite_green": False}, 1.0),
        ({"protected": ["src/cart.py"]}, 1.0),
        ({"diff": Diff()}, 1.0),
        ({"diff": Diff(files=[FileChange(path="docs/logo.png", binary=True)])}, 0.5),
    ],
)
def test_facts_that_set_the_floor_by_themselves(changed: dict[str, object], floor: float) -> None:
    assert risk_floor(with_facts(GOOD, **changed).facts)[0] == floor


def test_a_good_change_is_merged_with_the_worse_of_claim_and_floor() -> None:
    assert decide_merge(GOOD, POLICY) == Merge(0.3, 0.3, ["source is changed (risk at least 0.3)"])
    assert decide_merge(with_rating(GOOD, risk=0.35), POLICY) == Merge(
        0.35, 0.3, ["source is changed (risk at least 0.3)"]
    )


BROKEN: list[tuple[HoldRule, Callable[[Candidate], Candidate], MergePolicy | None]] = [
    (HoldRule.DRY_RUN, lambda it: it.model_copy(update={"dry_run": True}), POLICY),
    (HoldRule.NO_POLICY, lambda it: it, None),
    (HoldRule.AUTO_MERGE_DISABLED, lambda it: it, MergePolicy(auto_merge=False)),
    (HoldRule.CLASS_NOT_ALLOWED, lambda it: it, MergePolicy(auto_merge=True, classes=[ChangeClass.DOCS])),
    (HoldRule.PROTECTED_PATH, lambda it: with_facts(it, protected=["src/cart.py"]), POLICY),
    (HoldRule.TAMPERING, lambda it: with_facts(it, tampering=1), POLICY),
    (HoldRule.SUITE_NOT_GREEN, lambda it: with_facts(it, suite_green=False), POLICY),
    (HoldRule.OPEN_BLOCKER, lambda it: it.model_copy(update={"open_blockers": 1}), POLICY),
    (HoldRule.CONFLICT, lambda it: it.model_copy(update={"conflict": True}), POLICY),
    (HoldRule.CHECKS_NOT_GREEN, lambda it: it.model_copy(update={"checks_green": False}), POLICY),
    (HoldRule.NO_ASSESSMENT, lambda it: it.model_copy(update={"assessment": None}), POLICY),
    (HoldRule.NO_RATIONALE, lambda it: with_rating(it, rationale=" "), POLICY),
    (HoldRule.EXCEEDED, lambda it: with_rating(it, impact=0.9), POLICY),
]


@pytest.mark.parametrize(("rule", "broken", "policy"), BROKEN, ids=[row[0] for row in BROKEN])
def test_each_rule_holds_by_itself(
    rule: HoldRule, broken: Callable[[Candidate], Candidate], policy: MergePolicy | None
) -> None:
    held = decide_merge(broken(GOOD), policy)
    assert isinstance(held, Hold)
    assert held.rule is rule
    assert held.message.startswith(f"{rule}: ")


def test_the_rules_are_tried_in_their_order() -> None:
    assert [row[0] for row in BROKEN] == [rule for rule in HoldRule if rule is not HoldRule.LEFT_BY_FORGE]
    candidate, policy = GOOD, POLICY
    for rule, broken, other in reversed(BROKEN):
        candidate, policy = broken(candidate), policy if other == POLICY else other
        held = decide_merge(candidate, policy)
        assert isinstance(held, Hold)
        assert held.rule is rule


@pytest.mark.parametrize("axis", AXES)
def test_a_ceiling_itself_passes(axis: str) -> None:
    policy = MergePolicy(auto_merge=True, ceilings=Ceilings(complexity=0.5, risk=0.5, impact=0.5))
    assert isinstance(decide_merge(with_rating(GOOD, **{axis: 0.5}), policy), Merge)
    held = decide_merge(with_rating(GOOD, **{axis: math.nextafter(0.5, 1)}), policy)
    assert isinstance(held, Hold)
    assert held.message == f"exceeded: {axis} 0.5000000000000001 is above 0.5"


def test_every_exceeded_axis_is_named_with_its_value_and_ceiling() -> None:
    candidate = with_files(with_rating(GOOD, complexity=0.6, impact=0.7), [FileChange(path="a.py", added=501)])
    assert decide_merge(candidate, POLICY) == Hold(
        HoldRule.EXCEEDED,
        "exceeded: complexity 0.6 is above 0.5; risk 0.45 is above 0.4 (claimed 0.1; 501 lines are changed "
        "(risk at least 0.45); source is changed (risk at least 0.3)); impact 0.7 is above 0.5",
    )


def test_a_rating_that_is_no_number_never_passes_a_ceiling() -> None:
    rating = Assessment.model_construct(complexity=math.nan, risk=0.1, impact=0.1, rationale="small")
    assert isinstance(decide_merge(GOOD.model_copy(update={"assessment": rating}), POLICY), Hold)


def test_a_class_that_is_not_allowed_holds_beside_a_higher_one_that_is() -> None:
    files = [FileChange(path="src/cart.py"), FileChange(path="db/cart.sql")]
    policy = MergePolicy(auto_merge=True, classes=[ChangeClass.SCHEMA], ceilings=Ceilings(risk=1))
    held = decide_merge(with_files(GOOD, files), policy)
    assert isinstance(held, Hold)
    assert held.message == (
        "class_not_allowed: the policy does not allow source ('src/cart.py') to be merged by itself"
    )


def test_a_change_that_is_empty_or_unreadable_has_no_class_to_allow() -> None:
    held = decide_merge(with_files(GOOD, []), MergePolicy(auto_merge=True, ceilings=Ceilings(risk=1)))
    assert isinstance(held, Hold)
    assert held.rule is HoldRule.CLASS_NOT_ALLOWED


def test_a_schema_is_not_merged_by_default() -> None:
    held = decide_merge(with_files(GOOD, [FileChange(path="db/cart.sql", added=1)]), POLICY)
    assert isinstance(held, Hold)
    assert held.rule is HoldRule.CLASS_NOT_ALLOWED


def test_a_long_list_of_paths_is_cut() -> None:
    held = decide_merge(with_facts(GOOD, protected=[f"infra/{number}.tf" for number in range(9)]), POLICY)
    assert isinstance(held, Hold)
    assert held.message.endswith("'infra/4.tf' and 4 more")
