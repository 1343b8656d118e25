"""What waits too long: people are reminded once, and a due gate is decided by the policy's own choice."""

from __future__ import annotations

from datetime import UTC, datetime

from blocks.channel import Channel
from blocks.ledger import Gate, Ledger
from blocks.loading import load
from contracts import message
from contracts.choices import due_choice
from contracts.errors import Refused
from contracts.gate import BY_POLICY
from contracts.journal import Opening
from tasks._overview import LEDGER
from tasks._standing import standing
from tasks._telling import subject_of
from tasks.answering import answer_gate, choices_of

POLICY = "the policy"
"""Who decides when nobody did."""
_LEASE_SECONDS = 60.0


def waiting_too_long(now: datetime | None = None) -> list[Gate]:
    """Return the gates of live runs that must be escalated or decided, the oldest first."""
    return load(LEDGER, Ledger).overdue(now or datetime.now(UTC))


def remind(gate: Gate) -> str:
    """Tell people once more that a gate waits; return what was done, or an empty text.

    The reminder is an effect of its own: of two sweeps one has the lease, and a sweep that died leaves it to the next.
    """
    now = datetime.now(UTC)
    if gate.escalate_at is None or gate.escalate_at > now or gate.escalated_at is not None:
        return ""
    opening = _opening(gate)
    name = f"{gate.step} {gate.key.rpartition('/')[2]}"
    waited = (now - gate.opened_at).total_seconds()
    said = message.escalated(subject_of(opening), name, gate.step, gate.reason, waited)
    ledger, channel = load(opening.policy.ledger, Ledger), load(gate.channel, Channel)
    effect = ledger.intend(said.key, gate.run, "message", name, ended=True)
    if effect.result is None:
        if not ledger.hold(said.key, _LEASE_SECONDS):
            return ""
        ledger.confirm(said.key, channel.find(said.key) or channel.post(said))
    ledger.escalated(gate.key)
    return f"reminded of {name} of run {gate.run}"


def decide_due(gate: Gate) -> str:
    """Let the policy decide a gate that nobody decided in time; return what was done, or an empty text."""
    if gate.due_at is None or gate.due_at > datetime.now(UTC):
        return ""
    choice = due_choice(choices_of(gate.run), _opening(gate).policy.due_action)
    try:
        settled = answer_gate(
            run=gate.run,
            choice=choice,
            who=POLICY,
            comment=f"nobody decided until {gate.due_at:%Y-%m-%d %H:%M} UTC",
            channel=BY_POLICY,
            proven=True,
        )
    except Refused as error:  # somebody decided in the meantime
        return f"{gate.key} was due: {error.message}"
    return f"{settled.choice} at {gate.key}, because it was due"


def _opening(gate: Gate) -> Opening:
    opening = standing(gate.run).opening
    if opening is None:
        raise Refused(f"the journal holds no opening of run {gate.run!r}; stop the run")
    return opening
