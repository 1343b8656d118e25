from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.errors import Misconfigured
from contracts.estimate import Gating
from contracts.kinds import KINDS, Family
from contracts.pipeline import RESERVED, Pipeline, Step

RISK = Gating(min_risk=0.5)
NO_AXIS = Gating()
TAIL = ("conflicts", "ci", "merger")


def pipeline(*steps: str | Step) -> Pipeline:
    return Pipeline(steps=[Step(kind=step) if isinstance(step, str) else step for step in steps])


def ids(*steps: str | Step) -> list[str]:
    return [step.id for step in pipeline(*steps).steps]


@pytest.mark.parametrize(
    "steps",
    [
        ("coder",),
        ("coder", "reviewer", "tester", *TAIL),
        ("task-estimator", Step(kind="architect", gating=RISK), "architect-companion", "coder"),
        ("task-estimator", "coder", Step(kind="reviewer", gating=RISK)),
        ("coder", Step(kind="tester", enabled=False), "reviewer"),
        (Step(kind="architect", approval=True), Step(kind="architect-companion", approval=True, threshold=0.9)),
        ("coder", "reviewer", Step(kind="coder", id="again"), Step(kind="reviewer", id="again-graded")),
        ("coder", Step(kind="merger", enabled=False)),
        ("coder", Step(kind="never-heard-of", enabled=False)),
    ],
)
def test_shapes_that_may_run(steps: tuple[str | Step, ...]) -> None:
    assert pipeline(*steps).violations() == []
    pipeline(*steps).check()


@pytest.mark.parametrize(
    ("steps", "named", "says"),
    [
        ((), "", "no enabled step; enable at least one"),
        ((Step(kind="coder", enabled=False),), "", "no enabled step"),
        (("reviewer",), "reviewer", "comes first; put it right after an enabled coder"),
        (("coder", "tester", "reviewer"), "reviewer", "follows 'tester'"),
        ((Step(kind="coder", enabled=False), "reviewer"), "reviewer", "comes first"),
        (("architect", "reviewer"), "reviewer", "follows 'architect'"),
        (("coder", "reviewer", "reviewer"), "reviewer-2", "follows 'reviewer'"),
        (("coder", "architect-companion"), "architect-companion", "right after an enabled architect"),
        ((Step(kind="coder", threshold=0.5),), "coder", "has a threshold but grades nothing"),
        (("task-estimator", Step(kind="coder", gating=RISK)), "coder", "cannot be skipped by an estimate"),
        (("task-estimator", Step(kind="architect", gating=NO_AXIS)), "architect", "sets no axis"),
        ((Step(kind="architect", gating=RISK),), "architect", "put an enabled task-estimator before it"),
        ((Step(kind="architect", gating=RISK), "task-estimator"), "architect", "has no estimate"),
        (
            (Step(kind="task-estimator", enabled=False), Step(kind="architect", gating=RISK)),
            "architect",
            "has no estimate",
        ),
        (
            ("task-estimator", Step(kind="architect", gating=RISK, approval=True)),
            "architect",
            "has both an approval and gating",
        ),
        (("codr",), "codr", "unknown kind 'codr'; did you mean 'coder'?"),
        (("qqqqqq",), "qqqqqq", "known kinds are requirements-review"),
        (("coder", "fixer"), "fixer", "is called when it is needed"),
        (("merge",), "merge", "is called when it is needed"),
        ((Step(kind="coder", id="x"), Step(kind="tester", id="x")), "x", "is used twice"),
        ((Step(kind="coder", id="../x"),), "../x", "cannot be used"),
        ((Step(kind="coder", id="x\n"),), "x\\n", "cannot be used"),
        ((Step(kind="coder", id="x.fixer"),), "x.fixer", "cannot be used"),
        (("coder", "merger"), "merger", "must close the order conflicts → ci → merger"),
        (("coder", "ci", "conflicts", "merger"), "merger", "must close the order"),
        (("coder", "conflicts", "ci", "tester", "merger"), "merger", "must close the order"),
        (("coder", Step(kind="conflicts", enabled=False), "ci", "merger"), "merger", "must close the order"),
    ],
)
def test_a_broken_rule_is_named_with_its_step(steps: tuple[str | Step, ...], named: str, says: str) -> None:
    broken = pipeline(*steps).violations()
    assert len(broken) == 1
    assert says in broken[0]
    assert f"'{named}'" in broken[0] or not named


@pytest.mark.parametrize("name", sorted(RESERVED))
def test_names_of_the_run_itself_are_no_step(name: str) -> None:
    assert "cannot be used" in pipeline(Step(kind="coder", id=name)).violations()[0]


def test_a_refusal_names_everything_at_once() -> None:
    wrong = pipeline(
        Step(kind="codr", threshold=0.5),
        "architect-companion",
        Step(kind="documenter", id="documenter", gating=NO_AXIS, approval=True),
        Step(kind="tester", id="documenter"),
        "merger",
    )
    with pytest.raises(Misconfigured) as refused:
        wrong.check()
    for words in (
        "step id 'documenter' is used twice",
        "did you mean 'coder'?",
        "step 'codr' has a threshold",
        "companion 'architect-companion' follows 'codr'",
        "gating of step 'documenter' sets no axis",
        "gating of step 'documenter' has no estimate",
        "step 'documenter' has both",
        "step 'merger' must close",
    ):
        assert words in str(refused.value)
    assert len(wrong.violations()) == 8


@pytest.mark.parametrize("kind", ["architct", "zzzz"])
def test_an_unknown_kind_breaks_nothing_else(kind: str) -> None:
    assert len(pipeline("architect", kind, "coder", "reviewer").violations()) == 1


def test_the_companion_of_a_misspelt_producer_is_in_its_place() -> None:
    assert len(pipeline("architct", "architect-companion").violations()) == 1


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        (("coder", "coder", "coder"), ["coder", "coder-2", "coder-3"]),
        (("coder", "reviewer", "coder"), ["coder", "reviewer", "coder-2"]),
        ((Step(kind="coder", id="coder-2"), "coder", "coder"), ["coder-2", "coder", "coder-3"]),
        (("tester", Step(kind="coder", id="tester")), ["tester-2", "tester"]),
    ],
)
def test_ids_are_filled_in_beside_those_given(steps: tuple[str | Step, ...], expected: list[str]) -> None:
    assert ids(*steps) == expected


def test_ids_come_from_documents_as_from_objects() -> None:
    read = Pipeline.model_validate({"steps": [{"kind": "coder"}, {"kind": "coder"}]})
    assert read == pipeline("coder", "coder")
    assert Pipeline.model_validate_json(read.model_dump_json()) == read


@pytest.mark.parametrize(
    "document",
    [
        {"steps": [{"kind": "coder", "id": ["x"]}]},
        {"steps": [{"kind": "coder", "prompt": "x"}]},
        {"steps": ["coder"]},
        {"steps": None},
        {"steps": [{"kind": "coder", "threshold": 1.5}]},
        {"steps": [], "name": ""},
        [],
    ],
)
def test_what_is_no_pipeline_is_refused(document: object) -> None:
    with pytest.raises(ValidationError):
        Pipeline.model_validate(document)


def test_only_enabled_steps_count() -> None:
    both = pipeline(Step(kind="coder", enabled=False), "researcher")
    assert [step.kind for step in both.enabled] == ["researcher"]
    assert not both.touches_repository
    assert pipeline("researcher", "tester").touches_repository


STEPS = st.builds(
    Step,
    kind=st.sampled_from([*KINDS, "codr", "zzzz"]),
    id=st.sampled_from(["", "", "", "coder", "x", "Not An Id", "report"]),
    enabled=st.booleans(),
    approval=st.booleans(),
    threshold=st.sampled_from([0.0, 0.5]),
    gating=st.sampled_from([None, RISK, NO_AXIS]),
)
PIPELINES = st.lists(STEPS, max_size=8).map(lambda steps: Pipeline(steps=steps))


@given(PIPELINES)
def test_what_passes_the_check_keeps_every_rule(made: Pipeline) -> None:
    broken = made.violations()
    if broken:
        with pytest.raises(Misconfigured) as refused:
            made.check()
        assert all(sentence in refused.value.message for sentence in broken)
        return
    made.check()
    steps = made.enabled
    assert steps
    assert len({step.id for step in steps}) == len(steps)
    for place, step in enumerate(steps):
        assert step.family not in (Family.HELPER, Family.RUN)
        assert not KINDS[step.kind].targets or steps[place - 1].kind in KINDS[step.kind].targets
        assert step.gating is None or any(one.family is Family.ESTIMATOR for one in steps[:place])
        if step.kind == "merger":
            assert tuple(one.kind for one in steps[place - 2 : place + 1]) == TAIL


@given(PIPELINES, st.data())
def test_a_disabled_step_changes_no_verdict(made: Pipeline, data: st.DataObject) -> None:
    place = data.draw(st.integers(0, len(made.steps)))
    steps = [*made.steps[:place], Step(kind="zzzz", id="off", enabled=False), *made.steps[place:]]
    assert Pipeline(steps=steps).violations() == made.violations()


BREAKS: list[Callable[[Step], Step]] = [
    lambda step: step.model_copy(update={"kind": "zzzz"}),
    lambda step: step.model_copy(update={"gating": NO_AXIS}),
    lambda step: step.model_copy(update={"id": "report"}),
]


@given(PIPELINES, st.sampled_from(BREAKS))
def test_a_broken_step_never_mends_a_pipeline(made: Pipeline, spoil: Callable[[Step], Step]) -> None:
    spoilt = spoil(Step(kind="coder", id="spoilt"))
    assert Pipeline(steps=[*made.steps, spoilt]).violations()
