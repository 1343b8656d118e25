"""Outcomes, usage and effects on a SQLite file and on a real PostgreSQL server."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import StatementError

from blocks.ledger import Effect, Ledger, Outcome, Turn
from contracts.errors import DeliveryError

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


def outcome(**changes: object) -> Outcome:
    row: dict[str, object] = {"run": "r1", "step": "coder", "visit": 1, "kind": "coder", "status": "done"}
    row |= {"seconds": 1.5, "commit": "c" * 40, "tree": "t" * 40, "at": NOON}
    return Outcome.model_validate(row | changes)


def turn(**changes: object) -> Turn:
    row: dict[str, object] = {"run": "r1", "step": "coder", "visit": 1, "turn": 0, "agent": "command/main"}
    row |= {"kind": "coder", "repository": "shop", "model": "m-1", "input_tokens": 10, "output_tokens": 2}
    row |= {"cost": Decimal("0.1"), "priced": True, "at": NOON}
    return Turn.model_validate(row | changes)


def rows(engine: Engine, query: str) -> list[tuple[object, ...]]:
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(text(query))]


def test_an_outcome_is_kept_once_and_the_first_stays(ledger: Ledger, engine: Engine) -> None:
    ledger.record_outcomes([outcome()])
    ledger.record_outcomes([outcome(status="replayed")])
    ledger.record_outcomes([outcome(visit=2, status="second")])
    query = "SELECT step, visit, status, seconds FROM outcomes ORDER BY visit"
    assert rows(engine, query) == [("coder", 1, "done", 1.5), ("coder", 2, "second", 1.5)]


def test_records_that_come_together_are_kept_once(ledger: Ledger, engine: Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(ledger.record_outcomes, [[outcome(visit=n % 5)] for n in range(40)]))
        list(pool.map(ledger.record_turn, [turn(turn=n % 5) for n in range(40)]))
    assert rows(engine, "SELECT count(*) FROM outcomes") == [(5,)]
    assert ledger.spend() == {"USD": 0.5}


def test_a_turn_costs_once_however_often_it_is_replayed(ledger: Ledger) -> None:
    for _ in range(3):
        ledger.record_turn(turn())
    ledger.record_turn(turn(turn=1))
    ledger.record_turn(turn(step="tester"))
    assert ledger.spend() == {"USD": 0.3}


def test_spend_is_an_exact_sum_by_currency(ledger: Ledger) -> None:
    for n in range(30):
        ledger.record_turn(turn(turn=n, cost=0.1))
    ledger.record_turn(turn(turn=30, cost=Decimal("0.000000015"), currency="EUR"))
    ledger.record_turn(turn(turn=31, cost=Decimal("999999999.999999999"), currency="JPY"))
    assert sum([0.1] * 30) != 3.0
    assert ledger.spend() == {"USD": 3.0, "EUR": 0.000000015, "JPY": float("999999999.999999999")}


def test_spend_of_a_run_a_repository_and_a_period(ledger: Ledger) -> None:
    ledger.record_turn(turn(cost=1))
    ledger.record_turn(turn(run="r2", cost=2, at=NOON + timedelta(hours=1)))
    ledger.record_turn(turn(run="r3", cost=4, repository="bakery", at=NOON + timedelta(hours=2)))
    ledger.record_turn(turn(run="r3", cost=8, repository="bakery", turn=1, priced=False, at=NOON))
    elsewhere = timezone(timedelta(hours=9))

    assert ledger.spend() == {"USD": 15.0}
    assert ledger.spend(run="r2") == {"USD": 2.0}
    assert ledger.spend(repository="bakery") == {"USD": 12.0}
    assert ledger.spend(since=NOON + timedelta(hours=1)) == {"USD": 6.0}
    assert ledger.spend(since=(NOON + timedelta(hours=1)).astimezone(elsewhere)) == {"USD": 6.0}
    assert ledger.spend(repository="bakery", since=NOON + timedelta(minutes=1)) == {"USD": 4.0}
    assert ledger.spend(run="nobody") == {}


@pytest.mark.parametrize("cost", [-1, float("nan"), float("inf"), 1e12])
def test_a_cost_that_cannot_be_summed_is_refused(cost: float) -> None:
    with pytest.raises(ValueError, match="cost"):
        turn(cost=cost)


def test_a_time_without_a_zone_is_refused(ledger: Ledger) -> None:
    with pytest.raises(ValueError, match="at"):
        outcome(at=datetime(2024, 5, 1))  # noqa: DTZ001 - what is tested
    with pytest.raises(StatementError, match="no time zone"):
        ledger.spend(since=datetime(2024, 5, 1))  # noqa: DTZ001 - what is tested


def test_an_effect_is_intended_once_and_confirmed_once(ledger: Ledger) -> None:
    assert ledger.effect("shop/pr/1") is None
    before = datetime.now(UTC)
    first = ledger.intend("shop/pr/1", "r1", "open_pull_request", "shop")
    again = ledger.intend("shop/pr/1", "r2", "open_pull_request", "shop, again")

    assert first == again == ledger.effect("shop/pr/1")
    assert (first.run, first.detail, first.result, first.confirmed_at) == ("r1", "shop", None, None)
    assert first.intended_at.tzinfo is UTC
    assert before <= first.intended_at <= datetime.now(UTC)

    ledger.confirm("shop/pr/1", "pull request 7")
    confirmed = ledger.effect("shop/pr/1")
    ledger.confirm("shop/pr/1", "pull request 7")

    assert confirmed == ledger.effect("shop/pr/1") == ledger.intend("shop/pr/1", "r3", "open_pull_request", "")
    assert confirmed is not None
    assert confirmed.result == "pull request 7"
    assert confirmed.confirmed_at is not None
    assert first.intended_at <= confirmed.confirmed_at <= datetime.now(UTC)


def test_another_result_than_the_recorded_one_is_an_error_and_changes_nothing(ledger: Ledger) -> None:
    ledger.intend("k", "r1", "merge", "")
    ledger.confirm("k", "")
    with pytest.raises(DeliveryError, match="'k' is confirmed as '', not 'abc'"):
        ledger.confirm("k", "abc")
    effect = ledger.effect("k")
    assert effect is not None
    assert effect.result == ""


def test_what_was_never_intended_cannot_be_confirmed(ledger: Ledger) -> None:
    with pytest.raises(DeliveryError, match="'k' was never intended"):
        ledger.confirm("k", "abc")
    assert ledger.effect("k") is None


def test_intents_that_come_together_find_one_row(ledger: Ledger) -> None:
    def intend(number: int) -> Effect:
        return ledger.intend("k", f"r{number}", "merge", "")

    with ThreadPoolExecutor(8) as pool:
        effects = list(pool.map(intend, range(24)))
    assert len({effect.run for effect in effects}) == 1
