"""Deliveries: kept once each before anything is made of them, lent to whoever settles them, forgotten in the end."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, Update, delete, func, or_, select, update

from blocks.ledger.rows import change, every, first, insertion, now
from blocks.ledger.triggers import WAITING, Delivery, deliveries
from contracts.intake.webhook import DeliveryOutcome

_STARTED_NOTHING = (DeliveryOutcome.NO_RULE.value, DeliveryOutcome.LIMITED.value, DeliveryOutcome.ERROR.value)
"""Outcomes after which a redelivery is decided again: whoever sends it has been told what to change."""


def receive(connection: Connection, rows: list[Delivery]) -> list[bool]:
    """Keep deliveries; return of each whether it is new: false when it is kept, by its id or by what was signed.

    One that started nothing waits again when its sender sends the same again, and is as good as new.
    """
    if not rows:
        return []
    insert = insertion(connection, deliveries).on_conflict_do_nothing()
    own = deliveries.c.source, deliveries.c.delivery
    made = connection.execute(insert.returning(*own), [row.model_dump() for row in rows]).all()
    new = {(source, delivery) for source, delivery in made}
    return [_taken_out(new, (row.source, row.delivery)) or _again(connection, row) for row in rows]


def _taken_out(keys: set[tuple[str, str]], key: tuple[str, str]) -> bool:
    """Whether a key was there: of two rows with one key, the first was kept."""
    if key not in keys:
        return False
    keys.remove(key)
    return True


def _again(connection: Connection, row: Delivery) -> bool:
    known = update(deliveries).where(deliveries.c.source == row.source)
    same = or_(deliveries.c.delivery == row.delivery, deliveries.c.digest == row.digest)
    connection.execute(known.where(same).values(count=deliveries.c.count + 1))
    idle = known.where(deliveries.c.digest == row.digest, deliveries.c.outcome.in_(_STARTED_NOTHING))
    again = {"outcome": WAITING, "body": row.body, "next_try_at": row.next_try_at, "attempts": 0, "settled_at": None}
    return change(connection, idle.values(again)) > 0


def refuse(connection: Connection, row: Delivery) -> None:
    """Count a refusal on the row of its reason and minute."""
    insert = insertion(connection, deliveries).values(row.model_dump())
    more = {"count": deliveries.c.count + row.count}
    key = [deliveries.c.source, deliveries.c.delivery]
    connection.execute(insert.on_conflict_do_update(index_elements=key, set_=more))


def take(connection: Connection, limit: int, lease: timedelta) -> list[Delivery]:
    """Lend the oldest deliveries that are due, each to one caller until the lease is over."""
    at = now()
    due = (
        select(deliveries)
        .where(deliveries.c.outcome == WAITING, deliveries.c.next_try_at <= at)
        .order_by(deliveries.c.received_at, deliveries.c.delivery)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    taken = every(connection, due, Delivery)
    for row in taken:
        lent = {"attempts": row.attempts + 1, "next_try_at": at + lease}
        connection.execute(_of(row.source, row.delivery).values(lent))
    return [row.model_copy(update={"attempts": row.attempts + 1}) for row in taken]


def settle(connection: Connection, row: Delivery) -> None:
    """Give a delivery its outcome, reason and runs; the first outcome stands."""
    said = {"outcome": row.outcome, "reason": row.reason, "runs": row.runs, "settled_at": now()}
    waiting = _of(row.source, row.delivery).where(deliveries.c.outcome == WAITING)
    connection.execute(waiting.values(said))


def postpone(connection: Connection, row: Delivery) -> None:
    """Give a delivery back until its next try, with the reason why it has to wait."""
    waiting = _of(row.source, row.delivery).where(deliveries.c.outcome == WAITING)
    connection.execute(waiting.values(next_try_at=row.next_try_at, reason=row.reason))


def newest(connection: Connection, limit: int, outcome: str | None) -> list[Delivery]:
    """Return deliveries without their bodies, the newest first."""
    columns = [column for column in deliveries.c if column is not deliveries.c.body]
    query = select(*columns).order_by(deliveries.c.received_at.desc(), deliveries.c.delivery).limit(limit)
    if outcome is not None:
        query = query.where(deliveries.c.outcome == outcome)
    return every(connection, query, Delivery)


def find(connection: Connection, source: str, delivery_id: str) -> Delivery | None:
    """Return a delivery, or none."""
    wanted = select(deliveries).where(deliveries.c.source == source, deliveries.c.delivery == delivery_id)
    return first(connection, wanted, Delivery)


def waiting(connection: Connection) -> int:
    """Return how many deliveries nobody has settled."""
    query = select(func.count()).select_from(deliveries).where(deliveries.c.outcome == WAITING)
    return connection.scalar(query) or 0


def forget(connection: Connection, bodies_before: datetime, rows_before: datetime, keep: Iterable[str]) -> int:
    """Drop settled bodies, then rows, that are older; return how many rows are gone.

    Args:
        connection: a transaction.
        bodies_before: aware time; of older deliveries that are settled the body goes.
        rows_before: aware time; older deliveries that are settled go.
        keep: outcomes whose rows stay until `rows_before`; rows of all others go with the bodies.
    """
    settled = deliveries.c.outcome != WAITING
    old = deliveries.c.received_at < bodies_before
    gone = change(connection, delete(deliveries).where(settled, deliveries.c.received_at < rows_before))
    gone += change(connection, delete(deliveries).where(settled, old, deliveries.c.outcome.not_in(list(keep))))
    held = deliveries.c.body.is_not(None)
    connection.execute(update(deliveries).where(settled, old, held).values(body=None))
    return gone


def _of(source: str, delivery_id: str) -> Update:
    return update(deliveries).where(deliveries.c.source == source, deliveries.c.delivery == delivery_id)
