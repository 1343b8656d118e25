"""Slots and claims whose run is over are given back, when the run itself could not."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun

from blocks.ledger import Ledger
from blocks.ledger.people import LIVE
from blocks.loading import load
from tasks._overview import LEDGER
from tasks._standing import prefect_client

_GRACE = timedelta(seconds=90)
"""A run that has ended may be closing its books for so long."""
_CRASHED = timedelta(days=1)
_PAGE = 200
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def release_ended(ledger: Ledger | None = None) -> int:
    """Give back what runs hold that are over, or that Prefect has forgotten; return how many runs that were.

    A run that the ledger takes for live keeps what it has: the sweep closes it first.

    Args:
        ledger: whose slots and claims; none: those of the installation.

    Raises:
        Unavailable: Prefect or the ledger did not answer.
    """
    ledger = ledger or load(LEDGER, Ledger)
    before = datetime.now(UTC) - _GRACE
    holders = {one.run for one in ledger.occupied() if one.run and one.taken_at < before}
    holders |= {one.run for one in ledger.live() if one.claimed_at < before}
    holders |= {one.run for one in ledger.queued() if one.seen_at < before}
    runs = sorted(run for run in holders if _ID.fullmatch(run))
    with prefect_client() as client:
        known = _known(client, runs)
    over = [run for run in runs if _is_over(known.get(run), before) and not _lives(ledger, run)]
    for run in over:
        ledger.release(run)
    return len(over)


def _known(client: SyncPrefectClient, runs: list[str]) -> dict[str, FlowRun]:
    known: dict[str, FlowRun] = {}
    for at in range(0, len(runs), _PAGE):
        wanted = FlowRunFilter(id=FlowRunFilterId(any_=[UUID(run) for run in runs[at : at + _PAGE]]))
        known |= {str(one.id): one for one in client.read_flow_runs(flow_run_filter=wanted, limit=_PAGE)}
    return known


def _is_over(flow_run: FlowRun | None, before: datetime) -> bool:
    if flow_run is None:
        return True
    state = flow_run.state
    if state is None or not state.is_final():
        return False
    # A crashed run may be taken up again within a day, and holds what it has until then.
    return state.timestamp < (before - _CRASHED if state.is_crashed() else before)


def _lives(ledger: Ledger, run: str) -> bool:
    row = ledger.run(run)
    return row is not None and row.status == LIVE
