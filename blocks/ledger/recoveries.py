"""Recoveries: which sweep acts on a lost run, and what each step of the run has used up."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from sqlalchemy import Connection, select, update

from blocks.ledger.people import Recovery, recoveries
from blocks.ledger.rows import change, insertion


def recover(connection: Connection, row: Recovery, lease_seconds: float) -> bool:
    """Let one sweep act on a state of a run: the first, or one that comes when the first has died."""
    insert = insertion(connection, recoveries).values(row.model_dump())
    abandoned = (recoveries.c.at <= row.at - timedelta(seconds=lease_seconds)) & recoveries.c.step.is_(None)
    taken = insert.on_conflict_do_update(
        index_elements=[recoveries.c.run, recoveries.c.state], set_={"kind": row.kind, "at": row.at}, where=abandoned
    )
    return change(connection, taken) == 1


def attribute(connection: Connection, run: str, step: str) -> dict[str, int]:
    """Charge the recoveries of a run that no step has yet to this step, and count all of the step by kind."""
    open_ones = recoveries.c.run == run, recoveries.c.step.is_(None)
    connection.execute(update(recoveries).where(*open_ones).values(step=step))
    charged = select(recoveries.c.kind).where(recoveries.c.run == run, recoveries.c.step == step)
    return dict(Counter(connection.scalars(charged)))
