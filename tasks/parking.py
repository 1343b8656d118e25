"""A run that waits for money or a quota holds nothing: people are told once, and it becomes a scheduled state."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prefect import get_run_logger
from prefect.client.schemas.objects import State
from prefect.client.schemas.responses import SetStateStatus
from prefect.exceptions import Abort
from prefect.states import Running, Scheduled

from blocks.ledger import Ledger
from blocks.loading import load
from blocks.sandbox import Sandbox
from contracts import message
from contracts.errors import DeliveryError, Unavailable
from contracts.journal import Opening
from contracts.parking import PARKED, told, wake_at
from contracts.redaction import redact
from contracts.visit import Visit
from tasks._metering import Meter, check_before
from tasks._seats import goes_on
from tasks._standing import prefect_client
from tasks._telling import subject_of, tell


def check_visit(visit: Visit) -> bool:
    """Raise what the first turn of a visit without a record would raise at once; see `check_before`."""
    return check_before(visit, lambda agent: goes_on(visit, "turn", Meter(visit).next(), agent))


def park(visit: Visit, error: DeliveryError, until: datetime) -> State[Any]:
    """Let a run wait as a scheduled state, and return that state; this process must end then.

    People are told once for each turn that has to wait. What a killed call left undone, the next one does.

    Args:
        visit: the visit whose turn has to wait; it has no outcome, so it is taken again.
        error: why.
        until: when there may be quota or budget again.

    Raises:
        Abort: another process or a person has taken the run.
        Unavailable: Prefect or the ledger did not answer.
    """
    opening = visit.opening
    at = wake_at(datetime.now(UTC), until, opening.run)
    waits = told(error.kind, at)
    meter = Meter(visit)
    turn = f"{visit.step.id}/{meter.number}.{meter.next()}"
    tell(opening, message.parked(subject_of(opening), turn, visit.step.id, error.message, waits))
    _let_go(opening)
    state = schedule(UUID(opening.run), at, redact(f"{waits}: {error.message}"))
    get_run_logger().info("the run %s", waits)
    return state


def _let_go(opening: Opening) -> None:
    """Give back what the run holds: what it has reserved, and its container."""
    load(opening.policy.ledger, Ledger).unreserve(opening.run)
    try:
        load(opening.policy.sandbox, Sandbox).release(opening.run)
    except Unavailable as error:
        get_run_logger().warning("the sandbox is not released: %s", redact(error.message))


def schedule(run: UUID, at: datetime, words: str) -> State[Any]:
    """Let the flow run of this process wait without one until an aware time, and return its new state.

    Raises:
        Abort: another process or a person has taken the run.
    """
    with prefect_client() as client:
        state = client.read_flow_run(run).state
        if state is not None and state.is_crashed():
            # A worker may report the death of an earlier process late, and Prefect lets no crashed run be scheduled.
            client.set_flow_run_state(run, Running(), force=True)
        answer = client.set_flow_run_state(run, Scheduled(name=PARKED, scheduled_time=at, message=words))
    if answer.status is not SetStateStatus.ACCEPT or answer.state is None:
        get_run_logger().warning("another process or a person has taken this run; this process leaves it")
        raise Abort("the run is not owned by this process any more")
    return answer.state
