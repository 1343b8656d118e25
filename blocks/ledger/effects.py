"""Effects: intended before they are made, held while they are made, confirmed after, or withdrawn."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import Connection, delete, or_, select, update

from blocks.ledger.people import LIVE
from blocks.ledger.rows import change, every, first, insert_or_ignore, now
from blocks.ledger.runs import status_kept
from blocks.ledger.tables import Effect, effects
from contracts.errors import DeliveryError, Refused
from contracts.failure import FailureKind


def intend(connection: Connection, intent: Effect, ended: bool) -> Effect:
    """Announce an effect and return its row, which may be older and confirmed.

    Raises:
        Refused: the run has ended, and `ended` does not say that the effect belongs to its end.
    """
    status = LIVE if ended else status_kept(connection, intent.run)
    if status not in (None, LIVE):
        raise Refused(
            f"the run {intent.run!r} has ended as {status!r}, so the effect {intent.key!r} was not made; "
            "retry the run if it is to go on",
            kind=FailureKind.CANCELLED,
        )
    insert_or_ignore(connection, effects, intent)
    return find(connection, intent.key) or intent


def confirm(connection: Connection, key: str, result: str) -> None:
    """Record what came of an effect; nothing to do if the same is recorded already.

    Raises:
        DeliveryError: the effect was never intended, or another result is recorded.
    """
    unconfirmed = update(effects).where(effects.c.key == key, effects.c.result.is_(None))
    connection.execute(unconfirmed.values(result=result, confirmed_at=now()))
    recorded = find(connection, key)
    if recorded is None:
        raise DeliveryError(f"the effect {key!r} was never intended; intend it before it is made")
    if recorded.result != result:
        raise DeliveryError(
            f"the effect {key!r} is confirmed as {recorded.result!r}, not {result!r}; "
            "look at which of the two exists and undo the other by hand"
        )


def hold(connection: Connection, key: str, seconds: float) -> bool:
    """Take the lease of an unconfirmed effect, unless somebody has it."""
    moment = now()
    free = or_(effects.c.held_until.is_(None), effects.c.held_until <= moment)
    lease = update(effects).where(effects.c.key == key, effects.c.result.is_(None), free)
    return change(connection, lease.values(held_until=moment + timedelta(seconds=seconds))) == 1


def withdraw(connection: Connection, key: str) -> None:
    """Forget an effect that is not confirmed."""
    connection.execute(delete(effects).where(effects.c.key == key, effects.c.result.is_(None)))


def unconfirmed(connection: Connection, run: str) -> list[Effect]:
    """Return the effects that a run has intended and not confirmed, the oldest first."""
    query = select(effects).where(effects.c.run == run, effects.c.result.is_(None))
    return every(connection, query.order_by(effects.c.intended_at, effects.c.key), Effect)


def find(connection: Connection, key: str) -> Effect | None:
    """Return the effect of this natural key, or none."""
    return first(connection, select(effects).where(effects.c.key == key), Effect)
