"""Claims: the exclusive right to a piece of work, and the limit of live runs of a repository."""

from __future__ import annotations

from sqlalchemy import Connection, delete, func, select

from blocks.ledger_database import lock_claims
from blocks.ledger_rows import every
from blocks.ledger_tables import Claim, claims
from contracts.errors import Refused


def claim(connection: Connection, wanted: Claim, limit: int | None) -> None:
    """Take the right unless the run has it already.

    Raises:
        Refused: another run holds the work, or the repository has reached its limit.
    """
    lock_claims(connection)
    holder = connection.scalar(select(claims.c.run).where(claims.c.identity == wanted.identity))
    if holder == wanted.run:
        return
    if holder is not None:
        raise Refused(
            f"the work {wanted.identity!r} is held by the live run {holder!r}; "
            "wait until that run ends, or stop it, then start this one again"
        )
    _check_limit(connection, wanted.run, wanted.repository, limit)
    connection.execute(claims.insert(), wanted.model_dump())


def release(connection: Connection, run: str) -> None:
    """Give back everything that the run has claimed."""
    connection.execute(delete(claims).where(claims.c.run == run))


def live(connection: Connection, repository: str | None) -> list[Claim]:
    """Return the claims of one repository or of all, the oldest first."""
    query = select(claims).order_by(claims.c.claimed_at, claims.c.identity)
    if repository is not None:
        query = query.where(claims.c.repository == repository)
    return every(connection, query, Claim)


def _check_limit(connection: Connection, run: str, repository: str, limit: int | None) -> None:
    if limit is None:
        return
    others = select(func.count()).select_from(claims).where(claims.c.repository == repository, claims.c.run != run)
    count = connection.scalar(others) or 0
    if count >= limit:
        raise Refused(
            f"the repository {repository!r} has {count} live runs and the limit is {limit}; "
            "wait until one of them ends, or raise the limit in the policy"
        )
