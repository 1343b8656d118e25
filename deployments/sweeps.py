"""The sweeps of one process: lost runs are taken up, late gates told of, and what ended runs left is removed."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import Any

import typer

from blocks.ledger import Ledger
from blocks.loading import load
from contracts.errors import DeliveryError
from contracts.redaction import redact
from flows.escalate import escalate
from flows.recover import recover
from tasks._overview import LEDGER
from tasks.recovery import due

GRACE_SECONDS = 90.0
"""Silence after which a run counts as lost; its process sends a sign of life every 30 seconds."""
LOOK_SECONDS = 5.0
_TIDY_SECONDS = 3_600.0
"""How often the checkouts and branches of ended runs are looked at, which nothing else makes due."""


class Sweeps:
    """Looks what is due and lets the two flows do it; a look without anything due starts no flow."""

    def __init__(self) -> None:
        self._tidied = float("-inf")

    def look(self) -> bool:
        """Do what is due; what fails is told, tried again by the next look, and makes the result false."""
        tidy = time.monotonic() - self._tidied > _TIDY_SECONDS
        self._tidied = time.monotonic() if tidy else self._tidied
        try:
            _sweep(tidy=tidy)
        except Exception as error:  # noqa: BLE001 - the next look sees it again
            said = error.message if isinstance(error, DeliveryError) else f"{type(error).__name__}: {error}"
            typer.echo(f"a sweep failed: {redact(said)}", err=True)
            return False
        return True


def attend(ending: Event, alive: Callable[[], object]) -> None:
    """Look again and again until the event is set.

    Args:
        ending: what ends it.
        alive: called after each look that went well.
    """
    sweeps = Sweeps()
    while not ending.is_set():
        if sweeps.look():
            alive()
        ending.wait(LOOK_SECONDS)


def _sweep(*, tidy: bool) -> None:
    lost = [one for one in due(timedelta(seconds=GRACE_SECONDS)) if one.remedy is not None]
    if lost or tidy:
        _tell("recovery", recover(GRACE_SECONDS, return_state=True), always=bool(lost))
    if load(LEDGER, Ledger).overdue(datetime.now(UTC)):
        _tell("escalation", escalate(return_state=True), always=True)


def _tell(what: str, state: Any, *, always: bool) -> None:
    if always or not state.is_completed():
        typer.echo(f"{what}: {state.message or state.name}")
