"""A pipeline that is given as a parameter, so that the Prefect UI can compose one."""

from __future__ import annotations

from prefect import flow

from contracts.delivery import Delivery
from contracts.journal import FRESH, Restart
from contracts.pipeline import Pipeline
from contracts.work import WorkItem
from flows._delivery import deliver
from tasks._replay import JOURNAL


@flow(name="custom", flow_run_name="{item.title}", result_storage=JOURNAL, persist_result=True)
def custom(
    item: WorkItem,
    pipeline: Pipeline,
    policy: str = "delivery-policy/main",
    restart_from: Restart = FRESH,
    dry_run: bool = False,
) -> Delivery:
    """Carry a work item through a pipeline of your own.

    Every broken rule about the pipeline's shape is named before anything happens.

    Args:
        item: What is to be delivered, and on which repository.
        pipeline: The steps in their order.
        policy: Block with the rules that the run obeys, type/name.
        restart_from: Run whose work item, pipeline and outcomes are kept, and the step from which it is done again.
        dry_run: Do everything but effects outside: no push, no pull request, no merge.
    """
    return deliver(pipeline, item, policy, restart_from, dry_run)
