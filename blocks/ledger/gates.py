"""Gates and decisions: who is asked, since when, and what was answered."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, and_, exists, or_, select, update

from blocks.ledger.people import LIVE, Decision, Gate, decisions, gates, runs
from blocks.ledger.rows import every, first, insert_or_ignore, now


def wait(connection: Connection, gate: Gate) -> None:
    """Keep that a gate is asked; the first record of its key stays."""
    insert_or_ignore(connection, gates, gate)


def settle(connection: Connection, key: str) -> None:
    """Record that a gate waits no more, unless that is recorded."""
    waits = gates.c.key == key, gates.c.settled_at.is_(None)
    connection.execute(update(gates).where(*waits).values(settled_at=now()))


def waiting(connection: Connection, run: str | None) -> list[Gate]:
    """Return the gates that are not settled, of one run or of all, the oldest first."""
    query = select(gates).where(gates.c.settled_at.is_(None)).order_by(gates.c.opened_at, gates.c.key)
    return every(connection, query if run is None else query.where(gates.c.run == run), Gate)


def overdue(connection: Connection, moment: datetime) -> list[Gate]:
    """Return the gates of live runs that wait beyond a time of theirs of which nothing came yet, the longest first."""
    ended = exists().where(runs.c.run == gates.c.run, runs.c.status != LIVE)
    silent = and_(gates.c.escalated_at.is_(None), gates.c.escalate_at <= moment)
    due = gates.c.settled_at.is_(None), or_(silent, gates.c.due_at <= moment)
    return every(connection, select(gates).where(*due, ~ended).order_by(gates.c.opened_at, gates.c.key), Gate)


def mark_escalated(connection: Connection, key: str) -> None:
    """Record that a gate was escalated, unless that is recorded."""
    silent = gates.c.key == key, gates.c.escalated_at.is_(None)
    connection.execute(update(gates).where(*silent).values(escalated_at=now()))


def decide(connection: Connection, row: Decision) -> Decision:
    """Keep an answer and return what stands under its key."""
    insert_or_ignore(connection, decisions, row)
    return first(connection, select(decisions).where(decisions.c.key == row.key), Decision) or row


def of_run(connection: Connection, run: str) -> list[Decision]:
    """Return every answer that a run was given, the oldest first."""
    query = select(decisions).where(decisions.c.run == run).order_by(decisions.c.at, decisions.c.key)
    return every(connection, query, Decision)
