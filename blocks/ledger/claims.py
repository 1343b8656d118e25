"""Claims: the exclusive right to a piece of work, the limits of live runs of a repository, and the queue for room."""

from __future__ import annotations

from sqlalchemy import Connection, Select, delete, select

from blocks.ledger.database import lock_claims
from blocks.ledger.rows import every, insertion
from blocks.ledger.tables import Claim, claims
from blocks.ledger.triggers import Queued, queue
from contracts.admission import Ceiling, Full, Held, refuses, said


def claim(connection: Connection, wanted: Claim, ceiling: Ceiling) -> None:
    """Take the right unless the run has it already.

    Raises:
        Held: another run holds the work.
        Full: a limit of the repository is reached.
    """
    lock_claims(connection)
    holder = connection.scalar(select(claims.c.run).where(claims.c.identity == wanted.identity))
    if holder == wanted.run:
        return
    if holder is not None:
        raise Held(
            f"the work {wanted.identity!r} is held by the live run {holder!r}; "
            "wait until that run ends, or stop it, then start this one again"
        )
    check_room(connection, wanted, ceiling)
    connection.execute(claims.insert(), wanted.model_dump())
    leave_queue(connection, wanted.run)


def check_room(connection: Connection, wanted: Claim, ceiling: Ceiling) -> None:
    """Raise Full when a limit of the repository is reached, or those who wait in front fill it."""
    ahead = _ahead(connection, wanted, ceiling) if ceiling.queues else []
    inside = [one.kind for one in every(connection, _others(wanted), Claim)]
    refusal = refuses(wanted.kind, inside, ahead, ceiling)
    if refusal is not None:
        until = wanted.claimed_at + ceiling.look if ceiling.queues else None
        raise Full(said(wanted.repository, refusal, ceiling), until=until)


def release(connection: Connection, run: str) -> None:
    """Give back everything that the run has claimed, and its place in the queue."""
    connection.execute(delete(claims).where(claims.c.run == run))
    leave_queue(connection, run)


def live(connection: Connection, repository: str | None) -> list[Claim]:
    """Return the claims of one repository or of all, the oldest first."""
    query = select(claims).order_by(claims.c.claimed_at, claims.c.identity)
    if repository is not None:
        query = query.where(claims.c.repository == repository)
    return every(connection, query, Claim)


def join_queue(connection: Connection, row: Queued) -> None:
    """Let a run wait for room; one that waits already keeps its place."""
    waits = insertion(connection, queue).values(row.model_dump())
    connection.execute(waits.on_conflict_do_update(index_elements=[queue.c.run], set_={"seen_at": row.seen_at}))


def leave_queue(connection: Connection, run: str) -> None:
    """Take a run out of the queue; nothing to do if it does not wait."""
    connection.execute(delete(queue).where(queue.c.run == run))


def waiting_for_room(connection: Connection) -> list[Queued]:
    """Return the runs that wait for room, in the order in which they asked."""
    return every(connection, select(queue).order_by(queue.c.asked_at, queue.c.run), Queued)


def _others(wanted: Claim) -> Select[tuple[object, ...]]:
    return select(claims).where(claims.c.repository == wanted.repository, claims.c.run != wanted.run)


def _ahead(connection: Connection, wanted: Claim, ceiling: Ceiling) -> list[str]:
    """Pipelines of the runs that wait in front of this one, or of all when it does not wait yet."""
    ahead: list[str] = []
    for one in waiting_for_room(connection):
        if one.run == wanted.run:
            break
        if one.repository == wanted.repository and wanted.claimed_at - one.seen_at <= 2 * ceiling.look:
            ahead.append(one.kind)
    return ahead
