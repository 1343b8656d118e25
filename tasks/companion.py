"""A companion grades what the step before it produced."""

from __future__ import annotations

from contracts.companion import read_verdict
from contracts.delivery import Outcome
from contracts.failure import FailureKind
from contracts.kinds import KINDS, Surface
from contracts.redaction import redact
from contracts.visit import Visit
from tasks._checkout import hand_over, open_checkout
from tasks._replay import journaled
from tasks._turn import Session, build_turn


@journaled("companion")
def grade(visit: Visit) -> Outcome:
    """Grade the producer's result; a reviewer sees the real diff, not what the producer says of it."""
    session, tree = Session(visit), ""
    turn = build_turn(visit)
    if KINDS[visit.step.kind].surface is Surface.READ:
        workspace = open_checkout(visit)
        place = hand_over(visit, workspace, writable=False, finished=session.stays(workspace, writable=False))
        turn = build_turn(visit, place, workspace.diff(visit.position.base, visit.position.head))
        tree = workspace.git.tree_of(visit.position.head)
    verdict, reply = session.ask_for(turn, read_verdict, FailureKind.COMPANION_UNREADABLE)
    return session.outcome(
        output=redact(reply.text or verdict.summary), data=verdict.model_dump(mode="json"), tree=tree
    )
