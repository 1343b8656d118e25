"""A proven answer is handed to the run that waits for it, or is kept as one that changes nothing."""

from __future__ import annotations

import json
from typing import NamedTuple
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient

from blocks.ledger import Decision, Gate, Ledger
from blocks.ledger.proven import Proof
from blocks.loading import load
from contracts.errors import Refused
from contracts.gate import Standing, may_answer
from contracts.redaction import redact
from tasks._forms import form_at, pause_of
from tasks._inputs import responses
from tasks._proving import carries, given_by, signed
from tasks._standing import Standing as RunStanding
from tasks._standing import prefect_client, standing
from tasks.answering import keep_answer, resume

GIVEN = "given"
"""Standing of an answer that its run has; whether it counts there is the run's to say."""


class Handed(NamedTuple):
    """What became of an answer, and what the person is told."""

    standing: str
    said: str


def approvers_at(run: str) -> list[str]:
    """Return whom the policy of a run lets answer in Slack: users and user groups; none: see `may_answer`.

    Raises:
        Refused: nothing is known of the run.
        Unavailable: Prefect or the ledger did not answer.
    """
    opening = standing(run).opening
    return list(opening.policy.slack_approvers) if opening is not None else []


def hand_over(proof: Proof) -> Handed:
    """Hand an answer to its run; done again, also by somebody else at the same time, it is one answer.

    Args:
        proof: the answer as the ledger has it; its person was looked up.

    Raises:
        Refused: nothing is known of the run.
        Unavailable: Prefect or the ledger did not answer; the same call may work later.
    """
    found = standing(proof.run)
    gate = load(found.ledger, Ledger).gate(proof.gate)
    if gate is None or found.opening is None:
        raise Refused(f"nothing was asked under {proof.gate!r}; answer what the run asks now")
    given = given_by(proof, proof.choice)
    if not given.proven or not may_answer(given, found.opening.policy):
        keep_answer(found, gate, given, "unauthorised", proof.nonce)
        return Handed(
            "unauthorised", f"You may not answer here: {_who_may(found)}. Your answer is kept and does nothing."
        )
    with prefect_client() as client:
        if _is_there(client, gate, proof):
            return _taken(proof)
        if gate.key not in {one.key for one in found.waiting} or responses(client, UUID(gate.run), pause_of(gate)):
            return _too_late(found, gate, proof)
        form = form_at(client, proof.run, gate)
        try:
            label = form.label(proof.choice)
        except Refused as error:
            keep_answer(found, gate, given, "unreadable", proof.nonce)
            return Handed("unreadable", f"{error.message}.")
        sent = given.model_copy(update={"decision": label, "who": signed(proof)})
        refused = resume(client, proof.run, form, sent)
        if not refused or _is_there(client, gate, proof):
            return _taken(proof)
    return _too_late(standing(proof.run), gate, proof, redact(refused))


def _is_there(client: SyncPrefectClient, gate: Gate, proof: Proof) -> bool:
    """Whether the run has this very answer, for instance because the process that gave it died before it said so."""
    rows = responses(client, UUID(gate.run), pause_of(gate))
    return bool(rows) and carries(str(json.loads(rows[0]["value"]).get("your_name", "")), proof)


def _taken(proof: Proof) -> Handed:
    return Handed(GIVEN, f"Your answer, {proof.choice}, is with the run.")


def _too_late(found: RunStanding, gate: Gate, proof: Proof, why: str = "") -> Handed:
    kept: Standing = keep_answer(found, gate, given_by(proof, proof.choice), "late", proof.nonce)
    decided = next((one for one in found.decisions if one.gate == gate.key and one.standing == "counted"), None)
    if kept == "duplicate":
        return Handed(kept, "You have answered this already, with the same choice; nothing else happens.")
    return Handed(kept, f"Too late: {_by_whom(decided, found, why)}. Your answer is kept and changes nothing.")


def _by_whom(decided: Decision | None, found: RunStanding, why: str) -> str:
    if decided is not None:
        return f"{decided.who} chose {decided.choice} before you"
    if why:
        return f"Prefect did not take the answer: {why}"
    return "somebody has answered already" if found.going else f"the run does not wait any more ({found.state})"


def _who_may(found: RunStanding) -> str:
    named = found.opening.policy.slack_approvers if found.opening is not None else []
    return f"the policy names {', '.join(named)}" if named else "the policy names nobody in Slack"
