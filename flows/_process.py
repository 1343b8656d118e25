"""The process that walks a run: one at a time, and what the run lost before is charged to the step where it goes on."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager

from prefect import get_run_logger
from prefect.exceptions import Abort

from contracts.delivery import Outcome
from contracts.errors import DeliveryError, Unavailable
from contracts.visit import Visit
from flows._walk import Walk
from tasks._counts import counting
from tasks._replay import journal, record
from tasks.losses import recovered, redispatch
from tasks.parking import check_visit


@contextmanager
def owned(run: str) -> Generator[None]:
    """Walk a run as its only process for the time of the block.

    Raises:
        Abort: another process has the run and does not leave it; this one ends and changes no state.
    """
    with ExitStack() as stack:
        try:
            stack.enter_context(journal().own(run))
        except Unavailable as error:
            get_run_logger().warning("%s", error.message)
            raise Abort(error.message) from error
        stack.enter_context(counting(run))
        yield


def charge(walk: Walk, visit: Visit) -> None:
    """Charge what the run lost so far to the first visit of this process that has no record.

    Raises:
        DeliveryError: of kind EVICTED: the step has lost its process more often than the policy allows; of another
            kind: the first turn of this process has to wait, and no task of it has begun.
    """
    if (walk.charged and walk.looked) or journal().holds(visit.key):
        return
    if not walk.charged:
        walk.charged = True
        recovered(walk.opening, visit.step.id)
    walk.looked = walk.looked or check_visit(visit)


def made(task: Callable[[Visit], Outcome], visit: Visit) -> Outcome:
    """Make a visit, and make it again while its sandbox is lost and the policy allows it.

    Raises:
        DeliveryError: whatever else it failed with.
    """
    while True:
        try:
            return record(task, visit)
        except DeliveryError as error:
            redispatch(visit, error)
