"""Runs are stopped from outside, on a real server, whatever they are doing."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.states import Cancelled, Scheduled

import blocks
from blocks.journal import Journal
from blocks.ledger import Ledger
from contracts.delivery import Delivery, DeliveryStatus
from contracts.failure import FailureKind
from deployments.bootstrap import save
from deployments.server import local_worker
from flows import operate
from flows.simple import simple
from tasks._standing import standing
from tests.flows.lost import begin, go_on, history, state_of
from tests.flows.operating import do, failed, waiting
from tests.flows.shop import Shop

HANGS = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text('hangs'); time.sleep(600)"


def test_a_waiting_run_is_stopped_its_gate_settled_and_its_work_given_back(shop: Shop):
    run = waiting(shop)
    turns = shop.turns()
    assert [gate.step for gate in Ledger().waiting(run)] == ["merger"]
    kind, said = do(operate.stop, run, "wrong idea")
    assert (kind, f"run {run} is stopped" in said) == ("COMPLETED", True), said
    assert state_of(run).is_cancelled()
    assert Ledger().waiting(run) == []
    assert [claim for claim in Ledger().live(shop.name) if claim.run == run] == []
    ending = shop.ending(run)
    assert ending.status is DeliveryStatus.STOPPED
    assert ending.reason == "wrong idea"
    assert ending.failure is not None
    assert ending.failure.kind is FailureKind.CANCELLED
    assert "can be retried" in ending.failure.hint
    assert shop.git.commit_of(ending.branch) == ending.head
    assert shop.merges() == 0
    assert shop.turns() == turns
    assert Ledger().run(run).status == "stopped"  # type: ignore[union-attr]


def test_the_message_of_a_stopped_gate_says_so(shop: Shop):
    run = waiting(shop)
    do(operate.stop, run, "wrong idea")
    said = [line for line in (shop.home / "messages.log").read_text().splitlines() if f"{run}/waiting/" in line]
    assert len(said) == 2
    assert "the run was stopped" in said[1]


def test_a_second_stop_changes_nothing_and_says_how_the_run_ended(shop: Shop):
    run = waiting(shop)
    do(operate.stop, run, "wrong idea")
    records, states = Journal(folder=shop.home / "journal").keys(run), history(run)
    kind, said = do(operate.stop, run, "once more")
    assert (kind, f"run {run} is stopped" in said) == ("COMPLETED", True)
    assert Journal(folder=shop.home / "journal").keys(run) == records
    assert history(run) == states
    assert shop.ending(run).reason == "wrong idea"


def test_a_stopped_run_that_is_retried_goes_on_where_it_was(shop: Shop):
    run = waiting(shop)
    do(operate.stop, run, "")
    turns = shop.turns()
    shop.policy(attended=True, merge={"auto_merge": True, "ceilings": {"complexity": 1.0}})
    kind, said = do(operate.retry, run)
    assert kind == "COMPLETED", said
    assert state_of(run).name == "AwaitingRetry"
    go_on(run)
    assert shop.turns() == turns
    assert shop.merges() == 1
    assert shop.ending(run, 2).status is DeliveryStatus.MERGED


def test_a_run_that_has_merged_stays_merged(shop: Shop):
    run = begin(shop, Scheduled())
    assert go_on(run) == "Merged"
    states = history(run)
    kind, said = do(operate.stop, run, "too late")
    assert kind == "COMPLETED"
    assert "ended by itself as merged" in said
    assert history(run) == states
    assert shop.merges() == 1


def test_a_run_that_was_never_opened_is_stopped_and_opens_when_it_is_retried(shop: Shop):
    run = begin(shop, Scheduled())
    kind, _ = do(operate.stop, run, "not now")
    assert (kind, state_of(run).type.value) == ("COMPLETED", "CANCELLED")
    assert shop.ending(run).status is DeliveryStatus.STOPPED
    assert Ledger().run(run) is None
    do(operate.retry, run)
    assert go_on(run) == "Merged"


def test_the_retry_of_a_failed_run_is_stopped_before_it_begins_and_the_failure_stands(shop: Shop):
    run = failed(shop)
    do(operate.retry, run)
    kind, said = do(operate.stop, run, "")
    assert "ended by itself as failed" in said, kind
    assert state_of(run).is_cancelled()
    assert Ledger().run(run).status == "failed"  # type: ignore[union-attr]


@pytest.mark.parametrize("left", ["ledger", "cancelled"])
def test_a_stop_that_was_killed_is_finished_by_the_next_one(shop: Shop, left: str):
    run = waiting(shop)
    assert Ledger().end(run, 1, "stopped") == "stopped"
    if left == "cancelled":
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(UUID(run), Cancelled(), force=True)
    kind, said = do(operate.stop, run, "again")
    assert (kind, f"run {run} is stopped" in said) == ("COMPLETED", True), said
    assert shop.ending(run).reason == "again"
    assert Ledger().waiting(run) == []


def test_a_damaged_record_keeps_nobody_from_looking_at_a_run_or_stopping_it(shop: Shop):
    run = waiting(shop)
    (shop.home / f"journal/{run}/coder-1.json").write_bytes(b"sha256:0\n{}")
    assert standing(run).damaged == [f"{run}/coder/1"]
    assert do(operate.stop, run)[0] == "COMPLETED"


@pytest.fixture(scope="module")
def pool(server: Any) -> str:
    name = f"operate-{uuid4().hex[:6]}"
    with get_client(sync_client=True) as client:
        client.create_work_pool(WorkPoolCreate(name=name, type="process"))
        client.create_deployment(
            client.create_flow(simple),
            name,
            entrypoint="flows.simple.simple",
            pull_steps=[],
            work_pool_name=name,
            tags=["delivery"],
        )
    return name


def _processes(words: str) -> list[int]:
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
        except OSError:
            continue
        found += [int(folder.name)] if words.encode() in line else []
    return found


def test_a_run_that_hangs_in_a_workers_process_is_stopped_without_a_process_left(shop: Shop, pool: str):
    mark = shop.folder / "hangs"
    agent = save(blocks.CommandAgent(command=[sys.executable, "-c", HANGS, str(mark)]), f"{shop.name}-hangs")
    shop.policy(agents={"default": f"command-agent/{shop.name}", "coder": agent})
    parameters = {"item": shop.item().model_dump(mode="json"), "policy": f"delivery-policy/{shop.name}"}
    with local_worker(shop.root, pool), get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(f"simple/{pool}").id
        run = str(client.create_flow_run_from_deployment(deployment, parameters=parameters).id)
        deadline = time.monotonic() + 90
        while not mark.exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert mark.exists(), (shop.root / "worker.log").read_text()[-3000:]
        assert _processes(f"PREFECT__FLOW_RUN_ID={run}")
        kind, said = do(operate.stop, run, "it hangs")
        assert (kind, f"run {run} is stopped" in said) == ("COMPLETED", True), said
        assert _processes(f"PREFECT__FLOW_RUN_ID={run}") == []
        assert _processes(str(mark)) == []
    assert state_of(run).is_cancelled()
    ending: Delivery = shop.ending(run)
    assert ending.reason == "it hangs"
    assert ending.base
