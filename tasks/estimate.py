"""A forecast of complexity, risk and impact, by which later steps may be skipped."""

from __future__ import annotations

from contracts.delivery import Outcome
from contracts.estimate import read_estimate
from contracts.redaction import redact
from contracts.structured import extract
from contracts.visit import Visit
from tasks._replay import journaled
from tasks._turn import Session, build_turn


@journaled("estimate")
def estimate(visit: Visit) -> Outcome:
    """Estimate the work item; an unreadable answer leaves no estimate, and each gating says what then happens."""
    session = Session(visit)
    reply = session.ask(build_turn(visit))
    found = read_estimate(extract(reply))
    return session.outcome(output=redact(reply.text), data=found.model_dump(mode="json") if found else {})
