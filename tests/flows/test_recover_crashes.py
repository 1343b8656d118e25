"""Runs whose processes died: what each death is charged to, and when a run is closed for it."""

from __future__ import annotations

from datetime import timedelta

from prefect.states import Crashed, Pending, Running, Scheduled

from blocks.ledger import Ledger
from contracts.delivery import DeliveryStatus
from contracts.failure import HINTS, FailureKind
from contracts.recovery import Act
from tasks.recovery import act
from tests.flows import lost
from tests.flows.lost import KILLED, begin, found, state_of
from tests.flows.shop import Shop

AGAIN = "Flow run infrastructure exited with non-zero status code -9. Process exited due to a SIGKILL signal."


def test_a_crashed_run_is_resumed_as_a_crash_and_each_time_later(shop: Shop):
    run = begin(shop, Running(), Crashed(message=KILLED))
    first = found(run)
    assert first is not None
    assert first.remedy is not None
    assert (first.remedy.act, first.remedy.kind) == (Act.RESUME, "crash")
    assert act(first)
    lost.move(run, Running(), Crashed(message="Execution was aborted by a termination signal."))
    second = found(run)
    assert second is not None
    assert second.remedy is not None
    assert (second.remedy.kind, second.number) == ("infrastructure", 2)
    assert act(second)
    assert 9 < lost.wait_of(run) < 11
    assert Ledger().attribute(run, "coder") == {"crash": 1, "infrastructure": 1}


def test_the_second_report_of_a_death_is_charged_to_nobody_even_when_the_next_process_has_begun(shop: Shop):
    run = begin(shop, Running(), Crashed(message=KILLED))
    first = found(run)
    assert first is not None
    assert act(first)
    lost.move(run, Pending(), Running(), Crashed(message=AGAIN))
    assert found(run, timedelta(minutes=1)) is None
    assert found(run) is not None, "when no process comes within the grace it is resumed"
    assert Ledger().attribute(run, "coder") == {"crash": 1}
    lost.move(run, Running(), Crashed(message=AGAIN))
    third = found(run, timedelta(minutes=1))
    assert third is not None
    assert third.remedy is not None
    assert third.remedy.kind == "crash"


def test_a_second_report_that_takes_the_place_of_the_schedule_is_undone_at_once_and_charged_to_nobody(shop: Shop):
    run = begin(shop, Running(), Crashed(message=KILLED))
    first = found(run)
    assert first is not None
    assert act(first)
    lost.move(run, Crashed(message=AGAIN))
    again = found(run, timedelta(minutes=1))
    assert again is not None
    assert act(again)
    assert state_of(run).is_scheduled()
    assert Ledger().attribute(run, "coder") == {"crash": 1, "repeated": 1}
    assert lost.go_on(run) == "Merged"


def test_a_run_that_dies_again_and_again_without_finishing_anything_is_closed(shop: Shop):
    shop.policy(crashes=0, losses=1)
    run = begin(shop, Running(), Crashed(message=KILLED))
    lost.ledger_row(shop, run)
    acts: list[Act] = []
    for _ in range(3):
        one = found(run)
        assert one is not None
        assert one.remedy is not None
        acts.append(one.remedy.act)
        if one.remedy.act is Act.RESUME:
            assert act(one)
            lost.move(run, Running(), Crashed(message=KILLED))
    assert acts == [Act.RESUME, Act.RESUME, Act.CLOSE]


def test_a_crash_of_long_ago_or_after_the_end_is_left_alone(shop: Shop):
    failed = begin(shop, Running())
    shop.play(merger=[{"text": "no idea"}])
    assert lost.go_on(failed) == "Failed"
    lost.move(failed, Crashed(message=KILLED))
    assert found(failed) is None
    lost.move(failed, Scheduled(name="AwaitingRetry"), Running(), Crashed(message=KILLED))
    assert found(failed) is not None, "somebody had retried it"


def test_a_step_that_loses_its_process_too_often_fails_as_evicted_and_a_retry_begins_anew(shop: Shop):
    run = begin(shop)
    for number in range(2):
        assert Ledger().recover(run, f"state {number}", "crash")
    assert lost.go_on(run) == "Failed"
    ending = shop.ending(run)
    assert ending.status is DeliveryStatus.FAILED
    assert ending.failure is not None
    assert ending.failure.kind is FailureKind.EVICTED
    assert "died 2 times" in ending.reason
    assert HINTS[FailureKind.EVICTED] in str(state_of(run).message)
    lost.move(run, Scheduled(name="AwaitingRetry"))
    assert lost.go_on(run) == "Merged"
