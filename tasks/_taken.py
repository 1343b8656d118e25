"""Turns that were answered: their replies are in the journal, so that none is paid a second time."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.agent import AgentReply, AgentTurn
from contracts.errors import AgentFailed
from contracts.failure import FailureKind
from contracts.journal import record_key
from contracts.redaction import redact_all
from contracts.structured import extract
from contracts.visit import Visit
from tasks._replay import journal, recall

_ASKS_ANEW = frozenset({FailureKind.AGENT, FailureKind.COMPANION_UNREADABLE, FailureKind.EVICTED, FailureKind.UNKNOWN})
"""Failures that the reply itself may have caused: a retry after one of these takes the turn again."""


class Taken(BaseModel):
    """A turn whose reply was observed."""

    model_config = ConfigDict(frozen=True)

    attempt: int = Field(description="Attempt of the run in which it was taken.")
    number: int = Field(description="Its number among the visit's turns in the ledger.")
    lent: str = Field(description="Which hand-over of the checkout it worked on; empty: it could change nothing.")
    reply: AgentReply = Field(description="The reply, redacted.")


def recall_turn(visit: Visit, name: str, lent: str) -> Taken | None:
    """Return the recorded turn of a visit, or none when it must be taken.

    Args:
        visit: the visit.
        name: "turn", or "repair" for the one that mends its form.
        lent: the checkout's present hand-over; what an earlier one led to is not in it any more.

    Raises:
        JournalDamaged: there is a record and it cannot be trusted.
    """
    found: Taken | None = recall(_key(visit, name))
    if found is None or found.lent != lent:
        return None
    return None if _failed_since(visit, found.attempt) else found


def keep_turn(visit: Visit, name: str, turn: Taken, *, read: bool) -> Taken:
    """Record a turn; from here on it is not taken again.

    Args:
        visit: the visit.
        name: "turn" or "repair", as for `recall_turn`.
        turn: the turn.
        read: whether its reply is still to be read, which may take a repair. Prose that changed nothing is its step's
            outcome, whose record follows within a millisecond and is on the disk: that is one fsync less to wait for.
    """
    journal().keep(_key(visit, name), turn, lasting=bool(turn.lent) or read)
    return turn


def redacted(turn: AgentTurn, reply: AgentReply) -> AgentReply:
    """Return a reply without secrets; structured output that stands in the text is taken out before.

    Raises:
        AgentFailed: what is left of it is no reply.
    """
    structured = extract(reply) if turn.schema_ else reply.structured
    raw = reply.model_copy(update={"structured": structured}).model_dump(mode="json")
    try:
        return AgentReply.model_validate({**redact_all(raw), "session": reply.session})
    except ValidationError as error:
        fields = ", ".join(sorted({str(one["loc"][0]) for one in error.errors()}))
        raise AgentFailed(f"the reply holds secrets in {fields}, and nothing readable without them") from error


def _key(visit: Visit, name: str) -> str:
    run, step, number = visit.key.split("/")
    return record_key(run, f"{step}.{name}", int(number))


def _failed_since(visit: Visit, attempt: int) -> bool:
    opening = visit.opening
    endings = (recall(record_key(opening.run, "ending", one)) for one in range(attempt, opening.attempt))
    return any(one is not None and one.failure is not None and one.failure.kind in _ASKS_ANEW for one in endings)
