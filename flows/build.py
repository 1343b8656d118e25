"""The full pipeline: from an unreviewed work item to a merged change."""

from __future__ import annotations

from prefect import flow

from contracts.delivery import Delivery
from contracts.estimate import Gating
from contracts.journal import FRESH, Restart
from contracts.pipeline import Pipeline, Step
from contracts.work import WorkItem
from flows._delivery import deliver
from tasks._replay import JOURNAL

PIPELINE = Pipeline(
    name="build",
    description="Review, estimate, specify, design, build, test and merge.",
    steps=[
        Step(kind="tracker"),
        Step(kind="requirements-review"),
        Step(kind="task-estimator"),
        Step(kind="researcher", gating=Gating(min_complexity=0.6)),
        Step(kind="spec-writer", gating=Gating(min_complexity=0.3, min_impact=0.5)),
        Step(kind="spec-companion"),
        Step(kind="architect"),
        Step(kind="architect-companion", approval=True),
        Step(kind="coder"),
        Step(kind="reviewer"),
        Step(kind="documenter", gating=Gating(min_impact=0.3)),
        Step(kind="tester"),
        Step(kind="conflicts"),
        Step(kind="ci"),
        Step(kind="merger"),
    ],
)


@flow(name="build", flow_run_name="{item.title}", result_storage=JOURNAL, persist_result=True)
def build(
    item: WorkItem, policy: str = "delivery-policy/main", restart_from: Restart = FRESH, dry_run: bool = False
) -> Delivery:
    """Carry a feature from its description to a merged change.

    A person approves the design before anything is built.

    Args:
        item: What is to be delivered, and on which repository.
        policy: Block with the rules that the run obeys, type/name.
        restart_from: Run whose work item, pipeline and outcomes are kept, and the step from which it is done again.
        dry_run: Do everything but effects outside: no push, no pull request, no merge.
    """
    return deliver(PIPELINE, item, policy, restart_from, dry_run)
