"""What a sweep sees: which runs of Prefect look lost, and what journal and ledger say about each."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterDeploymentId,
    FlowRunFilterEndTime,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import FlowRun, State, StateType
from prefect.client.schemas.sorting import FlowRunSort

from blocks.delivery_policy import DeliveryPolicy
from blocks.journal import Journal
from blocks.ledger import Ledger, Run
from blocks.ledger.people import LIVE
from blocks.loading import load
from contracts.errors import Misconfigured
from contracts.journal import record_key
from contracts.policy import Policy
from contracts.recovery import Sighting, repeats
from tasks._replay import JOURNAL
from tasks._standing import prefect_client

TAG = "delivery"
"""Every deployment of a pipeline carries it, and so do the runs of that deployment."""
UPKEEP = "delivery-operations"
"""The same for what keeps the installation in order."""
SIGN = "recovery "
"""The message of a state that a sweep gave a run begins with it."""
POLICY = "delivery-policy/main"
LEDGER = "ledger/main"
"""What a run has that names nothing else."""
_CRASHED_FOR = timedelta(days=1)
_PAGE = 200
_MOST_RUNS = 10_000
_GOING = [StateType.RUNNING, StateType.PENDING, StateType.PAUSED, StateType.CANCELLING]
_OVER = [StateType.CANCELLED, StateType.FAILED, StateType.COMPLETED]


class Sight(NamedTuple):
    """A run as the sweep sees it, where its rows are, and how often it was recovered so far."""

    sighting: Sighting
    ledger: str
    recoveries: int


def suspects(grace: timedelta) -> list[FlowRun]:
    """Return the runs that look lost: crashed within a day, or without a sign of life for the grace.

    Raises:
        Unavailable: Prefect did not answer.
    """
    now = datetime.now(UTC)
    with prefect_client() as client:
        living = _heard(client, now - grace)
        going = [*_pages(client, _GOING), *_pages(client, [StateType.RUNNING], tag=UPKEEP)]
        going = [one for one in going if str(one.id) not in living and _silent(one, now - grace)]
        return _own(going + list(_pages(client, [StateType.CRASHED], since=now - _CRASHED_FOR)))


def forgotten(grace: timedelta) -> list[FlowRun]:
    """Return the runs that are over for Prefect and live for the ledger of the installation.

    Raises:
        Unavailable: Prefect or the ledger did not answer.
    """
    live = [UUID(row.run) for row in load(LEDGER, Ledger).runs(live=True, limit=_MOST_RUNS)]
    now = datetime.now(UTC)
    with prefect_client() as client:
        parts = [live[at : at + _PAGE] for at in range(0, len(live), _PAGE)]
        over = [one for part in parts for one in _pages(client, _OVER, part)]
    return _own([one for one in over if _silent(one, now - grace)])


def _own(found: list[FlowRun]) -> list[FlowRun]:
    return [one for one in found if one.parent_task_run_id is None]


def _silent(flow_run: FlowRun, since: datetime) -> bool:
    """Whether the run's state has stood since before the grace; a suspended run is never silent."""
    state = flow_run.state
    if state is None or (state.is_paused() and state.state_details.pause_reschedule):
        return False
    return state.timestamp <= since or state.is_cancelled()


def _heard(client: SyncPrefectClient, since: datetime) -> set[str]:
    """Return the runs that have sent a sign of life since then."""
    wanted = {"event": {"name": ["prefect.flow-run.heartbeat"]}, "occurred": {"since": since.isoformat()}}
    page: Any = client.request("POST", "/events/filter", json={"filter": wanted, "limit": 50}).json()
    heard: set[str] = set()
    while True:
        heard |= {str(one["resource"]["prefect.resource.id"]).rpartition(".")[2] for one in page["events"]}
        if not page.get("next_page"):
            return heard
        page = client.read_events_page(page["next_page"]).model_dump(mode="json")


def _pages(
    client: SyncPrefectClient,
    types: list[StateType],
    runs: list[UUID] | None = None,
    since: datetime | None = None,
    tag: str = TAG,
) -> Iterator[FlowRun]:
    wanted = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[tag]),
        deployment_id=FlowRunFilterDeploymentId(is_null_=False),
        state=FlowRunFilterState(type=FlowRunFilterStateType(any_=types)),
        id=FlowRunFilterId(any_=runs) if runs is not None else None,
        end_time=FlowRunFilterEndTime(after_=since) if since is not None else None,  # type: ignore[arg-type]
    )
    offset = 0
    while True:
        page = client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.ID_DESC, limit=_PAGE, offset=offset)
        yield from page
        if len(page) < _PAGE:
            return
        offset += _PAGE


def look(flow_run: FlowRun, since: datetime) -> Sight:
    """Return what is known of a run that looks lost.

    Args:
        flow_run: the run.
        since: begin of the grace; a run whose state is older is silent.

    Raises:
        Misconfigured: its parameters or the blocks that they name cannot be read.
        Unavailable: Prefect or the ledger did not answer.
    """
    state = flow_run.state.type.value if flow_run.state else ""
    if UPKEEP in flow_run.tags:
        return Sight(Sighting(state=state, carries=False, silent=True), LEDGER, 0)
    policy, run, journal = _policy(flow_run), str(flow_run.id), load(JOURNAL, Journal)
    ledger = load(policy.ledger, Ledger)
    row, history, written = ledger.run(run), _history(flow_run.id), journal.last_written(run)
    recoveries = [one.timestamp for one in history if (one.message or "").startswith(SIGN)]
    sighting = Sighting(
        state=state,
        message=(flow_run.state.message if flow_run.state else "") or "",
        silent=_silent(flow_run, since),
        holder=journal.owner(run),
        status=row.status if row else "",
        closed=row is not None and _closed(journal, row, history),
        cancelled=_cancelled(history),
        merging=any(effect.what == "merge" for effect in ledger.unconfirmed(run)),
        fruitless=sum(1 for at in recoveries if written is None or at > written),
        most=policy.crashes + policy.losses,
        repeated=_repeated(_past(flow_run, history)),
        displaced=[one.is_scheduled() for one in _past(flow_run, history)][-2:-1] == [True],
    )
    return Sight(sighting, policy.ledger, len(recoveries))


def _past(flow_run: FlowRun, history: list[State[Any]]) -> list[State[Any]]:
    """The states of a run up to the one in which it was found; it may have moved on since."""
    found = flow_run.state
    return [one for one in history if found is not None and one.timestamp <= found.timestamp]


def _repeated(past: list[State[Any]]) -> bool:
    """Whether the crash in which the run was found is one that was reported before."""
    recovered = [at for at, one in enumerate(past) if (one.message or "").startswith(SIGN)]
    begun = not recovered or any(one.is_running() for one in past[recovered[-1] :])
    return repeats([one.message or "" for one in past if one.is_crashed()], begun)


def _history(run: UUID) -> list[State[Any]]:
    with prefect_client() as client:
        return sorted(client.read_flow_run_states(run), key=lambda one: one.timestamp)


def _policy(flow_run: FlowRun) -> Policy:
    if not isinstance(flow_run.parameters.get("item"), dict):
        raise Misconfigured(
            f"run {str(flow_run.id)!r} has no work item among its parameters; "
            "delete it, or take the tag 'delivery' from its deployment"
        )
    return load(str(flow_run.parameters.get("policy") or POLICY), DeliveryPolicy).policy


def _closed(journal: Journal, row: Run, history: list[State[Any]]) -> bool:
    """Whether the end of the latest attempt is recorded and the run was not started again afterwards."""
    if row.status == LIVE or row.ended_at is None or not journal.holds(record_key(row.run, "ending", row.attempt)):
        return False
    return not any(one.is_scheduled() and one.timestamp > row.ended_at for one in history)


def _cancelled(history: list[State[Any]]) -> bool:
    """Whether somebody cancelled the run since it was last started."""
    for one in reversed(history):
        if one.is_scheduled():
            return False
        if one.is_cancelling() or one.is_cancelled():
            return True
    return False
