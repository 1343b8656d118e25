"""The ledger's methods about work that arrives by itself: deliveries, slots, and runs that wait for room."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from pydantic import SecretStr

from blocks.ledger import claims, database, deliveries, slots
from blocks.ledger.rows import now
from blocks.ledger.tables import Claim
from blocks.ledger.triggers import WAITING, Delivery, Queued, Slot
from contracts.admission import Ceiling

__all__ = ["WAITING", "Delivery", "Inbox", "Queued", "Slot"]


class Inbox:
    """What a ledger knows of deliveries and of those that wait."""

    url: SecretStr

    def receive(self, arrived: Iterable[Delivery], refused: Iterable[Delivery] = ()) -> list[bool]:
        """Keep deliveries in one transaction; return of each that arrived whether it is new.

        Args:
            arrived: deliveries that were verified. One whose id or digest its source has used is counted only,
                unless the first one started nothing: then it waits again.
            refused: deliveries that were not accepted, all of one reason and minute under one id; they are counted.
        """
        with database.writing(self.url) as connection:
            for row in refused:
                deliveries.refuse(connection, row)
            return deliveries.receive(connection, list(arrived))

    def take(self, limit: int, seconds: float) -> list[Delivery]:
        """Lend the oldest deliveries that are due; nobody else gets them until the seconds are over."""
        with database.writing(self.url) as connection:
            return deliveries.take(connection, limit, timedelta(seconds=seconds))

    def settle_delivery(self, row: Delivery) -> None:
        """Give a delivery its outcome, reason and runs; the first outcome stands."""
        with database.writing(self.url) as connection:
            deliveries.settle(connection, row)
            slots.abandon(connection, row.source, row.delivery)

    def postpone(self, row: Delivery) -> None:
        """Give a delivery back until its `next_try_at`, with its reason; nothing to do if it is settled."""
        with database.writing(self.url) as connection:
            deliveries.postpone(connection, row)

    def deliveries(self, limit: int = 50, outcome: str | None = None) -> list[Delivery]:
        """Return deliveries without their bodies, the newest first; of one outcome, or of all."""
        with database.reading(self.url) as connection:
            return deliveries.newest(connection, limit, outcome)

    def delivery(self, source: str, delivery: str) -> Delivery | None:
        """Return a delivery, or none."""
        with database.reading(self.url) as connection:
            return deliveries.find(connection, source, delivery)

    def undelivered(self) -> int:
        """Return how many deliveries nobody has settled."""
        with database.reading(self.url) as connection:
            return deliveries.waiting(connection)

    def forget_deliveries(self, bodies_before: datetime, rows_before: datetime, keep: Iterable[str]) -> int:
        """Drop bodies, rows and slots that are older; see `deliveries.forget`."""
        with database.writing(self.url) as connection:
            slots.forget(connection, rows_before)
            return deliveries.forget(connection, bodies_before, rows_before, keep)

    def occupy(self, wanted: Slot, limit: int | None) -> Slot | None:
        """Take the slot of a key, and return what stands under it: the first one, whoever took it.

        Args:
            wanted: the slot.
            limit: how many live slots its scope may have, this one included; none: no limit.

        Returns:
            none: the limit is reached.
        """
        with database.writing(self.url) as connection:
            return slots.occupy(connection, wanted, limit)

    def fill(self, key: str, run: str) -> None:
        """Record the run of a slot; the first one stays."""
        with database.writing(self.url) as connection:
            slots.fill(connection, key, run)

    def vacate(self, key: str) -> None:
        """Forget a slot for which no run was made."""
        with database.writing(self.url) as connection:
            slots.vacate(connection, key)

    def occupied(self) -> list[Slot]:
        """Return the slots that have a run that is not over, the oldest first."""
        with database.reading(self.url) as connection:
            return slots.occupied(connection)

    def check_room(self, run: str, repository: str, kind: str, ceiling: Ceiling) -> None:
        """Raise Full when a run would find no room now; the decision itself is made by `claim`."""
        wanted = Claim(identity="", run=run, repository=repository, kind=kind, claimed_at=now())
        with database.reading(self.url) as connection:
            claims.check_room(connection, wanted, ceiling)

    def join_queue(self, run: str, repository: str, kind: str) -> None:
        """Let a run wait for room on a repository; one that waits already keeps its place."""
        at = now()
        row = Queued(run=run, repository=repository, kind=kind, asked_at=at, seen_at=at)
        with database.writing(self.url) as connection:
            claims.join_queue(connection, row)

    def queued(self) -> list[Queued]:
        """Return the runs that wait for room, in the order in which they asked."""
        with database.reading(self.url) as connection:
            return claims.waiting_for_room(connection)
