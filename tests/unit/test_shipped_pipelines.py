import pytest

from contracts.kinds import KINDS, Family
from contracts.pipeline import Pipeline
from flows import bugfix, build, dependency_updates, simple, tech_debt

SHIPPED = [build.PIPELINE, simple.PIPELINE, bugfix.PIPELINE, tech_debt.PIPELINE, dependency_updates.PIPELINE]


@pytest.mark.parametrize("pipeline", SHIPPED, ids=lambda pipeline: pipeline.name)
def test_a_shipped_pipeline_may_run_and_ends_in_a_guarded_merge(pipeline: Pipeline) -> None:
    assert pipeline.violations() == []
    assert [step.kind for step in pipeline.enabled][-3:] == ["conflicts", "ci", "merger"]
    families = [step.family for step in pipeline.enabled]
    assert Family.TESTER in families
    plain = (Family.TESTER, Family.WATCH, Family.TRACKER)
    assert all(KINDS[step.kind].needs_agent or step.family in plain for step in pipeline.steps)


@pytest.mark.parametrize("pipeline", SHIPPED, ids=lambda pipeline: pipeline.name)
def test_everything_that_writes_stands_before_the_last_suite(pipeline: Pipeline) -> None:
    kinds = [step.kind for step in pipeline.enabled]
    writers = [place for place, kind in enumerate(kinds) if KINDS[kind].surface == "writing checkout"]
    assert max(writers, default=-1) < kinds.index("tester")


def test_names_are_their_own() -> None:
    assert len({pipeline.name for pipeline in SHIPPED}) == len(SHIPPED)
    assert all(pipeline.description for pipeline in SHIPPED)
