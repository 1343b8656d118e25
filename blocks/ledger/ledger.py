"""The ledger: what must outlive Prefect's retention and be summed.

It holds live work, outcomes of steps, what turns consumed and reserve, effects in the outside world, runs, gates,
decisions and recoveries. Every record has a natural key, so that a replay finds it instead of counting it twice.
"""

from __future__ import annotations

from datetime import datetime

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from blocks.ledger import claims, database, effects, gates, recoveries, reservations, runs, slots
from blocks.ledger.inbox import Inbox
from blocks.ledger.money import Reservation
from blocks.ledger.people import Decision, Gate, Recovery, Run
from blocks.ledger.proofs import Proofs
from blocks.ledger.purse import Purse
from blocks.ledger.rows import now as _now
from blocks.ledger.tables import Claim, Effect, Outcome, Turn
from contracts.admission import Ceiling

__all__ = ["Claim", "Decision", "Effect", "Gate", "Ledger", "Outcome", "Recovery", "Reservation", "Run", "Turn"]


class Ledger(Purse, Inbox, Proofs, Block):
    """Keeps runs, decisions, usage and effects in a database: a SQLite file, or PostgreSQL in production.

    Every method connects and migrates the schema on its first use in a process, may be called from several threads
    and processes at once, and commits before it returns.

    Raises (every method):
        Unavailable: the database did not answer; the same call may be repeated, for no record counts twice.
        Misconfigured: the URL, the rights of its user or the release of its schema do not fit.
    """

    _block_type_name = "Ledger"
    _block_type_slug = "ledger"
    _description = "Keeps runs, decisions, usage and effects beyond Prefect's retention."

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

    def claim(self, identity: str, run: str, repository: str, kind: str, limit: int | Ceiling | None) -> None:
        """Take the exclusive right to a piece of work; nothing to do if the run has it already.

        Args:
            identity: what is worked on.
            run: id of the flow run.
            repository: whose limit of live runs counts.
            kind: what sort of work or pipeline it is.
            limit: most live claims of the repository, this one included, or the limits of its pipelines as well;
                none: no limit.

        Raises:
            Held: another run holds the work.
            Full: the repository has reached a limit; `until` says when to ask again, where runs wait for room.
        """
        ceiling = limit if isinstance(limit, Ceiling) else Ceiling(shared=limit)
        wanted = Claim(identity=identity, run=run, repository=repository, kind=kind, claimed_at=_now())
        with database.writing(self.url) as connection:
            claims.claim(connection, wanted, ceiling)

    def release(self, run: str) -> None:
        """Give back everything that the run has claimed and reserved; nothing to do if it holds nothing."""
        with database.writing(self.url) as connection:
            claims.release(connection, run)
            slots.release(connection, run)
            reservations.drop(connection, run)

    def live(self, repository: str | None = None) -> list[Claim]:
        """Return the live claims, of one repository or of all, the oldest first."""
        with database.reading(self.url) as connection:
            return claims.live(connection, repository)

    def intend(self, key: str, run: str, what: str, detail: str, ended: bool = False) -> Effect:
        """Announce an effect before it is made, and return its row, which may be older and confirmed.

        Args:
            key: natural key of the effect.
            run: id of the flow run.
            what: what will be done, such as open_pull_request.
            detail: to what, in words or as JSON.
            ended: the effect belongs to the end of the run, so that it may be made when the run has ended.

        Raises:
            Refused: the run has ended, for instance because a person stopped it; its kind is cancelled.
        """
        intent = Effect(key=key, run=run, what=what, detail=detail, result=None, intended_at=_now(), confirmed_at=None)
        with database.writing(self.url) as connection:
            return effects.intend(connection, intent, ended)

    def confirm(self, key: str, result: str) -> None:
        """Record what came of an intended effect; nothing to do if the same is recorded already.

        Raises:
            DeliveryError: the effect was never intended, or another result is recorded.
        """
        with database.writing(self.url) as connection:
            effects.confirm(connection, key, result)

    def hold(self, key: str, seconds: float) -> bool:
        """Take the lease of an unconfirmed effect: true for one caller until the seconds are over, else false."""
        with database.writing(self.url) as connection:
            return effects.hold(connection, key, seconds)

    def withdraw(self, key: str) -> None:
        """Forget an intent that came to nothing; nothing to do if it is confirmed or was never intended."""
        with database.writing(self.url) as connection:
            effects.withdraw(connection, key)

    def effect(self, key: str) -> Effect | None:
        """Return the effect of this natural key, or none when it was never intended."""
        with database.reading(self.url) as connection:
            return effects.find(connection, key)

    def unconfirmed(self, run: str) -> list[Effect]:
        """Return the effects that a run has intended and not confirmed, the oldest first."""
        with database.reading(self.url) as connection:
            return effects.unconfirmed(connection, run)

    def open(self, row: Run) -> None:
        """Keep that a run lives; a later attempt revives it under its own policy, a known one changes nothing."""
        with database.writing(self.url) as connection:
            runs.open_run(connection, row)

    def end(self, run: str, attempt: int, status: str) -> str:
        """End an attempt of a run and return the status that stands: the first word given to the attempt.

        A merge cannot be stopped: from the moment when one is intended, "stopped" changes nothing and
        "live" is returned. So is the status of a later attempt, when there is one; a run that was never opened has
        no row to end, and gets back the given status.
        """
        with database.writing(self.url) as connection:
            return runs.end_run(connection, run, attempt, status)

    def run(self, run: str) -> Run | None:
        """Return a run, or none when it was never opened."""
        with database.reading(self.url) as connection:
            return runs.find(connection, run)

    def runs(
        self,
        live: bool | None = None,
        limit: int = 50,
        unreaped_before: datetime | None = None,
    ) -> list[Run]:
        """Return runs, the newest first.

        Args:
            live: only runs that live, or only runs that have ended; none: both.
            limit: how many at most.
            unreaped_before: only runs that ended before this aware time and are not reaped.
        """
        with database.reading(self.url) as connection:
            return runs.newest(connection, live, limit, unreaped_before)

    def reaped(self, run: str) -> None:
        """Record that what an ended run left behind was removed; nothing to do if it lives."""
        with database.writing(self.url) as connection:
            runs.mark_reaped(connection, run)

    def wait(self, gate: Gate) -> None:
        """Keep that a person is asked, and that the run reserves nothing; the first record of the gate's key stays."""
        with database.writing(self.url) as connection:
            gates.wait(connection, gate)
            reservations.drop(connection, gate.run)

    def settle(self, key: str) -> None:
        """Record that a gate waits no more; the first time stays, and an unknown gate changes nothing."""
        with database.writing(self.url) as connection:
            gates.settle(connection, key)

    def waiting(self, run: str | None = None) -> list[Gate]:
        """Return the gates that are not settled, of one run or of all, the oldest first."""
        with database.reading(self.url) as connection:
            return gates.waiting(connection, run)

    def overdue(self, now: datetime) -> list[Gate]:
        """Return the unsettled gates of live runs to be escalated or decided at this aware time, oldest first."""
        with database.reading(self.url) as connection:
            return gates.overdue(connection, now)

    def escalated(self, key: str) -> None:
        """Record that a gate was escalated; the first time stays, and an unknown gate changes nothing."""
        with database.writing(self.url) as connection:
            gates.mark_escalated(connection, key)

    def decide(self, row: Decision) -> Decision:
        """Keep an answer and return what stands under its key: the first that was given."""
        with database.writing(self.url) as connection:
            return gates.decide(connection, row)

    def decisions(self, run: str) -> list[Decision]:
        """Return every answer that a run was given, whether it counted or not, the oldest first."""
        with database.reading(self.url) as connection:
            return gates.of_run(connection, run)

    def recover(self, run: str, state: str, kind: str, lease_seconds: float = 60) -> bool:
        """Return whether the caller is the one sweep that may act on this state of a lost run.

        It is when nobody was before, or when whoever was has not brought the run to a step within the lease.

        Args:
            run: id of the flow run.
            state: id of the state in which it was found.
            kind: what its loss is charged to, crash or infrastructure.
            lease_seconds: how long a sweep may take.
        """
        row = Recovery(run=run, state=state, kind=kind, at=_now())
        with database.writing(self.url) as connection:
            return recoveries.recover(connection, row, lease_seconds)

    def attribute(self, run: str, step: str) -> dict[str, int]:
        """Charge the recoveries that no step of the run has yet to this step; return how many it has, by kind."""
        with database.writing(self.url) as connection:
            return recoveries.attribute(connection, run, step)
