"""The short pipeline: build, grade, test and merge."""

from __future__ import annotations

from prefect import flow

from contracts.delivery import Delivery
from contracts.journal import FRESH, Restart
from contracts.pipeline import Pipeline, Step
from contracts.work import WorkItem
from flows._delivery import deliver
from tasks._replay import JOURNAL

PIPELINE = Pipeline(
    name="simple",
    description="Build, grade, test and merge.",
    steps=[
        Step(kind="coder"),
        Step(kind="reviewer"),
        Step(kind="tester"),
        Step(kind="conflicts"),
        Step(kind="ci"),
        Step(kind="merger"),
    ],
)


@flow(name="simple", flow_run_name="{item.title}", result_storage=JOURNAL, persist_result=True)
def simple(
    item: WorkItem, policy: str = "delivery-policy/main", restart_from: Restart = FRESH, dry_run: bool = False
) -> Delivery:
    """Carry a small, clear piece of work to a merged change.

    No review of the work item and no design: use it where the description says everything.

    Args:
        item: What is to be delivered, and on which repository.
        policy: Block with the rules that the run obeys, type/name.
        restart_from: Run whose work item, pipeline and outcomes are kept, and the step from which it is done again.
        dry_run: Do everything but effects outside: no push, no pull request, no merge.
    """
    return deliver(PIPELINE, item, policy, restart_from, dry_run)
