"""Reservations, accounts and sums of money on a SQLite file and on a real PostgreSQL server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from blocks.ledger import Gate, Ledger, Reservation, Run, Turn
from contracts.budget import Caps, Over, Scope, month_of
from contracts.errors import Refused
from contracts.failure import FailureKind
from contracts.spending import Grouping

NOW = datetime.now(UTC)
MONTH, NEXT = month_of(NOW)


def caps(guess: float = 1, **most: float) -> Caps:
    return Caps(most={Scope(name): Decimal(str(value)) for name, value in most.items()}, guess=Decimal(str(guess)))


def wanted(run: str = "r1", **changes: Any) -> Reservation:
    row = {"run": run, "step": "coder", "visit": 1, "turn": 1, "kind": "coder", "repository": "shop", "at": NOW}
    return Reservation.model_validate(row | changes)


def turn(run: str = "r1", cost: float = 1, **changes: Any) -> Turn:
    row: dict[str, Any] = {"run": run, "step": "coder", "visit": 1, "turn": 1, "agent": "a", "kind": "coder"}
    row |= {"repository": "shop", "model": "m", "cost": Decimal(str(cost)), "priced": True, "at": NOW}
    return Turn.model_validate(row | changes)


def run(name: str, pipeline: str = "bugfix", attempt: int = 1) -> Run:
    texts = dict.fromkeys(("repository", "forge", "branch", "policy"), "any")
    row = {"run": name, "title": f"Title of {name}", "pipeline": pipeline, "attempt": attempt, "opened_at": NOW}
    return Run.model_validate(texts | row)


def scope(over: Over | None) -> str:
    return over.scope.value if over is not None else ""


def test_runs_at_once_share_a_cap(ledger: Ledger) -> None:
    two = caps(installation=2.5)
    assert [scope(ledger.reserve(wanted(name), two)) for name in ("r1", "r2", "r3")] == ["", "", "installation"]
    ledger.record_turn(turn("r1", 0.4))
    assert scope(ledger.reserve(wanted("r3"), two)) == ""
    over = ledger.reserve(wanted("r4"), two)
    assert over is not None
    assert over.drawn == (Decimal("0.4"), Decimal(2))
    assert over.amount == 1


def test_a_turn_takes_the_place_of_what_its_run_had_reserved(ledger: Ledger) -> None:
    one = caps(run=10, installation=1)
    for number in (1, 1, 2):
        assert ledger.room(wanted(turn=number), one) is None, "its own reservation is no hindrance"
        assert ledger.reserve(wanted(turn=number), one) is None
        assert scope(ledger.reserve(wanted("r2"), one)) == "installation"
    assert scope(ledger.reserve(wanted(turn=3), caps(run=0))) == "run"
    assert scope(ledger.reserve(wanted("r2"), one)) == "installation", "a turn that goes on keeps what it has"


@pytest.mark.parametrize("way", ["recorded", "given back", "closed", "waits"])
def test_a_reservation_ends_with_its_turn_and_with_its_run(ledger: Ledger, way: str) -> None:
    one = caps(installation=1)
    ledger.open(run("r1"))
    assert ledger.reserve(wanted(), one) is None
    assert scope(ledger.room(wanted("r2"), one)) == "installation"
    match way:
        case "recorded":
            ledger.record_turn(turn(cost=0))
        case "given back":
            ledger.unreserve("r1")
        case "closed":
            assert ledger.end("r1", 1, "stopped") == "stopped"
            assert scope(ledger.room(wanted("r2"), one)) == "installation", "its process may still be there"
            ledger.release("r1")
        case _:
            words = dict.fromkeys(("key", "step", "reason", "title", "channel"), "any")
            ledger.wait(Gate.model_validate(words | {"run": "r1", "opened_at": NOW}))
    assert ledger.room(wanted("r2"), one) is None


def test_a_run_that_has_ended_reserves_nothing(ledger: Ledger) -> None:
    ledger.open(run("r1"))
    ledger.end("r1", 1, "stopped")
    with pytest.raises(Refused, match="has ended as 'stopped'") as refused:
        ledger.reserve(wanted(), caps(run=9))
    assert refused.value.kind is FailureKind.CANCELLED
    ledger.open(run("r1", attempt=2))
    assert ledger.reserve(wanted(), caps(run=9)) is None


def test_each_cap_counts_its_own_turns_of_this_month_in_its_own_currency(ledger: Ledger) -> None:
    ledger.record_turn(turn("r1", 1))
    ledger.record_turn(turn("r2", 2, repository="bakery"))
    ledger.record_turn(turn("r1", 4, turn=2, at=MONTH - timedelta(seconds=1)))
    ledger.record_turn(turn("r1", 8, turn=3, currency="EUR"))
    assert ledger.reserve(wanted("r3", repository="bakery"), caps(0.25, installation=9)) is None
    everything = caps(0.001, run=0.001, repository=0.001, installation=0.001)
    drawn = {}
    for name in Scope:
        over = ledger.room(wanted(), everything.model_copy(update={"most": {name: Decimal("0.001")}}))
        assert over is not None
        drawn[name.value] = tuple(map(float, over.drawn))
    assert drawn == {"run": (5, 0), "repository": (1, 0), "installation": (3, 0.25)}
    later = ledger.room(wanted(at=NEXT), caps(0.001, installation=0.252))
    assert later is None, "a new month begins with what is reserved, and nothing else"


def test_what_a_turn_reserves_is_learned_from_the_latest_turns_of_its_kind(ledger: Ledger) -> None:
    for number in range(1, 11):
        ledger.record_turn(turn("old", number / 10, turn=number))
        ledger.record_turn(turn("old", 50, turn=number, step="reviewer", kind="reviewer"))
        ledger.record_turn(turn("old", 70, turn=100 + number, currency="EUR"))
    over = ledger.reserve(wanted(), caps(9, run=0.5))
    assert over is not None
    assert over.amount == Decimal("0.9")
    for number in range(200):
        ledger.record_turn(turn("new", 0.2, turn=number, at=NOW + timedelta(seconds=1)))
    assert ledger.reserve(wanted(), caps(9, run=0.5)) is None


def test_accounts_are_used_up_for_a_time(ledger: Ledger) -> None:
    soon, late = NOW + timedelta(hours=1), NOW + timedelta(hours=2)
    assert ledger.exhausted(["a", "b"]) == {}
    ledger.exhaust("a", late, "r1")
    ledger.exhaust("a", soon, "r2")
    ledger.exhaust("b", NOW - timedelta(seconds=1), "r1")
    assert ledger.exhausted(["a", "b", "c"]) == {"a": soon}
    assert ledger.exhausted(["c"]) == ledger.exhausted([]) == {}
    ledger.replenish(["a", "c"])
    assert ledger.exhausted(["a"]) == {}


def test_the_cost_of_runs_that_went_all_their_way_is_history(ledger: Ledger) -> None:
    ends = {"r1": "merged", "r2": "failed", "r3": "stopped", "r4": "done", "r5": "live"}
    for name, end in ends.items():
        ledger.open(run(name))
        ledger.record_turn(turn(name, 1))
        ledger.record_turn(turn(name, 2, turn=2))
        ledger.record_turn(turn(name, 4, turn=3, currency="EUR"))
        if end != "live":
            ledger.end(name, 1, end)
    ledger.open(run("free"))
    ledger.end("free", 1, "merged")
    ledger.open(run("other", "build"))
    ledger.end("other", 1, "merged")
    runs, kinds = ledger.costs("bugfix", ["coder", "tester"])
    assert sorted(runs) == [0, 3, 3]
    assert (sorted(kinds["coder"]), kinds["tester"]) == ([1] * 5 + [2] * 5, [])


def test_a_month_is_told_in_groups(ledger: Ledger) -> None:
    ledger.open(run("r1"))
    ledger.open(run("r2", "build"))
    ledger.end("r1", 1, "merged")
    tokens = {"input_tokens": 10, "cache_read_tokens": 20, "cache_write_tokens": 30, "output_tokens": 5}
    ledger.record_turn(turn("r1", 1, **tokens))
    ledger.record_turn(turn("r1", 2, turn=2, kind="reviewer", model="other", priced=False))
    ledger.record_turn(turn("r2", 7, repository="bakery", model=""))
    ledger.record_turn(turn("r9", 0.5, currency="EUR"))
    ledger.record_turn(turn("r9", 100, turn=2, at=NEXT))
    ledger.record_turn(turn("r9", 100, turn=3, at=MONTH - timedelta(microseconds=1)))
    expected = {
        Grouping.REPOSITORY: [("bakery", 7, "USD"), ("shop", 3, "USD"), ("shop", 0.5, "EUR")],
        Grouping.PIPELINE: [("build", 7, "USD"), ("bugfix", 3, "USD"), ("unknown", 0.5, "EUR")],
        Grouping.KIND: [("coder", 8, "USD"), ("reviewer", 2, "USD"), ("coder", 0.5, "EUR")],
        Grouping.MODEL: [("unknown", 7, "USD"), ("other", 2, "USD"), ("m", 1, "USD"), ("m", 0.5, "EUR")],
        Grouping.CHANGE: [("r1", 3, "USD")],
    }
    for by, rows in expected.items():
        found = ledger.spending(MONTH, NEXT, by)
        assert [(one.group, one.cost, one.currency) for one in found.rows] == rows, by
    told = ledger.spending(MONTH, NEXT, Grouping.CHANGE)
    (change,) = told.rows
    assert (change.title, change.turns, change.unpriced) == ("Title of r1", 2, 1)
    assert (change.input_tokens, change.output_tokens) == (60, 5)
    assert [(one.cost, one.currency) for one in told.total] == [(10, "USD"), (Decimal("0.5"), "EUR")]
    assert (told.merged, told.per_change) == (1, {"USD": 10, "EUR": Decimal("0.5")})
