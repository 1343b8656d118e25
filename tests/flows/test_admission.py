"""Runs that find no room wait for it without a process, and ticks that are out of date make way."""

from __future__ import annotations

import time
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId, FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.schedules import IntervalSchedule
from prefect.exceptions import Pause
from prefect.states import AwaitingRetry, Pending, Scheduled

from blocks.ledger import Ledger
from contracts.parking import PARKED
from contracts.ticks import TRIGGERED
from flows import operate
from flows.simple import simple
from tests.flows import lost
from tests.flows.lost import begin, go_on, state_of
from tests.flows.operating import do
from tests.flows.shop import FIXED, Shop

DONE: dict[str, Any] = {"files": {"shop.py": FIXED}}


@pytest.fixture
def full(shop: Shop) -> Generator[Shop]:
    """A repository with room for one run, which another one has."""
    shop.play(coder=[DONE])
    shop.policy(running=1, when_full="queue")
    Ledger().claim(f"{shop.name} other work", f"other-{shop.name}", shop.name, "build", None)
    yield shop
    Ledger().release(f"other-{shop.name}")


def waits(run: str) -> None:
    """Take the run up as a worker does, and see that it waits without a process."""
    with pytest.raises(Pause):
        go_on(run)
    state = state_of(run)
    assert (state.type.value, state.name) == ("SCHEDULED", PARKED)
    assert "waits for room" in (state.message or "")


def tasks_of(run: str) -> int:
    with get_client(sync_client=True) as client:
        return len(client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[UUID(run)]))))


def queued(shop: Shop) -> list[str]:
    return [one.run for one in Ledger().queued() if one.repository == shop.name]


def test_a_run_without_room_waits_for_it_and_holds_nothing(full: Shop):
    run = begin(full, Scheduled())
    waits(run)
    assert f"the repository {full.name!r} has 1 live runs and the limit is 1" in str(state_of(run).message)
    assert queued(full) == [run]
    assert tasks_of(run) == 0, "no task of it failed"
    assert full.turns() == []
    lost.move(run, Scheduled(name=PARKED))
    waits(run)
    Ledger().release(f"other-{full.name}")
    lost.move(run, Scheduled(name=PARKED))
    assert go_on(run) == "Merged"
    assert queued(full) == []
    assert Ledger().live(full.name) == []


def test_a_run_that_ends_lets_the_next_one_in(full: Shop):
    first, second = begin(full, Scheduled()), begin(full, Scheduled())
    waits(first)
    waits(second)
    before = lost.wait_of(first)
    assert before > 60
    Ledger().release(f"other-{full.name}")
    third = begin(full, Scheduled())
    waits(third)
    assert queued(full) == [first, second, third], "who comes later does not overtake"
    lost.move(first, Scheduled(name=PARKED))
    assert go_on(first) == "Merged"
    assert state_of(second).message == "there is room"
    assert lost.wait_of(second) <= 0
    assert lost.wait_of(third) > 60


def test_a_person_lets_a_waiting_run_look_at_once_or_ends_it(full: Shop):
    run = begin(full, Scheduled())
    waits(run)
    kind, said = do(operate.retry, run)
    assert (kind, state_of(run).name) == ("COMPLETED", "AwaitingRetry"), said
    waits(run)
    kind, said = do(operate.stop, run)
    assert (kind, state_of(run).type.value) == ("COMPLETED", "CANCELLED"), said
    assert queued(full) == []


def test_limits_of_a_pipeline_leave_room_for_others(shop: Shop):
    shop.play(coder=[DONE])
    shop.policy(running_by_pipeline={"build": 1, "simple": 1})
    Ledger().claim(f"{shop.name} other", f"other-{shop.name}", shop.name, "build", None)
    assert go_on(begin(shop, Scheduled())) == "Merged"
    Ledger().claim(f"{shop.name} third", f"third-{shop.name}", shop.name, "simple", None)
    refused = begin(shop, Scheduled())
    assert go_on(refused) == "Failed"
    assert "1 live runs of 'simple' and the limit is 1" in str(state_of(refused).message)


def triggered(shop: Shop) -> str:
    """A run as a delivery starts it."""
    values = {"item": shop.item().model_dump(mode="json"), "policy": f"delivery-policy/{shop.name}"}
    with get_client(sync_client=True) as client:
        made = client.create_flow_run_from_deployment(lost.deployment(), parameters=values, tags=[TRIGGERED])
    return str(made.id)


def test_a_delivery_for_work_that_is_being_done_is_skipped_and_can_be_retried(shop: Shop):
    shop.play(coder=[DONE])
    Ledger().claim(shop.item().identity, f"other-{shop.name}", shop.name, "simple", None)
    run = triggered(shop)
    assert go_on(run) == "Skipped"
    state = state_of(run)
    assert state.type.value == "CANCELLED"
    assert f"is held by the live run 'other-{shop.name}'" in str(state.message)
    assert shop.turns() == []
    assert [claim.run for claim in Ledger().live(shop.name)] == [f"other-{shop.name}"]
    Ledger().release(f"other-{shop.name}")
    lost.move(run, AwaitingRetry())
    assert go_on(run) == "Merged"


@pytest.fixture
def ticks(shop: Shop) -> Generator[list[FlowRun]]:
    """Runs of a schedule of every two seconds, the oldest first: some are late, as after a downtime."""
    shop.play(coder=[DONE])
    values = {"item": shop.item().model_dump(mode="json"), "policy": f"delivery-policy/{shop.name}"}
    every = IntervalSchedule(interval=timedelta(seconds=2))
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(client.create_flow(simple), f"ticks-{uuid4().hex[:8]}", parameters=values)
        (schedule,) = client.create_deployment_schedules(deployment, [(every, True)])
        wanted = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
        deadline = time.monotonic() + 120
        found: list[FlowRun] = []
        while len([one for one in found if _late(one)]) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.5)
            found = client.read_flow_runs(deployment_filter=wanted, limit=200)
        yield sorted(found, key=lambda one: str(one.expected_start_time))
        client.delete_deployment_schedule(deployment, schedule.id)


def _late(one: FlowRun) -> bool:
    return one.expected_start_time is not None and datetime.now(UTC) - one.expected_start_time > timedelta(seconds=1)


def tick(run: FlowRun) -> str:
    lost.move(str(run.id), Pending())
    return go_on(str(run.id))


def test_after_a_downtime_the_newest_tick_does_the_work_of_all(shop: Shop, ticks: list[FlowRun]):
    missed = ticks[0]
    assert tick(missed) == "Skipped"
    state = state_of(str(missed.id))
    assert state.type.value == "CANCELLED"
    assert "was missed, and the one of" in str(state.message)
    assert shop.turns() == []
    assert tick(ticks[-1]) == "Merged", "nothing newer is due"
    lost.move(str(missed.id), AwaitingRetry())
    assert go_on(str(missed.id)) != "Skipped", "a person has retried it"


def test_a_tick_for_work_that_is_being_done_is_skipped(shop: Shop, ticks: list[FlowRun]):
    Ledger().claim(shop.item().identity, f"other-{shop.name}", shop.name, "simple", None)
    assert tick(ticks[-1]) == "Skipped"
    assert f"is held by the live run 'other-{shop.name}'" in str(state_of(str(ticks[-1].id)).message)
