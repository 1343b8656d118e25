"""Who gave an answer: a name is proven only when the ledger holds the proof that went with it."""

from __future__ import annotations

import json

from blocks.ledger import Ledger
from blocks.ledger.proven import Proof
from contracts.errors import DeliveryError
from contracts.gate import ANSWER, MARK, Given


def signed(proof: Proof) -> str:
    """Return the name that goes into Prefect's form: the person, and the nonce by which the run finds the proof."""
    return f"{proof.who}{MARK}{proof.nonce}"


def carries(name: str, proof: Proof) -> bool:
    """Whether a name out of Prefect's form has this proof's nonce behind it."""
    return name.rpartition(MARK)[2] == proof.nonce


def given_by(proof: Proof, decision: str) -> Given:
    """Return a proven answer as rules see it.

    Args:
        proof: the proof; its person was looked up.
        decision: the choice as the form names it.
    """
    return Given(
        decision=decision,
        text=proof.text,
        who=proof.who,
        proven=bool(proof.identities),
        channel=proof.channel,
        at=proof.at,
        identities=proof.identities.split(),
    )


def attested(ledger: Ledger, key: str, given: Given | None) -> Given:
    """Return an answer out of Prefect's form with what the ledger knows of it: its channel, and who gave it.

    A name that merely looks proven, because somebody typed it or took it from another gate's answer, stays stated.

    Args:
        ledger: the run's ledger.
        key: key of the gate.
        given: the answer; none when it was recorded before.

    Raises:
        DeliveryError: there is no answer.
    """
    if given is None:
        raise DeliveryError(f"the answer to {key!r} is neither recorded nor given; retry the run")
    name, mark, nonce = given.who.rpartition(MARK)
    proof = ledger.proof(nonce) if mark else None
    choice = given.decision.rpartition(MARK)[0] or given.decision
    said = (key, name, choice, given.text)
    if proof is not None and proof.identities and (proof.gate, proof.who, proof.choice, proof.text) == said:
        return given_by(proof, given.decision)
    sent = ledger.effect(f"{key}/{ANSWER}/{given.digest}")
    return given.model_copy(update=json.loads(sent.detail)) if sent is not None else given
