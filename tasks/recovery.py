"""Runs whose process was lost are found and taken up again, waiting gates are kept, and what is over is closed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID

from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Crashed, Scheduled, Suspended

from blocks.ledger import Ledger
from blocks.loading import load
from contracts.errors import DeliveryError
from contracts.recovery import Act, Remedy, remedy, wait_before
from contracts.redaction import redact
from tasks._sightings import LEDGER, SIGN, forgotten, look, suspects
from tasks._standing import prefect_client
from tasks.stopping import stop_run


class Due(NamedTuple):
    """A run about which something is to be done.

    Args:
        run: id of the flow run.
        name: name of the flow run.
        state: id of the state in which it was found.
        remedy: what is to be done; none: nothing could be found out.
        ledger: reference of its ledger; empty: unknown.
        number: which recovery of the run this is, from 1.
        trouble: why nothing could be found out; empty otherwise.
    """

    run: str
    name: str
    state: str
    remedy: Remedy | None
    ledger: str = ""
    number: int = 1
    trouble: str = ""


def due(grace: timedelta) -> list[Due]:
    """Return the runs about which something is to be done; nothing is changed.

    Only runs of deployments with the tag of deliveries are looked at.

    Args:
        grace: how long a run may give no sign of life.

    Raises:
        Unavailable: Prefect did not answer.
    """
    lost = suspects(grace)
    try:
        over, unreadable = forgotten(grace), list[Due]()
    except DeliveryError as error:
        over, unreadable = [], [Due("", LEDGER, "", None, trouble=_said(error))]
    seen = {one.id: one for one in lost + over}
    found = [_diagnosed(one, datetime.now(UTC) - grace) for one in seen.values()]
    return [one for one in found if one is not None] + unreadable


def _diagnosed(flow_run: FlowRun, since: datetime) -> Due | None:
    run, state = str(flow_run.id), str(flow_run.state_id)
    try:
        seen = look(flow_run, since)
        told = remedy(seen.sighting)
    except Exception as error:  # noqa: BLE001 - one run that cannot be read keeps no other from its recovery
        return Due(run, flow_run.name, state, None, trouble=_said(error))
    if told is None:
        return None
    return Due(run, flow_run.name, state, told, seen.ledger, seen.recoveries + 1)


def _said(error: Exception) -> str:
    return redact(error.message if isinstance(error, DeliveryError) else f"{type(error).__name__}: {error}")[:1_000]


def act(one: Due) -> bool:
    """Do what is due for one run and return whether this call did it; of several sweeps one does it.

    It must be called in a flow whose results go to the journal.

    Raises:
        DeliveryError: the ledger or Prefect did not answer, or the run cannot be closed now; the next sweep sees it.
    """
    if one.remedy is None:
        return False
    with prefect_client() as client:
        flow_run = client.read_flow_run(UUID(one.run))
        if flow_run.state is None or str(flow_run.state.id) != one.state:
            return False  # before anything is charged: the run has moved on by itself
        if not load(one.ledger, Ledger).recover(one.run, one.state, one.remedy.kind):
            return False
        if one.remedy.act is not Act.CLOSE:
            client.set_flow_run_state(flow_run.id, _state(one, one.remedy, flow_run.state), force=True)
            return True
    stop_run(one.run, one.remedy.why)
    return True


def _state(one: Due, told: Remedy, now: State[object]) -> State[object]:
    """The state that the run gets; it is forced, because only so the answers to its gates are kept."""
    why = redact(told.why)
    if told.act is Act.SETTLE:
        return Crashed(message=why)
    if told.act is Act.KEEP_GATE:
        return _without_process(now, why)
    at = datetime.now(UTC) + timedelta(seconds=wait_before(one.number))
    return Scheduled(name="AwaitingRetry", scheduled_time=at, message=f"{SIGN}{one.number}: {why}")


def _without_process(paused: State[object], why: str) -> State[object]:
    """The same pause, form and end as a state that needs no process."""
    details = paused.state_details
    suspended: State[object] = Suspended(pause_key=details.pause_key)
    suspended.message = why
    suspended.state_details.run_input_keyset = details.run_input_keyset
    suspended.state_details.pause_timeout = details.pause_timeout
    return suspended
