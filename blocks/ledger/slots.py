"""Slots: what a delivery starts, begun once each, and how many may live that share a limit."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, delete, func, select, update

from blocks.ledger.database import lock_claims
from blocks.ledger.rows import every, first, now
from blocks.ledger.triggers import Slot, slots


def occupy(connection: Connection, wanted: Slot, limit: int | None) -> Slot | None:
    """Take the slot of a key and return what stands under it; none: the scope's limit is reached."""
    lock_claims(connection)
    standing = first(connection, select(slots).where(slots.c.key == wanted.key), Slot)
    if standing is not None:
        return standing
    living = select(func.count()).select_from(slots)
    living = living.where(slots.c.scope == wanted.scope, slots.c.released_at.is_(None), ~_begun_in_vain(wanted))
    if limit is not None and (connection.scalar(living) or 0) >= limit:
        return None
    connection.execute(slots.insert(), wanted.model_dump())
    return wanted


def fill(connection: Connection, key: str, run: str) -> None:
    """Record the run of a slot; the first one stays."""
    connection.execute(update(slots).where(slots.c.key == key, slots.c.run.is_(None)).values(run=run))


def vacate(connection: Connection, key: str) -> None:
    """Forget a slot for which no run was made."""
    connection.execute(delete(slots).where(slots.c.key == key, slots.c.run.is_(None)))


def abandon(connection: Connection, source: str, delivery: str) -> None:
    """Forget the slots of a settled delivery for which no run was made."""
    mine = delete(slots).where(slots.c.source == source, slots.c.delivery == delivery)
    connection.execute(mine.where(slots.c.run.is_(None)))


def release(connection: Connection, run: str) -> None:
    """Record that the run of a slot is over; nothing to do if it has none, or is over already."""
    over = update(slots).where(slots.c.run == run, slots.c.released_at.is_(None))
    connection.execute(over.values(released_at=now()))


def occupied(connection: Connection) -> list[Slot]:
    """Return the slots that have a run that is not over, the oldest first."""
    living = select(slots).where(slots.c.released_at.is_(None), slots.c.run.is_not(None))
    return every(connection, living.order_by(slots.c.taken_at, slots.c.key), Slot)


def forget(connection: Connection, before: datetime) -> None:
    """Drop slots whose run was over before an aware time."""
    connection.execute(delete(slots).where(slots.c.released_at < before))


def _begun_in_vain(wanted: Slot) -> ColumnElement[bool]:
    """Slots that the same delivery took by a rule that has been changed since, before a run was made."""
    return and_(slots.c.source == wanted.source, slots.c.delivery == wanted.delivery, slots.c.run.is_(None))
