"""A producer's or helper's turn: done when its effect on the checkout was observed."""

from __future__ import annotations

from blocks.workspace import Snapshot, Workspace
from contracts.agent import AgentReply
from contracts.delivery import Outcome
from contracts.errors import AgentFailed
from contracts.kinds import KINDS, Family, Surface
from contracts.mentions import quiet
from contracts.redaction import redact, redact_all
from contracts.visit import Visit
from tasks._checkout import hand_over, lent, open_checkout, publish
from tasks._replay import journaled
from tasks._turn import Session, build_turn, forgive


@journaled("agent")
def run_agent(visit: Visit) -> Outcome:
    """Let an agent take its turn, and commit and push what it changed."""
    session = Session(visit)
    if KINDS[visit.step.kind].family is Family.HELPER:
        return forgive(session, lambda: _take(session))
    return _take(session)


def _take(session: Session) -> Outcome:
    visit, surface = session.visit, KINDS[session.visit.step.kind].surface
    if surface is Surface.INLINE:
        return _said(session, session.ask(build_turn(visit)))
    workspace = open_checkout(visit)
    writes = surface is Surface.WRITE
    place = hand_over(visit, workspace, writable=writes, finished=session.stays(workspace, writable=writes))
    helps = KINDS[visit.step.kind].family is Family.HELPER
    diff = workspace.diff(visit.position.base, visit.position.head) if helps or visit.revision else ""
    reply = session.ask(build_turn(visit, place, diff), lent(workspace) if writes else "")
    if not writes:
        return _said(session, reply, workspace.git.tree_of(visit.position.head))
    made = workspace.snapshot(_message(visit, reply), visit.position.head)
    return _written(session, workspace, reply, made)


def _said(session: Session, reply: AgentReply, tree: str = "") -> Outcome:
    """The postcondition of a kind that answers in prose: it said something, or it asks."""
    if _has_question(session, reply):
        return _asks(session, reply, tree=tree)
    if not reply.text.strip():
        raise AgentFailed(f"{session.visit.step.id!r} answered nothing; an answer in prose is expected")
    return session.outcome(output=redact(reply.text), tree=tree)


def _has_question(session: Session, reply: AgentReply) -> bool:
    return reply.question is not None and KINDS[session.visit.step.kind].family is Family.PRODUCER


def _asks(session: Session, reply: AgentReply, **made: str) -> Outcome:
    """A question is an outcome too; what was changed so far is kept for the turn with the answer."""
    question = reply.question.model_dump() if reply.question else {}
    return session.outcome(status="asked", output=redact(reply.text), data={"question": redact_all(question)}, **made)


def _message(visit: Visit, reply: AgentReply) -> str:
    item = visit.opening.item
    subject = quiet(redact(reply.commit_message.strip() or f"{item.title} ({visit.step.id})"))
    return f"{subject}\n\nDelivery-Run: {visit.opening.run}\nDelivery-Step: {visit.label}\n"


def _written(session: Session, workspace: Workspace, reply: AgentReply, made: Snapshot | None) -> Outcome:
    """The postcondition of a writing kind: the tree changed, or the agent says why it need not."""
    visit = session.visit
    if _has_question(session, reply):
        if made is not None:
            publish(visit.opening, workspace, made.commit)
        return _asks(session, reply, **({"commit": made.commit, "tree": made.tree} if made else {}))
    if made is None and not reply.no_change_needed.strip():
        raise AgentFailed(
            f"{visit.step.id!r} changed no file and gave no reason; a change or 'no_change_needed' is expected",
            detail=redact(reply.text[:2_000]),
        )
    if made is None:
        tree = workspace.git.tree_of(visit.position.head)
        return session.outcome(output=redact(reply.text), no_change=redact(reply.no_change_needed), tree=tree)
    publish(visit.opening, workspace, made.commit)
    return session.outcome(output=redact(reply.text), commit=made.commit, tree=made.tree)
