"""Deliveries become flow runs: lent from the inbox, decided by the rules, started once each, settled.

It may be killed anywhere. What starts a run has a slot in the ledger and an idempotency key in Prefect, so that
whoever goes on finds the run that was made.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from threading import Event
from typing import NamedTuple

from blocks.ledger import Ledger
from blocks.ledger.inbox import Delivery, Slot
from contracts.errors import DeliveryError, Misconfigured, Unavailable
from contracts.intake.payload import read
from contracts.intake.starting import Arrival, NoRule, Start, decide
from contracts.intake.trigger import Rules
from contracts.intake.webhook import DeliveryOutcome, Source
from contracts.redaction import redact
from deployments.intake.launching import Launcher
from deployments.intake.rule_file import RuleFile
from tasks.slots import release_ended

BATCH, LEASE_SECONDS = 10, 30.0
"""How many deliveries are lent at a time, and for how long; a killed process delays those it had by as much."""
KEPT_DAYS = 400
"""How long it is kept what became of a delivery that was accepted, so that a replay finds it."""
_GIVE_UP = timedelta(hours=24)
_LOOK_SECONDS, _TIDY_SECONDS = 1.0, 3_600.0
_MOST_WAIT = 15.0
_FULL_SECONDS = 15.0
_RELEASE_SECONDS = 20.0
_ACCEPTED = tuple(one.value for one in DeliveryOutcome if one is not DeliveryOutcome.REFUSED)


class _Later(Exception):
    """The delivery has to wait.

    Args:
        reason: why, in words.
        seconds: for how long.
    """

    def __init__(self, reason: str, seconds: float) -> None:
        super().__init__(reason)
        self.reason, self.seconds = reason, seconds


class _Begun(NamedTuple):
    """What came of one start."""

    outcome: DeliveryOutcome
    run: str
    reason: str


class Drain:
    """Empties the inbox.

    Args:
        ledger: whose inbox.
        rules: the rules.
        say: where troubles are told.
        give_way: called before each delivery; returns when the process has nothing more urgent to do.
    """

    def __init__(
        self, ledger: Ledger, rules: RuleFile, say: Callable[[str], None], give_way: Callable[[], None] = lambda: None
    ) -> None:
        self._ledger, self._rules, self._say, self._give_way = ledger, rules, say, give_way
        self._launcher = Launcher()
        self._failures = 0
        self._told = ""
        self._released = self._tidied = datetime.min.replace(tzinfo=UTC)

    def run(self, over: Event, arrived: Event) -> None:
        """Empty the inbox until `over` is set; `arrived` wakes it when something came."""
        while not over.is_set():
            arrived.clear()
            settled = 0
            try:
                settled = self.once()
                self._give_way()
                self._tidy()
                self._tell(self._rules.trouble)
            except Exception as error:  # noqa: BLE001 - a trouble of this round must not end the next ones
                self._tell(_said(error))
                over.wait(_LOOK_SECONDS)
            if not settled:
                arrived.wait(_LOOK_SECONDS)
        self.close()

    def open(self) -> None:
        """Make ready what the first start needs, without asking anybody."""
        self._launcher.open()

    def close(self) -> None:
        """Close the connection to Prefect; the next use opens another one."""
        self._launcher.close()

    def once(self) -> int:
        """Settle or postpone a batch; return how many deliveries that were.

        Raises:
            DeliveryError: the ledger did not answer; nothing is lost.
        """
        rules = self._rules.current()
        taken = self._ledger.take(BATCH, LEASE_SECONDS)
        for at, row in enumerate(taken):
            self._give_way()
            try:
                self._ledger.settle_delivery(self._settled(row, rules))
                self._failures = 0
            except _Later as later:
                self._postpone(row, later.reason, later.seconds)
            except Unavailable as error:
                self._failures += 1
                self._tell(_said(error))
                wait = min(2.0 ** min(self._failures, 5), _MOST_WAIT)
                for rest in taken[at:]:
                    self._postpone(rest, _said(error), wait)
                break
        return len(taken)

    def _settled(self, row: Delivery, rules: Rules) -> Delivery:
        """The delivery with its outcome.

        Raises:
            _Later: it has to wait.
            Unavailable: Prefect did not answer.
        """
        try:
            arrival = Arrival(Source(row.source), row.delivery, row.event, read(row.body or b""))
            decided = decide(rules, arrival)
            if isinstance(decided, NoRule):
                outcome = DeliveryOutcome.ERROR if decided.broken else DeliveryOutcome.NO_RULE
                return _with(row, outcome, decided.reason)
            return _joined(row, [self._begin(row, start) for start in decided])
        except Misconfigured as error:
            if datetime.now(UTC) - row.received_at < _GIVE_UP:
                raise _Later(_said(error), min(5.0 * 2 ** min(row.attempts, 6), 300.0)) from error
            return _with(row, DeliveryOutcome.ERROR, f"given up after a day: {_said(error)}")
        except (_Later, Unavailable):
            raise
        except Exception as error:  # noqa: BLE001 - one delivery must not keep those behind it waiting
            return _with(row, DeliveryOutcome.ERROR, _said(error))

    def _begin(self, row: Delivery, start: Start) -> _Begun:
        """Start a run, unless it was started."""
        at = datetime.now(UTC)
        wanted = Slot(key=start.key, scope=start.scope, source=row.source, delivery=row.delivery, taken_at=at)
        slot = self._ledger.occupy(wanted, start.limit)
        if slot is None and self._release():
            slot = self._ledger.occupy(wanted, start.limit)
        if slot is None:
            return _full(start)
        if (slot.source, slot.delivery) != (row.source, row.delivery):
            reason = f"{start.rule}: delivery {slot.delivery!r} asked for the same"
            return _Begun(DeliveryOutcome.DUPLICATE, slot.run or "", reason)
        run = slot.run
        if run is None:
            run = self._launched(start)
            self._ledger.fill(start.key, run)
        return _Begun(DeliveryOutcome.STARTED, run, f"{start.rule}: {start.deployment}")

    def _launched(self, start: Start) -> str:
        try:
            return self._launcher.launch(start)
        except Unavailable:  # the run may have been made
            raise
        except DeliveryError:
            self._ledger.vacate(start.key)
            raise

    def _release(self) -> bool:
        """Give back the slots of runs that are over; not more often than makes sense."""
        if datetime.now(UTC) - self._released < timedelta(seconds=_RELEASE_SECONDS):
            return False
        self._released = datetime.now(UTC)
        return release_ended(self._ledger) > 0

    def _postpone(self, row: Delivery, reason: str, seconds: float) -> None:
        at = datetime.now(UTC) + timedelta(seconds=seconds * random.uniform(0.7, 1.0))  # noqa: S311 - no secret
        with suppress(DeliveryError):  # its lease ends by itself
            self._ledger.postpone(row.model_copy(update={"reason": reason, "next_try_at": at}))

    def _tidy(self) -> None:
        now = datetime.now(UTC)
        if now - self._tidied < timedelta(seconds=_TIDY_SECONDS):
            return
        self._tidied = now
        bodies = now - timedelta(days=self._rules.current().retention_days)
        rows = min(bodies, now - timedelta(days=KEPT_DAYS))
        self._ledger.forget_deliveries(bodies, rows, _ACCEPTED)

    def _tell(self, trouble: str) -> None:
        """Say a trouble once, until there is another one."""
        if trouble and trouble != self._told:
            self._say(redact(trouble))
        self._told = trouble


def _full(start: Start) -> _Begun:
    reason = f"{start.rule}: {start.limit} runs of {start.scope!r} live already, which is its limit"
    if start.queues:
        raise _Later(f"{reason}; it waits until one of them ends", _FULL_SECONDS)
    return _Begun(DeliveryOutcome.LIMITED, "", f"{reason}; send it again when one of them has ended")


def _joined(row: Delivery, begun: list[_Begun]) -> Delivery:
    """The outcome of all that a delivery starts: the best of them."""
    order = (DeliveryOutcome.STARTED, DeliveryOutcome.DUPLICATE, DeliveryOutcome.LIMITED)
    outcome = min((one.outcome for one in begun), key=order.index)
    runs = " ".join(one.run for one in begun if one.run)
    return _with(row, outcome, "; ".join(one.reason for one in begun), runs)


def _with(row: Delivery, outcome: DeliveryOutcome, reason: str, runs: str = "") -> Delivery:
    return row.model_copy(update={"outcome": outcome.value, "reason": redact(reason)[:1_000], "runs": runs})


def _said(error: Exception) -> str:
    message = error.message if isinstance(error, DeliveryError) else f"{type(error).__name__}: {error}"
    return redact(message)[:500]
