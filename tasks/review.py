"""A requirements or clarity review of the work item."""

from __future__ import annotations

from contracts.delivery import Outcome
from contracts.redaction import redact
from contracts.review import read_findings
from contracts.visit import Visit
from tasks._replay import journaled
from tasks._turn import Session, build_turn


@journaled("review")
def review(visit: Visit) -> Outcome:
    """Collect the points of the work item that must be settled before anybody builds."""
    session = Session(visit)
    findings, reply = session.ask_for(build_turn(visit), read_findings)
    data = {"findings": [finding.model_dump(mode="json") for finding in findings]}
    return session.outcome(output=redact(reply.text), data=data)
