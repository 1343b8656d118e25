"""Every run at a glance, from the ledger and from Prefect, without reading a journal."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import (
    FlowRunFilter,
    FlowRunFilterId,
    FlowRunFilterState,
    FlowRunFilterStateType,
    FlowRunFilterTags,
)
from prefect.client.schemas.objects import TERMINAL_STATES, FlowRun, StateType
from prefect.client.schemas.sorting import FlowRunSort

from blocks.ledger import Gate, Ledger, Run
from blocks.ledger.people import LIVE
from blocks.loading import load
from contracts.parking import PARKED
from tasks._standing import item_of, prefect_client

LEDGER = "ledger/main"
"""The ledger of the installation; runs whose policy names another one are seen by Prefect alone."""
_TAG = "delivery"
_MOST = 200


class Line(NamedTuple):
    """One run.

    Args:
        run: id of the flow run.
        doing: its status, or what it waits for.
        pipeline: name of the pipeline; empty when it was not opened yet.
        repository: name of the repository.
        title: title of the work item.
        since: when it was opened, or created when it was not opened.
        cost: what its turns have cost so far, or a dash.
    """

    run: str
    doing: str
    pipeline: str
    repository: str
    title: str
    since: datetime
    cost: str


def overview(*, everything: bool, limit: int = 50) -> list[Line]:
    """Return runs, the newest first.

    Args:
        everything: those that are over too.
        limit: how many of the ledger at most.

    Raises:
        Unavailable: Prefect or the ledger did not answer.
    """
    ledger = load(LEDGER, Ledger)
    rows = {row.run: row for row in ledger.runs(live=None if everything else True, limit=limit)}
    gates = {gate.run: gate for gate in ledger.waiting()}
    with prefect_client() as client:
        seen = {str(one.id): one for one in [*_named(client, list(rows)), *_going(client, everything=everything)]}
    unopened = {run: ledger.run(run) for run in seen if run not in rows}
    lines = [
        _line(run, seen.get(run), row, gates.get(run), cost_of(LEDGER, run))
        for run, row in [*rows.items(), *unopened.items()]
    ]
    return sorted(lines, key=lambda line: line.since, reverse=True)


def _named(client: SyncPrefectClient, runs: list[str]) -> list[FlowRun]:
    wanted = FlowRunFilter(id=FlowRunFilterId(any_=[UUID(run) for run in runs]))
    return client.read_flow_runs(flow_run_filter=wanted, limit=_MOST) if runs else []


def _going(client: SyncPrefectClient, *, everything: bool) -> list[FlowRun]:
    """Runs of deployments, those that were not opened yet or were refused among them."""
    types = list(StateType) if everything else [one for one in StateType if one not in TERMINAL_STATES]
    wanted = FlowRunFilter(
        tags=FlowRunFilterTags(all_=[_TAG]), state=FlowRunFilterState(type=FlowRunFilterStateType(any_=types))
    )
    return client.read_flow_runs(flow_run_filter=wanted, sort=FlowRunSort.EXPECTED_START_TIME_DESC, limit=_MOST)


def _line(run: str, flow_run: FlowRun | None, row: Run | None, gate: Gate | None, cost: str) -> Line:
    item = item_of(flow_run)
    created = (flow_run.created if flow_run else None) or datetime.now(UTC)
    return Line(
        run=run,
        doing=_doing(flow_run, row, gate),
        pipeline=row.pipeline if row else "",
        repository=row.repository if row else str(item.get("repository", {}).get("name", "")),
        title=row.title if row else str(item.get("title") or (flow_run.name if flow_run else "")),
        since=row.opened_at if row else created,
        cost=cost,
    )


def _doing(flow_run: FlowRun | None, row: Run | None, gate: Gate | None) -> str:
    if gate is not None and row is not None and row.status == LIVE:
        return f"waits at {gate.step}: {gate.reason}"
    state = flow_run.state if flow_run is not None else None
    if state is None:
        return row.status if row else ""
    if row is not None and state.is_final():
        return f"{(state.name or '').lower()}, not closed" if row.status == LIVE else row.status
    if state.name == PARKED and state.message:
        return state.message
    return (state.name or state.type.value).lower()


def cost_of(ledger: str, run: str) -> str:
    """Return what the turns of a run have cost so far, or a dash.

    Args:
        ledger: reference of its ledger.
        run: id of the flow run.
    """
    spent = load(ledger, Ledger).spend(run=run)
    return " + ".join(f"{amount:.4f} {currency}" for currency, amount in sorted(spent.items())) or "–"
