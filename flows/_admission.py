"""How a run comes in: a missed tick makes way for a newer one, and a run without room waits for it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import cast

from prefect.client.schemas.objects import State
from prefect.context import FlowRunContext
from prefect.exceptions import Pause
from prefect.states import Cancelled

from contracts.admission import Full, Held
from contracts.delivery import Delivery
from contracts.redaction import redact
from contracts.ticks import SKIPPED
from tasks.admission import check_room, newer_tick, queue_run, starts_by_itself
from tasks.opening import Request


def outdated() -> str:
    """Return why the present run has nothing to do, because a newer tick of its schedule is due; else empty."""
    context = FlowRunContext.get()
    return newer_tick(context.flow_run) if context is not None and context.flow_run is not None else ""


def skips(error: Exception) -> bool:
    """Whether an error means that the present run began by itself while another one does its work."""
    context = FlowRunContext.get()
    began = context is not None and context.flow_run is not None and starts_by_itself(context.flow_run)
    return began and isinstance(error, Held)


def skipped(reason: str) -> Delivery:
    """The final state of a run that has nothing to do; nothing of it is recorded, so that it can be retried."""
    state: State[Delivery] = Cancelled(name=SKIPPED, message=redact(reason))
    return cast(Delivery, state)


@contextmanager
def room_for(request: Request) -> Generator[None]:
    """Open a run; when there is no room and its policy lets it wait, it waits without a process.

    Raises:
        Pause: the run waits, and this process must end.
        Full: there is no room, and the policy lets nobody wait.
        DeliveryError: whatever else the run is refused for.
    """
    try:
        check_room(request)
        yield
    except Full as error:
        if error.until is None:
            raise
        raise Pause(state=queue_run(request, error, error.until)) from error
