"""The way into the inbox: whatever arrives at one moment is kept in one transaction, before anybody is answered."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from queue import Empty, SimpleQueue
from typing import Any

from blocks.ledger import Ledger
from blocks.ledger.inbox import Delivery
from contracts.errors import DeliveryError, Unavailable
from contracts.intake.webhook import DeliveryOutcome, Source, Trouble

_MOST = 200
"""Deliveries in one transaction."""
_CALM_SECONDS = 0.03
"""A sender of a burst has its next delivery here within that time."""
_MOST_CALM_SECONDS = 0.2
"""How long the start of one run gives way; senders that never pause must not keep it waiting for ever."""


@dataclass
class _Waiting:
    """A row that is to be kept, and whoever waits for it; nobody waits for a refusal to be counted."""

    row: Delivery
    loop: asyncio.AbstractEventLoop
    new: asyncio.Future[bool]


class Intake:
    """One thread that writes; a hundred that did would wait for each other longer than for the disk.

    Args:
        ledger: where deliveries are kept.
        kept: called after each transaction that kept something new.
    """

    def __init__(self, ledger: Ledger, kept: Callable[[], None] = lambda: None) -> None:
        self.ledger, self._kept = ledger, kept
        self._queue: SimpleQueue[_Waiting | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._write, name="intake", daemon=True)
        self._came = 0.0

    def __enter__(self) -> Intake:
        """Begin to write."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Write what is left."""
        self._queue.put(None)
        self._thread.join()

    async def keep(self, row: Delivery) -> bool:
        """Keep a delivery; return false when its source has sent it before.

        Raises:
            DeliveryError: the ledger did not keep it, so that the sender must send it again.
        """
        self._came = time.monotonic()
        loop = asyncio.get_running_loop()
        waiting = _Waiting(row, loop, loop.create_future())
        self._queue.put(waiting)
        return await waiting.new

    def give_way(self) -> None:
        """Return when no delivery has come for a moment: whoever starts runs in this process waits for the answers."""
        latest = time.monotonic() + _MOST_CALM_SECONDS
        while (calm := min(self._came + _CALM_SECONDS, latest)) > time.monotonic():
            time.sleep(max(calm - time.monotonic(), 0))

    async def refuse(self, source: Source, trouble: Trouble, detail: str = "") -> None:
        """Count a refusal; the log has one row for each reason and minute, however many there are."""
        at = datetime.now(UTC)
        name = f"refused {trouble.name.lower()} {at:%Y-%m-%dT%H:%MZ}"
        reason = f"{trouble.value}: {detail}" if detail else trouble.value
        row = Delivery(
            source=source.value,
            delivery=name,
            event="",
            digest=name,
            received_at=at,
            outcome=DeliveryOutcome.REFUSED.value,
            reason=reason,
            next_try_at=at,
            settled_at=at,
        )
        await self.keep(row)

    def _write(self) -> None:
        going = True
        while going:
            batch: list[_Waiting | None] = [self._queue.get()]
            with suppress(Empty):
                while len(batch) < _MOST:
                    batch.append(self._queue.get_nowait())
            going = None not in batch
            self._keep([one for one in batch if one is not None])

    def _keep(self, batch: list[_Waiting]) -> None:
        refused = [one for one in batch if one.row.outcome]
        arrived = [one for one in batch if not one.row.outcome]
        try:
            new = self.ledger.receive([one.row for one in arrived], _counted(refused))
        except DeliveryError as error:
            _answer(batch, error)
            return
        except Exception as error:  # noqa: BLE001 - the thread must live, and whoever waits must learn of it
            _answer(batch, Unavailable(f"the delivery was not kept ({type(error).__name__}); send it again"))
            return
        for one, is_new in zip([*arrived, *refused], [*new, *(False for _ in refused)], strict=True):
            _tell(one, _set, is_new)
        if any(new):
            self._kept()


def _counted(refused: list[_Waiting]) -> list[Delivery]:
    """One row for each reason and minute."""
    rows: dict[tuple[str, str], Delivery] = {}
    for one in refused:
        key = one.row.source, one.row.delivery
        count = rows[key].count + 1 if key in rows else 1
        rows[key] = rows.get(key, one.row).model_copy(update={"count": count})
    return list(rows.values())


def _answer(batch: list[_Waiting], error: DeliveryError) -> None:
    for one in batch:
        _tell(one, _fail, error)


def _tell(one: _Waiting, how: Callable[[asyncio.Future[bool], Any], None], what: object) -> None:
    """Wake whoever waits; a sender whose server has ended waits no more."""
    with suppress(RuntimeError):
        one.loop.call_soon_threadsafe(how, one.new, what)


def _set(future: asyncio.Future[bool], value: bool) -> None:
    if not future.done():
        future.set_result(value)


def _fail(future: asyncio.Future[bool], error: DeliveryError) -> None:
    if not future.done():
        future.set_exception(error)
