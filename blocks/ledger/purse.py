"""The ledger's methods about money: what turns consumed, what they reserve, and whose quota is used up."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from pydantic import SecretStr

from blocks.ledger import database, quotas, reservations, spending, usage
from blocks.ledger.money import Account, Reservation
from blocks.ledger.rows import now
from blocks.ledger.tables import Outcome, Turn
from contracts.budget import Caps, Over
from contracts.spending import Grouping, Spending

_KNOWN_SECONDS = 1.0
_unlimited: dict[tuple[str, ...], float] = {}
"""URL and agents → when all of them had quota: turns that cost nothing follow each other within milliseconds."""


class Purse:
    """What a ledger knows of money."""

    url: SecretStr

    def record_outcomes(self, outcomes: Iterable[Outcome]) -> None:
        """Keep how visits ended; the first record of (run, step, visit) stays."""
        with database.writing(self.url) as connection:
            usage.record_outcomes(connection, outcomes)

    def record_turn(self, turn: Turn) -> None:
        """Keep what a turn consumed, in the place of what its run had reserved for it.

        The first record of (run, step, visit, turn) stays.
        """
        with database.writing(self.url) as connection:
            usage.record_turn(connection, turn)
            reservations.drop(connection, turn.run)

    def turns_of(self, run: str) -> Counter[tuple[str, int]]:
        """Return how many turns of each step and visit of a run are recorded."""
        with database.reading(self.url) as connection:
            return usage.turns_of(connection, run)

    def spend(
        self, run: str | None = None, repository: str | None = None, since: datetime | None = None
    ) -> dict[str, float]:
        """Return what turns have cost, summed exactly in the database, by currency.

        Args:
            run: only turns of this flow run.
            repository: only turns that this repository pays.
            since: only turns that ended at this aware time or later.
        """
        with database.reading(self.url) as connection:
            return usage.spend(connection, run, repository, since)

    def spending(self, begin: datetime, end: datetime, by: Grouping) -> Spending:
        """Return what the turns of a month have cost.

        Args:
            begin: aware time at which the month begins.
            end: aware time at which it is over.
            by: what the turns are grouped by; those of one group in two currencies are two rows.
        """
        with database.reading(self.url) as connection:
            return Spending(
                month=f"{begin:%Y-%m}",
                by=by,
                rows=spending.spending(connection, begin, end, by),
                total=spending.spending(connection, begin, end, None),
                merged=spending.merged(connection, begin, end),
            )

    def costs(self, pipeline: str, kinds: Iterable[str]) -> tuple[list[Decimal], dict[str, list[Decimal]]]:
        """Return what the latest whole runs of a pipeline and the latest turns of kinds have cost, in USD."""
        with database.reading(self.url) as connection:
            turns = {kind: usage.history(connection, kind) for kind in kinds}
            return usage.run_costs(connection, pipeline), turns

    def reserve(self, wanted: Reservation, caps: Caps) -> Over | None:
        """Hold back what a turn may cost, and return none; or return the cap that leaves no room for it.

        A run has one reservation: that of the turn that it takes now. It ends when the turn is recorded, the run
        reserves for another one, waits, or is closed. Calls of any number of processes are decided one after the other.

        Args:
            wanted: the turn; what it reserves is found out here.
            caps: what may be spent.

        Raises:
            Refused: the run has ended; its kind is cancelled.
        """
        with database.writing(self.url) as connection:
            return reservations.reserve(connection, wanted, caps)

    def room(self, wanted: Reservation, caps: Caps) -> Over | None:
        """Return the cap that leaves no room for a turn now, or none; nothing is reserved."""
        with database.reading(self.url) as connection:
            return reservations.look(connection, wanted, caps)

    def unreserve(self, run: str) -> None:
        """Give back what a run has reserved; nothing to do if it has nothing."""
        with database.writing(self.url) as connection:
            reservations.drop(connection, run)

    def exhaust(self, account: str, until: datetime, run: str) -> None:
        """Keep that an agent's quota is used up until an aware time; what was told last stands.

        Args:
            account: reference of the agent's block.
            until: when its quota is there again.
            run: id of the flow run whose turn was told so.
        """
        row = Account(account=account, exhausted_until=until, run=run, at=now())
        with database.writing(self.url) as connection:
            quotas.exhaust(connection, row)
        _unlimited.clear()

    def exhausted(self, accounts: Iterable[str]) -> dict[str, datetime]:
        """Return which of these agents have no quota now, and until when; what another process kept, a second late."""
        asked = self.url.get_secret_value(), *sorted(accounts)
        if time.monotonic() - _unlimited.get(asked, -_KNOWN_SECONDS) < _KNOWN_SECONDS:
            return {}
        with database.reading(self.url) as connection:
            found = quotas.exhausted(connection, asked[1:], now())
        if not found:
            _unlimited[asked] = time.monotonic()
        return found

    def replenish(self, accounts: Iterable[str]) -> None:
        """Forget that these agents' quotas are used up; nothing to do if they are not."""
        with database.writing(self.url) as connection:
            quotas.replenish(connection, accounts)
