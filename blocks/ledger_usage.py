"""Usage: outcomes of visits, what their turns consumed, and the sums of both."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, func, select

from blocks.ledger_rows import insert_or_ignore
from blocks.ledger_tables import Outcome, Turn, outcomes, turns


def record_outcomes(connection: Connection, ended: Iterable[Outcome]) -> None:
    """Keep how visits ended; the first record of (run, step, visit) stays."""
    for outcome in ended:
        insert_or_ignore(connection, outcomes, outcome)


def record_turn(connection: Connection, turn: Turn) -> None:
    """Keep what a turn consumed; the first record of (run, step, visit, turn) stays."""
    insert_or_ignore(connection, turns, turn)


def turns_of(connection: Connection, run: str, step: str, visit: int) -> int:
    """Return how many turns of a visit are recorded."""
    query = select(func.count()).where(turns.c.run == run, turns.c.step == step, turns.c.visit == visit)
    return connection.execute(query).scalar_one()


def spend(connection: Connection, run: str | None, repository: str | None, since: datetime | None) -> dict[str, float]:
    """Return what the turns of a run, a repository and a period have cost, by currency; none: all of them."""
    query = select(turns.c.currency, func.sum(turns.c.cost)).group_by(turns.c.currency)
    if run is not None:
        query = query.where(turns.c.run == run)
    if repository is not None:
        query = query.where(turns.c.repository == repository)
    if since is not None:
        query = query.where(turns.c.at >= since)
    return {currency: float(total) for currency, total in connection.execute(query)}
