from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Cancelled, Cancelling, Completed, Crashed, Failed, Pending, Running, Scheduled, Suspended

from blocks.journal import Journal
from blocks.ledger import Ledger
from contracts.recovery import Act
from flows.simple import simple
from tasks._sightings import UPKEEP, suspects
from tasks.recovery import act, due
from tests.flows import lost
from tests.flows.lost import KILLED, begin, found, state_of
from tests.flows.shop import Shop

NOW = timedelta(0)


def test_a_running_run_with_an_old_sign_of_life_is_resumed_and_ends_merged(shop: Shop):
    run = begin(shop)
    lost.beat(run, datetime.now(UTC) - timedelta(minutes=10))
    swept = lost.swept()
    assert swept.resumed >= 1
    state = state_of(run)
    assert (state.type.value, state.name) == ("SCHEDULED", "AwaitingRetry")
    assert str(state.message).startswith("recovery 1: no process has sent a sign of life")
    assert 4 < lost.wait_of(run) < 6
    assert lost.go_on(run) == "Merged"
    assert shop.merges() == 1


def test_a_run_whose_process_gives_signs_of_life_is_left_alone(shop: Shop):
    run = begin(shop)
    lost.beat(run, datetime.now(UTC) + timedelta(seconds=8))
    deadline = time.monotonic() + 60
    while not lost.heard(run):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert found(run, timedelta(seconds=6)) is None
    assert found(run) is not None, "without the sign of life it would have been taken for lost"


def test_a_run_that_a_process_holds_is_left_alone_whatever_its_signs_of_life(shop: Shop):
    run = begin(shop)
    with Journal(folder=shop.home / "journal").own(run, seconds=0):
        assert found(run) is None
    assert found(run) is not None


def test_a_run_that_moved_on_after_it_was_seen_is_neither_touched_nor_charged(shop: Shop):
    run = begin(shop, Running(), Crashed(message=KILLED))
    seen = found(run)
    assert seen is not None
    lost.move(run, Running())
    assert not act(seen)
    assert state_of(run).is_running()
    assert Ledger().attribute(run, "coder") == {}


def test_a_run_that_waits_to_be_started_for_too_long_is_put_back(shop: Shop):
    run = begin(shop, Pending())
    one = found(run)
    assert one is not None
    assert act(one)
    assert state_of(run).name == "AwaitingRetry"


def test_what_is_suspended_scheduled_over_or_not_a_delivery_is_left_alone(shop: Shop):
    alone = [
        begin(shop, Running(), Suspended(pause_key="coder-gate-1--1", timeout_seconds=3600)),
        begin(shop, Scheduled()),
        begin(shop, Running(), Completed()),
        begin(shop, Running(), Failed(message="no")),
    ]
    with get_client(sync_client=True) as client:
        other = client.create_flow_run_from_deployment(lost.deployment(tags=("other",)))
        bare = client.create_flow_run(simple, parameters={"item": shop.item()})
    lost.move(str(other.id), Running())
    lost.move(str(bare.id), Running())
    seen = {one.run for one in due(NOW)}
    assert seen.isdisjoint({*alone, str(other.id), str(bare.id)})


def test_two_sweeps_at_once_act_once(shop: Shop):
    runs = [begin(shop) for _ in range(4)]
    mine = [one for one in due(NOW) if one.run in runs]
    assert len(mine) == 4
    gate = threading.Barrier(2)

    def go() -> list[bool]:
        gate.wait()
        return [act(one) for one in mine]

    with ThreadPoolExecutor(2) as pool:
        first, second = (future.result() for future in [pool.submit(go), pool.submit(go)])
    assert [one + other for one, other in zip(first, second, strict=True)] == [1, 1, 1, 1]
    assert [lost.recoveries(run) for run in runs] == [1, 1, 1, 1]


def test_a_sweep_that_comes_late_to_a_run_leaves_it(shop: Shop):
    run = begin(shop)
    one = found(run)
    assert one is not None
    lost.move(run, Running())
    assert not act(one)
    assert state_of(run).name == "Running"


def test_unreadable_runs_are_told_and_do_not_stop_the_sweep(shop: Shop, caplog: pytest.LogCaptureFixture):
    broken = begin(shop, policy="delivery-policy/nobody-made-it")
    with get_client(sync_client=True) as client:
        bare = str(client.create_flow_run_from_deployment(lost.deployment()).id)
    lost.move(bare, Running())
    run = begin(shop)
    swept = lost.swept()
    assert swept.resumed >= 1
    assert swept.reported >= 2
    assert "unreadable" in swept.message
    assert state_of(run).name == "AwaitingRetry"
    assert (state_of(broken).name, state_of(bare).name) == ("Running", "Running")
    assert "nobody-made-it" in caplog.text
    assert "no work item" in caplog.text
    with get_client(sync_client=True) as client:
        for one in (broken, bare):
            client.delete_flow_run(UUID(one))


def test_a_cancelled_run_that_still_holds_its_work_is_closed(shop: Shop):
    run = begin(shop)
    row = lost.ledger_row(shop, run)
    Ledger().claim(f"work of {run}", run, shop.name, "simple", None)
    lost.move(run, Cancelling(), Cancelled())
    assert lost.swept().closed >= 1
    assert (Ledger().run(run) or row).status == "stopped"
    assert [claim for claim in Ledger().live(shop.name) if claim.run == run] == []
    assert state_of(run).name == "Cancelled"
    assert found(run) is None


def test_a_cancelled_run_whose_merge_nobody_saw_the_end_of_is_taken_up_first(shop: Shop):
    run = begin(shop)
    lost.ledger_row(shop, run)
    Ledger().intend(f"{run}/merge", run, "merge", shop.name)
    lost.move(run, Cancelling(), Cancelled())
    one = found(run)
    assert one is not None
    assert one.remedy is not None
    assert one.remedy.act is Act.RESUME


def test_a_sweep_that_died_is_said_to_have_crashed(shop: Shop):
    with get_client(sync_client=True) as client:
        dead = str(client.create_flow_run_from_deployment(lost.deployment(tags=(UPKEEP,))).id)
    lost.move(dead, Running())
    lost.swept()
    assert state_of(dead).name == "Crashed"
    assert found(dead) is None


def test_every_page_of_runs_is_looked_at(shop: Shop):
    made: list[UUID] = []
    with get_client(sync_client=True) as client:
        of = lost.deployment()
        made = [client.create_flow_run_from_deployment(of, state=Pending()).id for _ in range(205)]
        try:
            assert {one.id for one in suspects(NOW)} >= set(made)
        finally:
            for one in made:
                client.delete_flow_run(one)
