"""Recoveries and the leases of effects, on a SQLite file and on a real PostgreSQL server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine, text

from blocks.ledger import Ledger, Run
from contracts.errors import DeliveryError, Refused

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


def opened(ledger: Ledger, attempt: int = 1) -> None:
    ledger.open(
        Run(
            run="r1",
            title="Fix it",
            repository="shop",
            forge="local-forge/main",
            pipeline="bugfix",
            branch="delivery/fix-r1",
            policy="p1",
            attempt=attempt,
            opened_at=NOON,
        )
    )


def age(engine: Engine, statement: str, seconds: int) -> None:
    """Execute a statement that sets a time to so many seconds ago."""
    moment = datetime.now(UTC) - timedelta(seconds=seconds)
    stored = moment if engine.dialect.name == "postgresql" else moment.strftime("%Y-%m-%d %H:%M:%S.%f")
    with engine.begin() as connection:
        connection.execute(text(statement), {"moment": stored})


def age_recovery(engine: Engine, seconds: int) -> None:
    age(engine, "UPDATE recoveries SET at = :moment", seconds)


def age_lease(engine: Engine, seconds: int) -> None:
    age(engine, "UPDATE effects SET held_until = :moment", seconds)


def test_a_state_of_a_run_is_recovered_once(ledger: Ledger) -> None:
    assert ledger.recover("r1", "s1", "crash")
    assert not ledger.recover("r1", "s1", "crash")
    assert ledger.recover("r1", "s2", "crash")
    assert ledger.recover("r2", "s1", "crash")


def test_a_recovery_whose_sweep_died_is_taken_over_after_its_lease(ledger: Ledger, engine: Engine) -> None:
    assert ledger.recover("r1", "s1", "crash")
    age_recovery(engine, 50)
    assert not ledger.recover("r1", "s1", "crash")
    assert ledger.recover("r1", "s1", "crash", lease_seconds=40)
    assert not ledger.recover("r1", "s1", "crash", lease_seconds=40)
    age_recovery(engine, 61)
    assert ledger.recover("r1", "s1", "infrastructure")
    assert ledger.attribute("r1", "coder") == {"infrastructure": 1}


def test_a_recovery_that_has_a_step_is_never_taken_over(ledger: Ledger, engine: Engine) -> None:
    assert ledger.recover("r1", "s1", "crash")
    ledger.attribute("r1", "coder")
    age_recovery(engine, 1_000)
    assert not ledger.recover("r1", "s1", "crash")


def test_recoveries_are_charged_to_the_step_that_the_run_goes_on_with(ledger: Ledger) -> None:
    assert ledger.attribute("r1", "coder") == {}
    for state, kind in (("s1", "crash"), ("s2", "infrastructure"), ("s3", "infrastructure")):
        assert ledger.recover("r1", state, kind)
    assert ledger.recover("r2", "s1", "crash")
    assert ledger.attribute("r1", "coder") == {"crash": 1, "infrastructure": 2}
    assert ledger.attribute("r1", "coder") == {"crash": 1, "infrastructure": 2}
    assert ledger.attribute("r1", "tester") == {}

    assert ledger.recover("r1", "s4", "crash")
    assert ledger.attribute("r1", "tester") == {"crash": 1}
    assert ledger.attribute("r1", "coder") == {"crash": 1, "infrastructure": 2}
    assert ledger.attribute("r2", "coder") == {"crash": 1}


def test_an_effect_is_held_by_one_until_its_lease_ends(ledger: Ledger, engine: Engine) -> None:
    assert not ledger.hold("k", 60)
    intended = ledger.intend("k", "r1", "push", "")
    assert intended.held_until is None

    before = datetime.now(UTC)
    assert ledger.hold("k", 60)
    held = ledger.effect("k")
    assert held is not None
    assert held.held_until is not None
    assert before + timedelta(seconds=60) <= held.held_until <= datetime.now(UTC) + timedelta(seconds=60)
    assert not ledger.hold("k", 600)
    assert ledger.effect("k") == held

    age_lease(engine, 1)
    assert ledger.hold("k", 60)


def test_a_confirmed_effect_cannot_be_held_nor_withdrawn(ledger: Ledger) -> None:
    ledger.intend("k", "r1", "push", "")
    ledger.confirm("k", "abc")
    confirmed = ledger.effect("k")
    assert not ledger.hold("k", 60)
    ledger.withdraw("k")
    assert ledger.effect("k") == confirmed


def test_an_intent_that_is_withdrawn_was_never_made(ledger: Ledger) -> None:
    ledger.intend("k", "r1", "merge", "old")
    assert ledger.hold("k", 60)
    ledger.withdraw("k")
    ledger.withdraw("k")
    assert ledger.effect("k") is None
    with pytest.raises(DeliveryError, match="never intended"):
        ledger.confirm("k", "abc")
    assert ledger.intend("k", "r1", "merge", "new").detail == "new"
    assert ledger.hold("k", 60)


def test_unconfirmed_effects_of_a_run_are_listed_oldest_first(ledger: Ledger) -> None:
    for key in ("z", "y", "x"):
        ledger.intend(key, "r1", "push", "")
    ledger.intend("w", "r2", "push", "")
    ledger.confirm("y", "abc")
    assert [one.key for one in ledger.unconfirmed("r1")] == ["z", "x"]
    assert ledger.unconfirmed("r3") == []


def test_a_merge_under_way_cannot_be_stopped(ledger: Ledger) -> None:
    opened(ledger)
    ledger.intend("elsewhere", "r2", "merge", "")
    ledger.intend("branch", "r1", "push", "")
    ledger.intend("merge", "r1", "merge", "")
    before = ledger.run("r1")
    assert ledger.end("r1", 1, "stopped") == "live"
    assert ledger.run("r1") == before

    ledger.confirm("merge", "abc")
    assert ledger.end("r1", 1, "stopped") == "live"
    assert ledger.end("r1", 1, "merged") == "merged"
    assert ledger.end("r1", 1, "stopped") == "merged"


def test_a_run_can_be_stopped_when_its_merge_was_withdrawn(ledger: Ledger) -> None:
    opened(ledger)
    ledger.intend("merge", "r1", "merge", "")
    ledger.withdraw("merge")
    assert ledger.end("r1", 1, "stopped") == "stopped"
    with pytest.raises(Refused):
        ledger.intend("merge", "r1", "merge", "")


def test_a_merge_under_way_keeps_no_other_word_from_ending_the_run(ledger: Ledger) -> None:
    opened(ledger)
    ledger.intend("merge", "r1", "merge", "")
    assert ledger.end("r1", 1, "failed") == "failed"
    assert ledger.end("r1", 1, "stopped") == "failed"
