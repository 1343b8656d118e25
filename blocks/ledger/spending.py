"""Spending: what the turns of a period have cost, in groups."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, case, func, select

from blocks.ledger.people import runs
from blocks.ledger.tables import turns
from contracts.delivery import DeliveryStatus
from contracts.spending import Grouping, Spent

_UNKNOWN = "unknown"
_GROUPS: dict[Grouping | None, list[ColumnElement[Any]]] = {
    None: [],
    Grouping.REPOSITORY: [turns.c.repository.label("name")],
    Grouping.PIPELINE: [runs.c.pipeline.label("name")],
    Grouping.KIND: [turns.c.kind.label("name")],
    Grouping.MODEL: [turns.c.model.label("name")],
    Grouping.CHANGE: [turns.c.run.label("name"), runs.c.title],
}


def spending(connection: Connection, begin: datetime, end: datetime, by: Grouping | None) -> list[Spent]:
    """Return what the turns of a period have cost, in groups, the dearest first; none: all of them together."""
    groups = _GROUPS[by]
    cost = func.sum(turns.c.cost)
    read = turns.c.input_tokens + turns.c.cache_read_tokens + turns.c.cache_write_tokens
    query = (
        select(
            *groups,
            turns.c.currency,
            func.count().label("turns"),
            func.sum(read).label("input_tokens"),
            func.sum(turns.c.output_tokens).label("output_tokens"),
            cost.label("cost"),
            func.sum(case((turns.c.priced, 0), else_=1)).label("unpriced"),
        )
        .select_from(turns.outerjoin(runs, runs.c.run == turns.c.run))
        .where(turns.c.at >= begin, turns.c.at < end)
        .group_by(*groups, turns.c.currency)
        .order_by(cost.desc(), *groups)
    )
    if by is Grouping.CHANGE:
        query = query.where(runs.c.status == DeliveryStatus.MERGED.value)
    return [_spent(dict(row)) for row in connection.execute(query).mappings()]


def merged(connection: Connection, begin: datetime, end: datetime) -> int:
    """Return how many merged runs had turns in a period."""
    query = select(func.count(turns.c.run.distinct())).select_from(turns.join(runs, runs.c.run == turns.c.run))
    period = turns.c.at >= begin, turns.c.at < end
    return connection.execute(query.where(*period, runs.c.status == DeliveryStatus.MERGED.value)).scalar_one()


def _spent(row: dict[str, Any]) -> Spent:
    name = row.pop("name", "all")
    return Spent.model_validate({"title": "", **row, "group": name or _UNKNOWN})
