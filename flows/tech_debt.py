"""The pipeline for upkeep: survey, repair, grade, test and merge."""

from __future__ import annotations

from prefect import flow

from contracts.delivery import Delivery
from contracts.journal import FRESH, Restart
from contracts.pipeline import Pipeline, Step
from contracts.work import WorkItem
from flows._delivery import deliver
from tasks._replay import JOURNAL

PIPELINE = Pipeline(
    name="tech-debt",
    description="Survey, repair, grade, test and merge.",
    steps=[
        Step(kind="analysis"),
        Step(kind="coder"),
        Step(kind="reviewer"),
        Step(kind="tester"),
        Step(kind="conflicts"),
        Step(kind="ci"),
        Step(kind="merger"),
    ],
)


@flow(name="tech-debt", flow_run_name="{item.title}", result_storage=JOURNAL, persist_result=True)
def tech_debt(
    item: WorkItem, policy: str = "delivery-policy/main", restart_from: Restart = FRESH, dry_run: bool = False
) -> Delivery:
    """Find technical debt in a repository and repair it.

    The sealed tests of the base decide whether behaviour stayed as it was.

    Args:
        item: What is to be delivered, and on which repository.
        policy: Block with the rules that the run obeys, type/name.
        restart_from: Run whose work item, pipeline and outcomes are kept, and the step from which it is done again.
        dry_run: Do everything but effects outside: no push, no pull request, no merge.
    """
    return deliver(PIPELINE, item, policy, restart_from, dry_run)
