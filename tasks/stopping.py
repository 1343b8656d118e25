"""A run is stopped from outside: it ends in the ledger first, so that whatever its process still does cannot merge."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import FlowRun, State
from prefect.states import Cancelled, Cancelling

from blocks.ledger import Ledger
from blocks.ledger.people import LIVE
from blocks.loading import load
from contracts.delivery import RESUMABLE, Delivery, DeliveryStatus
from contracts.errors import Unavailable
from contracts.failure import Failure, FailureKind
from contracts.journal import record_key
from contracts.redaction import redact
from tasks._replay import journal, recall, record
from tasks._standing import Standing, prefect_client, read_flow_run, standing
from tasks.gate import Voided, void_gate
from tasks.reporting import Closing, close_run

WAIT_SECONDS = 60.0
"""Longest wait for a merge under way, and for a process to leave: Prefect grants it 30 seconds before it kills."""
LEAVE_SECONDS = 45.0
"""Wait after which a run that nobody walks has no process either: a worker kills one after 30 seconds."""
_POLL_SECONDS = 0.5
_STOPPED = DeliveryStatus.STOPPED.value
Found = TypeVar("Found")


def stop_run(run: str, why: str) -> Delivery:
    """End a run, leave nothing of it running, and return how it ended, which may be otherwise.

    The first end stands: when the run has ended by itself, nothing happens and that end is returned; a merge under
    way is waited for. Branch and journal are kept, and a retry goes on where the run was. What a killed call left
    undone, the next one does. It must be called in a flow whose results go to the journal.

    Args:
        run: id of the flow run.
        why: the person's reason; empty: none is given.

    Raises:
        Refused: there is no such run.
        Unavailable: a merge or a process did not end within a minute; call it again.
    """
    found = standing(run)
    stands = end_attempt(found)
    if stands not in ("", _STOPPED):
        return _own_ending(found)
    if not stands and found.ending is not None and not (found.going and found.ending.status in RESUMABLE):
        return found.ending
    if found.flow_run is not None:
        _cancel(run, why)
    with journal().own(run, WAIT_SECONDS):
        return _finish(run, why)


def _finish(run: str, why: str) -> Delivery:
    """Close a run that nobody walks any more, unless it came to an end of its own in the meantime."""
    found = standing(run)
    stands = end_attempt(found)
    if stands not in ("", _STOPPED):
        return _own_ending(found)
    if not stands and found.ending is not None:
        return found.ending
    _settle(found)
    return _close(found, why)


def end_attempt(found: Standing) -> str:
    """End the open attempt of a run in the ledger as stopped, and return the word that stands.

    A merge under way is waited for. Empty: no attempt is open there.

    Raises:
        Unavailable: the run was merging for a minute and did not end.
    """
    if found.row is None or found.row.attempt <= found.ended:
        return ""
    ledger, attempt = load(found.ledger, Ledger), found.row.attempt

    def ask() -> str | None:
        stands = ledger.end(found.run, attempt, _STOPPED)
        return None if stands == LIVE else stands

    stands = _await(ask)
    if stands is None:
        raise Unavailable(
            f"run {found.run!r} is merging and has not ended within {WAIT_SECONDS:.0f} seconds; a merge cannot be "
            "stopped: look at it again with `delivery show`, and stop it again if it did not merge"
        )
    return stands


def _own_ending(found: Standing) -> Delivery:
    """The ending that the run itself writes, which may take a moment after it ended in the ledger."""
    key = record_key(found.run, "ending", found.attempt)
    ending: Delivery | None = _await(lambda: recall(key))
    if ending is None:
        raise Unavailable(
            f"run {found.run!r} has ended by itself and its report is not written yet; look at it with "
            "`delivery show`, and retry it if its process was lost"
        )
    return ending


def _await(look: Callable[[], Found | None]) -> Found | None:
    deadline = time.monotonic() + WAIT_SECONDS
    while (found := look()) is None and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
    return found


def _cancel(run: str, why: str) -> None:
    """Cancel the flow run and return when its process is gone."""
    with prefect_client() as client:

        def gone() -> bool | None:
            flow_run = read_flow_run(client, run)
            if flow_run is None or flow_run.state is None or flow_run.state.is_final():
                return True
            _ask_to_leave(client, flow_run, flow_run.state, why)
            return None

        if _await(gone) is None:
            owner = journal().owner(run) or "its process"
            raise Unavailable(
                f"run {run!r} has ended and can merge nothing more, but {owner} did not leave within "
                f"{WAIT_SECONDS:.0f} seconds; see to its worker, or end that process, then stop the run again"
            )


def _ask_to_leave(client: SyncPrefectClient, flow_run: FlowRun, state: State[Any], why: str) -> None:
    """A run without a process is cancelled at once; else whoever started the process ends it."""
    said = redact(f"Stopped: {why}" if why else "Stopped by a person.")
    if _without_process(str(flow_run.id), state):
        client.set_flow_run_state(flow_run.id, Cancelled(message=said), force=True)
    elif not state.is_cancelling():
        client.set_flow_run_state(flow_run.id, Cancelling(message=said))


def _without_process(run: str, state: State[Any]) -> bool:
    if state.is_scheduled() or (state.is_paused() and state.state_details.pause_reschedule):
        return True
    asked = state.is_cancelling() and datetime.now(UTC) - state.timestamp > timedelta(seconds=LEAVE_SECONDS)
    return asked and not journal().owner(run)


def _settle(found: Standing) -> None:
    """Nobody needs to answer any more: each gate has a record that says so, and a retry asks anew."""
    for gate in found.waiting:
        if found.opening is None:
            load(found.ledger, Ledger).settle(gate.key)
            continue
        label = f"{gate.step}.gate {gate.key.rpartition('/')[2]}"
        why = "the run was stopped"
        record(void_gate, Voided(key=gate.key, label=label, opening=found.opening, gate=gate, why=why))


def _close(found: Standing, why: str) -> Delivery:
    """Write the ending as the run itself would, under the key that it would use."""
    load(found.ledger, Ledger).release(found.run)
    key = record_key(found.run, "ending", found.attempt)
    delivery = _stopped(found, why)
    return record(
        close_run, Closing(key=key, label=f"ending {found.attempt}", opening=found.opening, delivery=delivery)
    )


def _stopped(found: Standing, why: str) -> Delivery:
    reason = redact(why) or "a person stopped the run"
    failure = Failure(
        kind=FailureKind.CANCELLED,
        message=reason,
        step=found.waiting[-1].step if found.waiting else "",
        at=datetime.now(UTC),
    )
    base, head = "", ""
    for one in found.timeline:
        base = one.base or base
        head = head if one.kind == "merge" else one.commit or head
    seen = [one.data["pull_request"] for one in found.timeline if "pull_request" in one.data]
    return Delivery(
        run=found.run,
        attempt=found.attempt,
        title=found.title,
        repository=found.repository,
        pipeline=found.pipeline,
        status=DeliveryStatus.STOPPED,
        reason=reason,
        failure=failure,
        branch=found.opening.branch if found.opening else "",
        forecast=found.opening.forecast if found.opening else None,
        pull_request=seen[-1] if seen else "",
        base=base,
        head=head,
        timeline=found.timeline,
    )
