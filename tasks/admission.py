"""Runs that begin by themselves: whether a tick is out of date, whether there is room, and who is let in next."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from prefect import get_run_logger
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterExpectedStartTime,
    FlowRunFilterState,
    FlowRunFilterStateType,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort
from prefect.states import Scheduled

from blocks.delivery_policy import DeliveryPolicy
from blocks.ledger import Ledger
from blocks.loading import load
from contracts.admission import Ceiling, Full, refuses
from contracts.errors import DeliveryError
from contracts.journal import Opening, short
from contracts.parking import PARKED
from contracts.redaction import redact
from contracts.ticks import TRIGGERED, schedule_of
from tasks._standing import prefect_client
from tasks.opening import Request
from tasks.parking import schedule

_MOST = 200
_ALIVE = [one for one in StateType if one not in (StateType.CANCELLED, StateType.CANCELLING)]


def starts_by_itself(flow_run: FlowRun) -> bool:
    """Whether a schedule or a delivery started a run, so that nobody waits for an error of it."""
    return flow_run.auto_scheduled or TRIGGERED in flow_run.tags


def newer_tick(flow_run: FlowRun) -> str:
    """Return why a scheduled run is out of date; empty: it is not, or a person has retried it.

    After a downtime all ticks that were missed are due at once; the newest one does their work.

    Raises:
        Unavailable: Prefect did not answer.
    """
    own = schedule_of(flow_run.idempotency_key or "")
    at = flow_run.expected_start_time
    if not own or not flow_run.auto_scheduled or flow_run.run_count > 1 or flow_run.deployment_id is None or at is None:
        return ""
    with prefect_client() as client:
        due = _due(client, flow_run.deployment_id, at)
    newer = [one for one in due if schedule_of(one.idempotency_key or "") == own and one.id != flow_run.id]
    if not newer:
        return ""
    last = newer[0]
    return (
        f"the tick of {at:%Y-%m-%d %H:%M} UTC was missed, and the one of {last.expected_start_time:%Y-%m-%d %H:%M} UTC "
        f"(run {short(str(last.id))}) does its work"
    )


def _due(client: SyncPrefectClient, deployment: UUID, after: datetime) -> list[FlowRun]:
    """Runs of a deployment that were to begin after a time and by now, the newest first."""
    begin: Any = FlowRunFilterExpectedStartTime(after_=after, before_=datetime.now(UTC))  # type: ignore[arg-type]
    wanted = FlowRunFilter(
        deployment_id=FlowRunFilterDeploymentId(any_=[deployment]),
        expected_start_time=begin,
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=_ALIVE)),
    )
    found = client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=_MOST)
    return [one for one in found if one.expected_start_time is not None and one.expected_start_time > after]


def check_room(request: Request) -> None:
    """Look whether there is room for a run that may wait for it, before a task of it fails for the lack of room.

    Raises:
        Full: there is none.
        DeliveryError: the policy or the ledger cannot be read.
    """
    policy = load(request.policy, DeliveryPolicy, fresh=True).policy
    if policy.when_full == "queue":
        repository, kind = request.item.repository.name, request.pipeline.name
        load(policy.ledger, Ledger).check_room(request.run, repository, kind, policy.ceiling)


def queue_run(request: Request, error: Full, until: datetime) -> State[Any]:
    """Let a run wait for room as a scheduled state, and return that state; this process must end then.

    Raises:
        Abort: another process or a person has taken the run.
        DeliveryError: Prefect or the ledger did not answer.
    """
    policy = load(request.policy, DeliveryPolicy).policy
    load(policy.ledger, Ledger).join_queue(request.run, request.item.repository.name, request.pipeline.name)
    state = schedule(UUID(request.run), until, redact(f"waits for room: {error.message}"))
    get_run_logger().info("the run waits for room: %s", redact(error.message))
    return state


def wake_next(opening: Opening) -> None:
    """Let the first run that waits for the room that a run has left look at once; else it looks by itself later."""
    policy = opening.policy
    if policy.when_full != "queue":
        return
    try:
        run = _next(load(policy.ledger, Ledger), opening.item.repository.name, policy.ceiling)
        if run:
            _wake(UUID(run))
    except DeliveryError as error:
        get_run_logger().warning("nobody who waits for room is told: %s", redact(error.message))


def _next(ledger: Ledger, repository: str, ceiling: Ceiling) -> str:
    """The first run in the queue of a repository for which there is room; empty: there is none."""
    live = [one.kind for one in ledger.live(repository)]
    waiting = [one for one in ledger.queued() if one.repository == repository]
    return next((one.run for one in waiting if refuses(one.kind, live, [], ceiling) is None), "")


def _wake(run: UUID) -> None:
    with prefect_client() as client:
        state = client.read_flow_run(run).state
        if state is not None and state.is_scheduled() and state.name == PARKED:
            woken = Scheduled(name=PARKED, message="there is room")
            client.set_flow_run_state(run, woken)
