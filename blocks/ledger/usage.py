"""Usage: outcomes of visits, what their turns consumed, and the sums of both."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, func, select

from blocks.ledger.people import runs
from blocks.ledger.rows import insert_or_ignore
from blocks.ledger.tables import Outcome, Turn, outcomes, turns
from contracts.budget import CURRENCY
from contracts.delivery import DeliveryStatus

_LATEST_TURNS = 200
_LATEST_RUNS = 50
"""Prices and habits change: a history goes back so far and no further."""
_WHOLE = [one.value for one in DeliveryStatus if one not in {DeliveryStatus.FAILED, DeliveryStatus.STOPPED}]
"""Ends of runs that went all their way, so that their cost is that of a run."""


def record_outcomes(connection: Connection, ended: Iterable[Outcome]) -> None:
    """Keep how visits ended; the first record of (run, step, visit) stays."""
    for outcome in ended:
        insert_or_ignore(connection, outcomes, outcome)


def record_turn(connection: Connection, turn: Turn) -> None:
    """Keep what a turn consumed; the first record of (run, step, visit, turn) stays."""
    insert_or_ignore(connection, turns, turn)


def turns_of(connection: Connection, run: str) -> Counter[tuple[str, int]]:
    """Return how many turns of each step and visit of a run are recorded."""
    query = select(turns.c.step, turns.c.visit, func.count()).where(turns.c.run == run)
    found = connection.execute(query.group_by(turns.c.step, turns.c.visit))
    return Counter({(step, visit): count for step, visit, count in found})


def history(connection: Connection, kind: str) -> list[Decimal]:
    """Return what the latest turns of a kind have cost in the currency of budgets."""
    query = select(turns.c.cost).where(turns.c.kind == kind, turns.c.currency == CURRENCY)
    return list(connection.scalars(query.order_by(turns.c.at.desc()).limit(_LATEST_TURNS)))


def run_costs(connection: Connection, pipeline: str) -> list[Decimal]:
    """Return what the latest runs of a pipeline that came to their end have cost in the currency of budgets."""
    paid = (turns.c.run == runs.c.run) & (turns.c.currency == CURRENCY)
    query = select(func.sum(turns.c.cost)).select_from(runs.outerjoin(turns, paid))
    query = query.where(runs.c.pipeline == pipeline, runs.c.status.in_(_WHOLE)).group_by(runs.c.run, runs.c.opened_at)
    found = connection.scalars(query.order_by(runs.c.opened_at.desc()).limit(_LATEST_RUNS))
    return [Decimal(0) if cost is None else cost for cost in found]


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
