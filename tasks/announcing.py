"""Questions that nobody was told of, because their channel was away when they were asked, are told of later."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from pydantic import ValidationError

from blocks.channel import Channel
from blocks.ledger import Gate, Ledger
from blocks.loading import load
from contracts import message
from contracts.asked import Asked
from contracts.errors import DeliveryError
from tasks._overview import LEDGER
from tasks._standing import standing
from tasks._telling import subject_of

_LEASE_SECONDS = 60.0
QUIET = timedelta(minutes=2)
"""How long a run has to tell of its question itself."""


def announce_missed(older: timedelta = QUIET) -> list[str]:
    """Post the waiting messages that were intended and never sent; return the keys of their gates.

    One that cannot be posted keeps the others from nothing; it is tried again the next time.

    Args:
        older: only those that were intended so long ago.

    Raises:
        DeliveryError: the ledger did not answer.
    """
    done: list[str] = []
    for gate in load(LEDGER, Ledger).waiting():
        with suppress(DeliveryError):
            done += [gate.key] if _announced(gate, datetime.now(UTC) - older) else []
    return done


def _announced(gate: Gate, before: datetime) -> bool:
    ledger, asked = load(LEDGER, Ledger), _asked(gate)
    effect = ledger.effect(f"{gate.run}/waiting/{asked.name}") if asked is not None else None
    if asked is None or effect is None or effect.result is not None or effect.intended_at > before:
        return False
    opening = standing(gate.run).opening
    if opening is None or not ledger.hold(effect.key, _LEASE_SECONDS):
        return False
    said = message.waiting(subject_of(opening), asked.name, gate.step, gate.reason, asked.does, asked.told())
    channel = load(gate.channel, Channel)
    ledger.confirm(effect.key, channel.find(said.key) or channel.post(said))
    return True


def _asked(gate: Gate) -> Asked | None:
    try:
        return Asked.model_validate_json(gate.asked or "")
    except ValidationError:
        return None
