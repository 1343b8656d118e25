"""Runs, gates and decisions on a SQLite file and on a real PostgreSQL server."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from enum import StrEnum

import pytest

from blocks.ledger import Decision, Gate, Ledger, Run
from contracts.errors import Refused
from contracts.failure import FailureKind

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


def run(**changes: object) -> Run:
    row: dict[str, object] = {"run": "r1", "title": "Fix it", "repository": "shop", "forge": "local-forge/main"}
    row |= {"pipeline": "bugfix", "branch": "delivery/fix-r1", "policy": "p1", "attempt": 1, "opened_at": NOON}
    return Run.model_validate(row | changes)


def gate(**changes: object) -> Gate:
    row: dict[str, object] = {"key": "r1/coder.gate/1", "run": "r1", "step": "coder", "reason": "approval"}
    row |= {"title": "Fix it", "channel": "log-channel/main", "opened_at": NOON}
    return Gate.model_validate(row | changes)


def decision(**changes: object) -> Decision:
    row: dict[str, object] = {"key": "r1/coder.gate/1", "gate": "r1/coder.gate/1", "run": "r1", "step": "coder"}
    row |= {"who": "ada", "proven": False, "channel": "prefect", "at": NOON, "choice": "approve"}
    row |= {"subject": "t" * 40, "policy": "p1", "standing": "counted"}
    return Decision.model_validate(row | changes)


def stands(ledger: Ledger, run: str = "r1") -> Run:
    found = ledger.run(run)
    assert found is not None
    return found


def test_a_run_is_kept_as_it_was_opened(ledger: Ledger) -> None:
    assert ledger.run("r1") is None
    ledger.open(run())
    assert ledger.run("r1") == run()
    assert (run().status, run().ended_at, run().reaped_at) == ("live", None, None)


def test_an_attempt_that_is_opened_again_changes_nothing(ledger: Ledger) -> None:
    ledger.open(run())
    ledger.open(run(title="Another", policy="p2"))
    assert ledger.run("r1") == run()
    ledger.end("r1", 1, "failed")
    ended = ledger.run("r1")
    ledger.open(run())
    assert ledger.run("r1") == ended


def test_the_first_word_that_an_attempt_ends_with_stands(ledger: Ledger) -> None:
    ledger.open(run())
    before = datetime.now(UTC)
    assert ledger.end("r1", 1, "failed") == "failed"
    first = stands(ledger)
    assert ledger.end("r1", 1, "merged") == "failed"
    assert ledger.end("r1", 1, "stopped") == "failed"
    assert ledger.run("r1") == first
    assert first.status == "failed"
    assert first.ended_at is not None
    assert before <= first.ended_at <= datetime.now(UTC)


def test_a_later_attempt_lives_again_and_obeys_its_own_policy(ledger: Ledger) -> None:
    ledger.open(run())
    ledger.end("r1", 1, "failed")
    ledger.reaped("r1")
    ledger.open(run(attempt=2, policy="p2", opened_at=NOON + timedelta(days=1)))
    assert ledger.run("r1") == run(attempt=2, policy="p2")


def test_an_attempt_before_the_latest_can_neither_open_nor_end_the_run(ledger: Ledger) -> None:
    ledger.open(run(attempt=2))
    ledger.open(run(attempt=1, policy="p0"))
    assert ledger.end("r1", 1, "failed") == "live"
    assert ledger.run("r1") == run(attempt=2)
    assert ledger.end("r1", 2, "merged") == "merged"


def test_a_run_that_was_never_opened_ends_without_a_row(ledger: Ledger) -> None:
    assert ledger.end("r9", 1, "failed") == "failed"
    assert ledger.run("r9") is None


def test_runs_are_listed_newest_first_and_filtered(ledger: Ledger) -> None:
    for number in range(5):
        ledger.open(run(run=f"r{number}", opened_at=NOON + timedelta(minutes=number)))
    ledger.end("r1", 1, "failed")
    ledger.end("r3", 1, "merged")

    def listed(live: bool | None = None, limit: int = 50) -> list[str]:
        return [row.run for row in ledger.runs(live, limit)]

    assert listed() == ["r4", "r3", "r2", "r1", "r0"]
    assert listed(limit=2) == ["r4", "r3"]
    assert listed(live=True) == ["r4", "r2", "r0"]
    assert listed(live=False) == ["r3", "r1"]
    assert listed(live=False, limit=1) == ["r3"]


def test_a_run_is_reaped_once_and_only_after_its_end(ledger: Ledger) -> None:
    def unreaped(before: datetime) -> list[str]:
        return [row.run for row in ledger.runs(unreaped_before=before)]

    ledger.open(run())
    ledger.open(run(run="r2"))
    ledger.open(run(run="waiting"))
    began = datetime.now(UTC)
    ledger.end("r1", 1, "failed")
    ledger.end("r2", 1, "merged")
    later = datetime.now(UTC) + timedelta(seconds=1)
    ledger.reaped("waiting")
    assert stands(ledger, "waiting").reaped_at is None
    assert unreaped(began) == []
    assert sorted(unreaped(later)) == ["r1", "r2"]

    ledger.reaped("r1")
    first = stands(ledger).reaped_at
    ledger.reaped("r1")
    assert first is not None
    assert stands(ledger).reaped_at == first
    assert unreaped(later) == ["r2"]


def test_a_run_that_has_ended_intends_nothing_but_what_belongs_to_its_end(ledger: Ledger) -> None:
    ledger.open(run())
    pushed = ledger.intend("push", "r1", "push", "")
    ledger.end("r1", 1, "stopped")
    for key in ("push", "pull request"):
        with pytest.raises(Refused, match=rf"'r1' has ended as 'stopped', so the effect '{key}'.* retry the run") as no:
            ledger.intend(key, "r1", "open_pull_request", "")
        assert no.value.kind is FailureKind.CANCELLED
    assert ledger.effect("pull request") is None
    assert ledger.effect("push") == pushed
    assert ledger.intend("report", "r1", "comment", "", ended=True) == ledger.effect("report")

    ledger.open(run(attempt=2))
    ledger.intend("pull request", "r1", "open_pull_request", "")
    assert ledger.effect("pull request") is not None


def test_a_gate_waits_until_it_is_settled(ledger: Ledger) -> None:
    ledger.wait(gate())
    ledger.wait(gate(reason="asked again", opened_at=NOON + timedelta(hours=1)))
    ledger.wait(gate(key="r2/coder.gate/1", run="r2", opened_at=NOON - timedelta(hours=1)))
    assert ledger.waiting("r1") == [gate()]
    assert [one.run for one in ledger.waiting()] == ["r2", "r1"]

    ledger.settle("r1/coder.gate/1")
    ledger.settle("r1/coder.gate/1")
    ledger.settle("nobody asked")
    assert ledger.waiting("r1") == []
    assert [one.run for one in ledger.waiting()] == ["r2"]

    ledger.wait(gate())
    assert ledger.waiting("r1") == []


def test_a_gate_is_overdue_from_its_time_until_it_is_escalated_or_settled(ledger: Ledger) -> None:
    due = NOON + timedelta(hours=2)
    ledger.wait(gate(key="never"))
    ledger.wait(gate(key="later", escalate_at=due + timedelta(seconds=1), opened_at=NOON + timedelta(seconds=1)))
    ledger.wait(gate(key="second", escalate_at=due))
    ledger.wait(gate(key="first", escalate_at=due, opened_at=NOON - timedelta(hours=1)))
    ledger.wait(gate(key="settled", escalate_at=due))
    ledger.settle("settled")

    assert ledger.overdue(NOON) == []
    assert [one.key for one in ledger.overdue(due)] == ["first", "second"]
    ledger.escalated("first")
    marked = {one.key: one.escalated_at for one in ledger.waiting()}
    ledger.escalated("first")
    assert marked["first"] is not None
    assert marked["second"] is None
    assert {one.key: one.escalated_at for one in ledger.waiting()} == marked
    assert [one.key for one in ledger.overdue(due)] == ["second"]
    assert [one.key for one in ledger.overdue(due + timedelta(days=1))] == ["second", "later"]


def test_a_gate_that_the_policy_decides_is_overdue_until_it_is_settled(ledger: Ledger) -> None:
    escalates, decides = NOON + timedelta(hours=1), NOON + timedelta(hours=2)
    ledger.wait(gate(escalate_at=escalates, due_at=decides))
    ledger.wait(gate(key="silent", due_at=decides))

    def overdue(moment: datetime) -> list[str]:
        return [one.key for one in ledger.overdue(moment)]

    assert overdue(escalates) == [gate().key]
    ledger.escalated(gate().key)
    assert overdue(decides - timedelta(seconds=1)) == []
    assert overdue(decides) == [gate().key, "silent"]
    ledger.settle(gate().key)
    assert overdue(decides) == ["silent"]


def test_a_gate_of_a_run_that_has_ended_does_not_escalate(ledger: Ledger) -> None:
    for name in ("r1", "r2"):
        ledger.open(run(run=name))
        ledger.wait(gate(key=name, run=name, escalate_at=NOON))
    ledger.end("r1", 1, "stopped")
    assert [one.run for one in ledger.overdue(NOON)] == ["r2"]
    assert [one.run for one in ledger.waiting()] == ["r1", "r2"]
    ledger.open(run(attempt=2))
    assert [one.run for one in ledger.overdue(NOON)] == ["r1", "r2"]


def test_the_first_answer_under_a_key_stands(ledger: Ledger) -> None:
    given = decision(comment="Zeile 1\n✓", edited="# Plan", expires_at=NOON + timedelta(days=1), proven=True)
    assert ledger.decide(given) == given
    assert ledger.decide(decision(who="bob", choice="reject")) == given
    assert ledger.decisions("r1") == [given]
    assert ledger.decisions("r2") == []


def test_answers_are_listed_oldest_first_whether_they_count_or_not(ledger: Ledger) -> None:
    for number, standing in enumerate(("late", "counted", "unauthorised", "void", "expired", "unreadable")):
        ledger.decide(decision(key=f"k{number}", at=NOON - timedelta(minutes=number), standing=standing))
    ledger.decide(decision(key="other", run="r2"))
    assert [one.key for one in ledger.decisions("r1")] == ["k5", "k4", "k3", "k2", "k1", "k0"]
    assert {one.standing for one in ledger.decisions("r1")} >= {"late", "void", "counted"}


def test_words_of_an_enumeration_are_kept_as_their_values(ledger: Ledger) -> None:
    class Word(StrEnum):
        COUNTED = "counted"
        STOPPED = "stopped"
        CRASH = "crash"

    assert ledger.decide(decision(standing=Word.COUNTED)).standing == "counted"
    ledger.open(run())
    assert ledger.end("r1", 1, Word.STOPPED) == "stopped"
    assert stands(ledger).status == "stopped"
    assert ledger.recover("r1", "s1", Word.CRASH)
    assert ledger.attribute("r1", "coder") == {"crash": 1}
