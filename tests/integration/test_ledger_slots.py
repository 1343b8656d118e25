"""Slots of deliveries, and the queue of runs for room, on a SQLite file and on a real PostgreSQL server."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from blocks.ledger import Ledger
from blocks.ledger.inbox import Delivery, Slot
from contracts.admission import Ceiling, Full, Held

NOW = datetime.now(UTC)


def delivery(name: str, outcome: str = "", runs: str = "") -> Delivery:
    given: dict[str, Any] = {"source": "github", "event": "issues", "received_at": NOW, "next_try_at": NOW}
    return Delivery(**given, delivery=name, digest=name, outcome=outcome, runs=runs)


def slot(key: str, name: str = "d", scope: str = "s") -> Slot:
    return Slot(key=key, scope=scope, source="github", delivery=name, taken_at=NOW)


def test_a_slot_is_begun_once_and_given_back_when_its_run_is_over(ledger: Ledger) -> None:
    assert ledger.occupy(slot("k"), 1) == slot("k")
    assert ledger.occupy(slot("k", "another"), 1) == slot("k"), "whoever comes later finds who was first"
    assert ledger.occupy(slot("l", "e"), 1) is None
    assert ledger.occupy(slot("m", scope="other"), 1) is not None
    ledger.fill("k", "run-1")
    ledger.fill("k", "run-2")
    ledger.vacate("k")
    assert [(one.key, one.run) for one in ledger.occupied()] == [("k", "run-1")]
    ledger.release("run-1")
    assert ledger.occupied() == []
    assert ledger.occupy(slot("l", "e"), 1) is not None
    assert ledger.occupy(slot("k"), 1).run == "run-1", "it was begun"  # type: ignore[union-attr]
    ledger.vacate("l")
    assert ledger.occupy(slot("n", "f"), 1) is not None


def test_a_delivery_that_made_no_run_holds_no_slot(ledger: Ledger) -> None:
    ledger.receive([delivery("d"), delivery("e")])
    assert ledger.occupy(slot("by an old rule"), 1) is not None
    assert ledger.occupy(slot("of another", "e"), 1) is None
    assert ledger.occupy(slot("by the new rule"), 1) is not None, "its own earlier slot is not in its way"
    ledger.fill("by the new rule", "run-1")
    ledger.settle_delivery(delivery("d", outcome="started", runs="run-1"))
    assert ledger.occupy(slot("of another", "e"), 1) is None
    ledger.release("run-1")
    assert ledger.occupy(slot("of another", "e"), 1) is not None, "nothing of the first delivery is left"


def test_runs_that_wait_for_room_are_let_in_in_their_order(ledger: Ledger) -> None:
    queues = Ceiling(shared=1, queues=True)
    ledger.claim("one", "r1", "shop", "build", queues)
    for run in ("r2", "r3"):
        with pytest.raises(Full, match=r"1 live runs and the limit is 1; this run waits") as full:
            ledger.claim(run, run, "shop", "build", queues)
        assert full.value.until is not None
        ledger.join_queue(run, "shop", "build")
    ledger.release("r1")
    for run in ("r3", "r4"):
        with pytest.raises(Full):
            ledger.claim(run, run, "shop", "build", queues)
    ledger.check_room("r2", "shop", "build", queues)
    ledger.claim("r2", "r2", "shop", "build", queues)
    assert [one.run for one in ledger.queued()] == ["r3"]
    ledger.release("r3")
    assert ledger.queued() == []


def test_who_asks_no_more_keeps_nobody_waiting(ledger: Ledger) -> None:
    impatient = Ceiling(shared=1, queues=True, look_minutes=1e-9)
    ledger.join_queue("gone", "shop", "build")
    ledger.claim("two", "r2", "shop", "build", impatient)
    assert [one.run for one in ledger.queued()] == ["gone"]


def test_the_same_work_is_told_from_a_lack_of_room(ledger: Ledger) -> None:
    ledger.claim("one", "r1", "shop", "build", None)
    with pytest.raises(Held):
        ledger.claim("one", "r2", "shop", "build", Ceiling(shared=1))
    with pytest.raises(Full):
        ledger.claim("two", "r2", "shop", "build", Ceiling(kinds={"build": 1}))
    ledger.claim("two", "r2", "shop", "bugfix", Ceiling(kinds={"build": 1}))
