from collections.abc import Callable
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from contracts.change import ChangeClass, Diff, FileChange
from contracts.estimate import AXES
from contracts.merger import (
    Assessment,
    Candidate,
    Ceilings,
    Facts,
    Hold,
    Merge,
    MergePolicy,
    decide_merge,
    read_assessment,
    risk_floor,
)

Worsening = Callable[[Candidate], Candidate]

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


def rarely(usual: object, strategy: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Mostly the usual value, so that many candidates are close to a merge."""
    return st.integers(0, 9).flatmap(lambda draw: strategy if draw == 7 else st.just(usual))


USUALLY = st.sampled_from([*[True] * 9, False])
USUALLY_NOT = st.sampled_from([*[False] * 9, True])
UNIT = st.one_of(st.just(0.3), st.floats(0, 1))
FILES = st.builds(
    FileChange,
    path=st.sampled_from(
        ["README.md", "tests/test_cart.py", "uv.lock", "pyproject.toml", "src/cart.py", "db/cart.sql"]
    ),
    added=rarely(5, st.integers(0, 4_000)),
    removed=st.integers(0, 50),
    binary=USUALLY_NOT,
)
ASSESSMENTS = st.builds(
    Assessment, complexity=UNIT, risk=UNIT, impact=UNIT, rationale=rarely("small", st.sampled_from(["", " ", "-"]))
)
ALL_FACTS = st.builds(
    Facts,
    diff=st.lists(FILES, max_size=4).map(lambda files: Diff(files=files)),
    tampering=rarely(0, st.integers(0, 3)),
    suite_green=USUALLY,
    coverage=st.one_of(st.none(), UNIT),
    protected=rarely([], st.just(["src/cart.py"])),
)
CANDIDATES = st.builds(
    Candidate,
    assessment=rarely(LOW, st.one_of(st.none(), ASSESSMENTS)),
    facts=ALL_FACTS,
    open_blockers=rarely(0, st.integers(0, 3)),
    conflict=USUALLY_NOT,
    checks_green=USUALLY,
    dry_run=USUALLY_NOT,
)
POLICIES = st.builds(
    MergePolicy,
    auto_merge=USUALLY,
    classes=rarely(list(ChangeClass), st.lists(st.sampled_from(ChangeClass), unique=True)),
    ceilings=rarely(Ceilings(), st.builds(Ceilings, complexity=UNIT, risk=UNIT, impact=UNIT)),
)


def worsenings() -> st.SearchStrategy[Worsening]:
    """Everything that can make a change worse."""

    def raised(axis: str, value: float) -> Worsening:
        def worse(candidate: Candidate) -> Candidate:
            return with_rating(candidate, **{axis: max(value, getattr(candidate.assessment, axis, 0))})

        return worse

    def longer(lines: int) -> Worsening:
        def worse(candidate: Candidate) -> Candidate:
            first, *rest = candidate.facts.diff.files
            return with_files(candidate, [first.model_copy(update={"added": first.added + lines}), *rest])

        return worse

    def larger(file: FileChange) -> Worsening:
        return lambda candidate: with_files(candidate, [*candidate.facts.diff.files, file])

    def less_covered(share: float) -> Worsening:
        def worse(candidate: Candidate) -> Candidate:
            known = candidate.facts.coverage
            return with_facts(candidate, coverage=share if known is None else min(share, known))

        return worse

    def set_to(**changed: object) -> Worsening:
        return lambda candidate: candidate.model_copy(update=changed)

    fixed: list[Worsening] = [
        set_to(open_blockers=4),
        set_to(conflict=True),
        set_to(checks_green=False),
        set_to(assessment=None),
        set_to(dry_run=True),
        lambda candidate: with_rating(candidate, rationale=""),
        lambda candidate: with_facts(candidate, tampering=4),
        lambda candidate: with_facts(candidate, suite_green=False),
        lambda candidate: with_facts(candidate, protected=["src/cart.py"]),
    ]
    return st.one_of(
        st.sampled_from(fixed),
        st.builds(raised, st.sampled_from(AXES), st.floats(0, 1)),
        st.builds(longer, st.integers(0, 4_000)),
        st.builds(larger, FILES),
        st.builds(less_covered, st.floats(0, 1)),
    )


JSON = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.integers()))


@given(st.dictionaries(st.sampled_from([*AXES, "rationale", "summary"]), JSON))
def test_every_output_is_an_assessment_and_a_missing_axis_never_merges(data: dict[str, object]) -> None:
    read = read_assessment(data)
    assert read is not None
    if not set(AXES) <= set(data):
        assert isinstance(decide_merge(GOOD.model_copy(update={"assessment": read}), POLICY), Hold)


@given(ALL_FACTS)
def test_the_floor_is_in_range_and_has_a_reason(facts: Facts) -> None:
    floor, reasons = risk_floor(facts)
    assert 0 < floor <= 1
    assert reasons[0].endswith(f"(risk at least {floor})")


@given(CANDIDATES, st.one_of(st.none(), POLICIES))
def test_a_merge_has_everything_that_it_needs(candidate: Candidate, policy: MergePolicy | None) -> None:
    answer = decide_merge(candidate, policy)
    assert isinstance(answer, Merge | Hold)
    if isinstance(answer, Hold):
        return
    facts, claim = candidate.facts, candidate.assessment
    assert policy is not None
    assert claim is not None
    assert policy.auto_merge
    assert set(facts.diff.classes) <= set(policy.classes)
    assert facts.diff.files
    assert claim.rationale.strip()
    assert facts.suite_green
    assert candidate.checks_green
    assert not any([candidate.dry_run, candidate.conflict, candidate.open_blockers, facts.tampering, facts.protected])
    assert answer.risk == max(claim.risk, answer.floor) <= policy.ceilings.risk
    assert claim.complexity <= policy.ceilings.complexity
    assert claim.impact <= policy.ceilings.impact


@given(CANDIDATES, POLICIES, worsenings())
def test_a_worse_change_never_turns_a_hold_into_a_merge(
    candidate: Candidate, policy: MergePolicy, worse: Worsening
) -> None:
    assume(candidate.facts.diff.files)
    before, after = decide_merge(candidate, policy), decide_merge(worse(candidate), policy)
    assert isinstance(before, Merge) or isinstance(after, Hold)
    assert risk_floor(worse(candidate).facts)[0] >= risk_floor(candidate.facts)[0]


@given(CANDIDATES, POLICIES, st.sampled_from(ChangeClass), st.sampled_from(AXES), st.floats(0, 1))
def test_a_stricter_policy_never_turns_a_hold_into_a_merge(
    candidate: Candidate, policy: MergePolicy, dropped: ChangeClass, axis: str, least: float
) -> None:
    lower = policy.ceilings.model_copy(update={axis: min(least, getattr(policy.ceilings, axis))})
    classes = [kind for kind in policy.classes if kind is not dropped]
    stricter = policy.model_copy(update={"classes": classes, "ceilings": lower})
    assert isinstance(decide_merge(candidate, policy), Merge) or isinstance(decide_merge(candidate, stricter), Hold)
