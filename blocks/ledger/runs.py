"""Runs: one row each, live until its attempt ends with the first word that anybody gives it."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import Connection, select, update

from blocks.ledger.people import LIVE, Run, runs
from blocks.ledger.rows import every, first, insertion, now
from blocks.ledger.tables import effects

_STOPPED = "stopped"
_MERGE = "merge"


def open_run(connection: Connection, row: Run) -> None:
    """Insert a run; of a later attempt take what changes with it, of any other attempt nothing."""
    renewed = {name: getattr(row, name) for name in ("attempt", "policy")}
    connection.execute(
        insertion(connection, runs)
        .values(row.model_dump())
        .on_conflict_do_update(
            index_elements=[runs.c.run],
            set_=renewed | {"status": LIVE, "ended_at": None, "reaped_at": None},
            where=runs.c.attempt < row.attempt,
        )
    )


def end_run(connection: Connection, run: str, attempt: int, status: str) -> str:
    """Give the attempt its word unless it has one, and return the word that stands."""
    # Nobody may intend a merge between the look at the effects and the end.
    row = first(connection, select(runs).where(runs.c.run == run).with_for_update(), Run)
    if row is None:
        return status
    if row.status != LIVE or row.attempt != attempt:
        return row.status
    if status == _STOPPED and _is_merging(connection, run):
        return LIVE
    connection.execute(update(runs).where(runs.c.run == run).values(status=status, ended_at=now()))
    return status


def status_kept(connection: Connection, run: str) -> str | None:
    """Return the status of a run, which nobody changes until this transaction ends; none: it has no row."""
    return connection.scalar(select(runs.c.status).where(runs.c.run == run).with_for_update(read=True))


def find(connection: Connection, run: str) -> Run | None:
    """Return a run, or none."""
    return first(connection, select(runs).where(runs.c.run == run), Run)


def newest(connection: Connection, live: bool | None, limit: int, unreaped_before: datetime | None) -> list[Run]:
    """Return runs, the newest first; none: whether they live, or are reaped, does not matter."""
    query = select(runs).order_by(runs.c.opened_at.desc(), runs.c.run.desc()).limit(limit)
    if live is not None:
        query = query.where(runs.c.status == LIVE if live else runs.c.status != LIVE)
    if unreaped_before is not None:
        query = query.where(runs.c.ended_at < unreaped_before, runs.c.reaped_at.is_(None))
    return every(connection, query, Run)


def mark_reaped(connection: Connection, run: str) -> None:
    """Record that what an ended run left behind is gone."""
    # A run that was opened again in the meantime makes new things, which somebody must remove later.
    ended = runs.c.ended_at.is_not(None) & runs.c.reaped_at.is_(None)
    connection.execute(update(runs).where(runs.c.run == run, ended).values(reaped_at=now()))


def _is_merging(connection: Connection, run: str) -> bool:
    # A merge that is confirmed counts as well: the run needs a moment more to end as merged.
    merges = effects.c.run == run, effects.c.what == _MERGE
    return connection.execute(select(effects.c.key).where(*merges).limit(1)).first() is not None
