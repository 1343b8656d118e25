"""The ledger: what must outlive Prefect's retention and be summed.

It holds live work, outcomes of steps, what turns consumed, and effects in the outside world. Every record has a
natural key, so that a replay finds it instead of counting it twice.
"""

from __future__ import annotations

from datetime import UTC, datetime

from prefect.blocks.core import Block
from pydantic import Field, SecretStr
from sqlalchemy import Connection, Table, delete, func, select, update
from sqlalchemy.dialects import postgresql, sqlite

from blocks import ledger_database as database
from blocks.ledger_tables import Claim, Effect, Outcome, Turn, claims, effects, outcomes, turns
from contracts.errors import DeliveryError, Refused

__all__ = ["Claim", "Effect", "Ledger", "Outcome", "Turn"]


class Ledger(Block):
    """Keeps claims, outcomes, usage and effects in a database: a SQLite file, or PostgreSQL in production.

    Every method connects and migrates the schema on its first use in a process, may be called from several threads
    and processes at once, and commits before it returns.

    Raises (every method):
        Unavailable: the database did not answer; the same call may be repeated, for no record counts twice.
        Misconfigured: the URL, the rights of its user or the release of its schema do not fit.
    """

    _block_type_name = "Ledger"
    _block_type_slug = "ledger"
    _description = "Keeps claims, outcomes, usage and effects beyond Prefect's retention."

    url: SecretStr = Field(
        default_factory=database.default_url,
        description="SQLAlchemy URL: sqlite:////absolute/path/ledger.db or "
        "postgresql+psycopg://user:password@host/name; by default ledger.db in $DELIVERY_HOME "
        "or in ~/.local/share/prefect-delivery.",
    )

    def migrate(self) -> None:
        """Bring the schema to the newest revision; safe when several processes do it at once."""
        database.migrate(self.url)

    def close(self) -> None:
        """Close this process's idle connections; the next use connects again."""
        database.close(self.url)

    def claim(self, identity: str, run: str, repository: str, kind: str, limit: int | None) -> None:
        """Take the exclusive right to a piece of work; nothing to do if the run has it already.

        Args:
            identity: what is worked on.
            run: id of the flow run.
            repository: whose limit of live runs counts.
            kind: what sort of work or pipeline it is.
            limit: most live claims of the repository, this one included; none: no limit.

        Raises:
            Refused: another run holds the work, or the repository has reached its limit.
        """
        with database.writing(self.url) as connection:
            database.lock_claims(connection)
            holder = connection.scalar(select(claims.c.run).where(claims.c.identity == identity))
            if holder == run:
                return
            if holder is not None:
                raise Refused(
                    f"the work {identity!r} is held by the live run {holder!r}; "
                    "wait until that run ends, or stop it, then start this one again"
                )
            _check_limit(connection, run, repository, limit)
            claim = Claim(identity=identity, run=run, repository=repository, kind=kind, claimed_at=_now())
            connection.execute(claims.insert(), claim.model_dump())

    def release(self, run: str) -> None:
        """Give back everything that the run has claimed; nothing to do if it holds nothing."""
        with database.writing(self.url) as connection:
            connection.execute(delete(claims).where(claims.c.run == run))

    def live(self, repository: str | None = None) -> list[Claim]:
        """Return the live claims, of one repository or of all, the oldest first."""
        query = select(claims).order_by(claims.c.claimed_at, claims.c.identity)
        if repository is not None:
            query = query.where(claims.c.repository == repository)
        with database.reading(self.url) as connection:
            return [Claim.model_validate(dict(row)) for row in connection.execute(query).mappings()]

    def record_outcomes(self, ended: list[Outcome]) -> None:
        """Keep how visits of steps ended, all or none; the first record of (run, step, visit) stays."""
        with database.writing(self.url) as connection:
            for outcome in ended:
                _insert_or_ignore(connection, outcomes, outcome)

    def record_turn(self, turn: Turn) -> None:
        """Keep what a turn consumed; the first record of (run, step, visit, turn) stays."""
        with database.writing(self.url) as connection:
            _insert_or_ignore(connection, turns, turn)

    def turns_of(self, run: str, step: str, visit: int) -> int:
        """Return how many turns of a visit are recorded."""
        query = select(func.count()).where(turns.c.run == run, turns.c.step == step, turns.c.visit == visit)
        with database.reading(self.url) as connection:
            return connection.execute(query).scalar_one()

    def spend(
        self, run: str | None = None, repository: str | None = None, since: datetime | None = None
    ) -> dict[str, float]:
        """Return what turns have cost, summed exactly in the database, by currency.

        Args:
            run: only turns of this flow run.
            repository: only turns that this repository pays.
            since: only turns that ended at this aware time or later.
        """
        query = select(turns.c.currency, func.sum(turns.c.cost)).group_by(turns.c.currency)
        if run is not None:
            query = query.where(turns.c.run == run)
        if repository is not None:
            query = query.where(turns.c.repository == repository)
        if since is not None:
            query = query.where(turns.c.at >= since)
        with database.reading(self.url) as connection:
            return {currency: float(total) for currency, total in connection.execute(query)}

    def intend(self, key: str, run: str, what: str, detail: str) -> Effect:
        """Announce an effect before it is made, and return its row, which may be older and confirmed.

        Args:
            key: natural key of the effect.
            run: id of the flow run.
            what: what will be done, such as open_pull_request.
            detail: to what, in words or as JSON.
        """
        intent = Effect(key=key, run=run, what=what, detail=detail, result=None, intended_at=_now(), confirmed_at=None)
        with database.writing(self.url) as connection:
            _insert_or_ignore(connection, effects, intent)
            return _effect(connection, key) or intent

    def confirm(self, key: str, result: str) -> None:
        """Record what came of an intended effect; nothing to do if the same is recorded already.

        Raises:
            DeliveryError: the effect was never intended, or another result is recorded.
        """
        with database.writing(self.url) as connection:
            connection.execute(
                update(effects)
                .where(effects.c.key == key, effects.c.result.is_(None))
                .values(result=result, confirmed_at=_now())
            )
            recorded = _effect(connection, key)
        if recorded is None:
            raise DeliveryError(f"the effect {key!r} was never intended; intend it before it is made")
        if recorded.result != result:
            raise DeliveryError(
                f"the effect {key!r} is confirmed as {recorded.result!r}, not {result!r}; "
                "look at which of the two exists and undo the other by hand"
            )

    def effect(self, key: str) -> Effect | None:
        """Return the effect of this natural key, or none when it was never intended."""
        with database.reading(self.url) as connection:
            return _effect(connection, key)


def _now() -> datetime:
    return datetime.now(UTC)


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


def _insert_or_ignore(connection: Connection, table: Table, row: Outcome | Turn | Effect) -> None:
    insert = postgresql.insert if connection.dialect.name == "postgresql" else sqlite.insert
    connection.execute(insert(table).on_conflict_do_nothing(index_elements=table.primary_key.columns), row.model_dump())


def _effect(connection: Connection, key: str) -> Effect | None:
    row = connection.execute(select(effects).where(effects.c.key == key)).mappings().one_or_none()
    return None if row is None else Effect.model_validate(dict(row))
