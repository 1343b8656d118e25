"""Runs are operated from outside, on a real server: stopped, retried, restarted and named."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import WorkPoolCreate
from prefect.exceptions import Pause
from prefect.states import Cancelled, Crashed, Scheduled

import blocks
from blocks.journal import Journal
from blocks.ledger import Ledger
from contracts.delivery import Delivery, DeliveryStatus
from contracts.errors import Refused
from contracts.failure import FailureKind
from deployments.bootstrap import save
from deployments.server import local_worker
from flows import operate
from flows.simple import simple
from tasks._finding import find_run
from tasks._standing import standing
from tests.flows.lost import begin, go_on, history, move, read, state_of
from tests.flows.shop import FINE, Shop

RISKY: dict[str, Any] = {"structured": {"complexity": 0.9, "risk": 0.1, "impact": 0.2, "rationale": "much at once"}}
HANGS = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text('hangs'); time.sleep(600)"


def _do(flow: Any, *arguments: str) -> tuple[str, str]:
    """Run one of the operations; return the type of its state and what it says."""
    state = flow(*arguments, return_state=True)
    return state.type.value, state.message


def _waiting(shop: Shop) -> str:
    """A run that waits for a person without a process."""
    shop.policy(attended=True, attentive_minutes=0)
    shop.play(merger=[RISKY])
    run = begin(shop, Scheduled())
    with pytest.raises(Pause):
        go_on(run)
    return run


def _failed(shop: Shop) -> str:
    shop.play(merger=[{"text": "no idea"}])
    run = begin(shop, Scheduled())
    assert go_on(run) == "Failed"
    return run


def test_a_waiting_run_is_stopped_its_gate_settled_and_its_work_given_back(shop: Shop):
    run = _waiting(shop)
    turns = shop.turns()
    assert [gate.step for gate in Ledger().waiting(run)] == ["merger"]
    kind, said = _do(operate.stop, run, "wrong idea")
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
    run = _waiting(shop)
    _do(operate.stop, run, "wrong idea")
    said = [line for line in (shop.home / "messages.log").read_text().splitlines() if f"{run}/waiting/" in line]
    assert len(said) == 2
    assert "the run was stopped" in said[1]


def test_a_second_stop_changes_nothing_and_says_how_the_run_ended(shop: Shop):
    run = _waiting(shop)
    _do(operate.stop, run, "wrong idea")
    records, states = Journal(folder=shop.home / "journal").keys(run), history(run)
    kind, said = _do(operate.stop, run, "once more")
    assert (kind, f"run {run} is stopped" in said) == ("COMPLETED", True)
    assert Journal(folder=shop.home / "journal").keys(run) == records
    assert history(run) == states
    assert shop.ending(run).reason == "wrong idea"


def test_a_stopped_run_that_is_retried_goes_on_where_it_was(shop: Shop):
    run = _waiting(shop)
    _do(operate.stop, run, "")
    turns = shop.turns()
    shop.policy(attended=True, merge={"auto_merge": True, "ceilings": {"complexity": 1.0}})
    kind, said = _do(operate.retry, run)
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
    kind, said = _do(operate.stop, run, "too late")
    assert kind == "COMPLETED"
    assert "ended by itself as merged" in said
    assert history(run) == states
    assert shop.merges() == 1


def test_a_run_that_was_never_opened_is_stopped_and_opens_when_it_is_retried(shop: Shop):
    run = begin(shop, Scheduled())
    kind, _ = _do(operate.stop, run, "not now")
    assert (kind, state_of(run).type.value) == ("COMPLETED", "CANCELLED")
    assert shop.ending(run).status is DeliveryStatus.STOPPED
    assert Ledger().run(run) is None
    _do(operate.retry, run)
    assert go_on(run) == "Merged"


def test_the_retry_of_a_failed_run_is_stopped_before_it_begins_and_the_failure_stands(shop: Shop):
    run = _failed(shop)
    _do(operate.retry, run)
    kind, said = _do(operate.stop, run, "")
    assert "ended by itself as failed" in said, kind
    assert state_of(run).is_cancelled()
    assert Ledger().run(run).status == "failed"  # type: ignore[union-attr]


@pytest.mark.parametrize("left", ["ledger", "cancelled"])
def test_a_stop_that_was_killed_is_finished_by_the_next_one(shop: Shop, left: str):
    run = _waiting(shop)
    assert Ledger().end(run, 1, "stopped") == "stopped"
    if left == "cancelled":
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(UUID(run), Cancelled(), force=True)
    kind, said = _do(operate.stop, run, "again")
    assert (kind, f"run {run} is stopped" in said) == ("COMPLETED", True), said
    assert shop.ending(run).reason == "again"
    assert Ledger().waiting(run) == []


def test_a_failed_run_is_retried_once_however_often_it_is_asked_for(shop: Shop):
    run = _failed(shop)
    shop.play(merger=[FINE])
    assert _do(operate.retry, run)[0] == "COMPLETED"
    kind, said = _do(operate.retry, run)
    assert kind == "FAILED"
    assert "only failed, crashed and stopped runs are retried" in said
    assert history(run).count("AwaitingRetry") == 1
    assert go_on(run) == "Merged"


def test_a_crashed_run_is_retried(shop: Shop):
    run = begin(shop)
    move(run, Crashed())
    assert _do(operate.retry, run)[0] == "COMPLETED"
    assert go_on(run) == "Merged"


def test_a_merged_run_is_not_retried_and_the_refusal_says_what_to_do(shop: Shop):
    run = begin(shop, Scheduled())
    go_on(run)
    kind, said = _do(operate.retry, run)
    assert kind == "FAILED"
    assert "ended as 'merged'" in said
    assert f"delivery restart {run[:8]} --from STEP" in said


def test_a_waiting_run_is_neither_retried_nor_restarted(shop: Shop):
    run = _waiting(shop)
    for flow in (operate.retry, operate.restart):
        kind, said = _do(flow, run)
        assert kind == "FAILED"
        assert "waiting for a person at 'merger'" in said
        assert f"delivery stop {run[:8]}" in said


def test_a_restart_is_a_new_run_with_the_parameters_of_the_old_one(shop: Shop):
    run = _failed(shop)
    turns = shop.turns()
    shop.play(merger=[FINE])
    kind, said = _do(operate.restart, run, "tester")
    assert kind == "COMPLETED", said
    new = said.split()[1]
    parameters = read(new).parameters
    assert parameters["restart_from"] == {"run": run, "step": "tester"}
    assert {**read(run).parameters, **parameters} == parameters
    assert go_on(new) == "Merged"
    assert shop.turns()[len(turns) :] == ["merger"]


def test_a_restart_without_a_step_begins_where_the_run_failed(shop: Shop):
    run = _failed(shop)
    kind, said = _do(operate.restart, run)
    assert (kind, "begins at merger" in said) == ("COMPLETED", True), said
    _do(operate.stop, said.split()[1], "")


@pytest.mark.parametrize(
    ("step", "words"), [("codder", "has no step 'codder'; name one of coder"), ("", "has no step ''")]
)
def test_a_restart_that_cannot_work_is_refused_before_anything_is_created(shop: Shop, step: str, words: str):
    run = begin(shop, Scheduled())
    assert go_on(run) == "Merged"
    before = _runs_of(shop)
    kind, said = _do(operate.restart, run, step)
    assert (kind, words in said) == ("FAILED", True), said
    assert _runs_of(shop) == before


def _runs_of(shop: Shop) -> set[str]:
    with get_client(sync_client=True) as client:
        runs = client.read_flow_runs(limit=200)
    return {str(run.id) for run in runs if shop.name in str(run.parameters.get("item"))}


def test_a_run_without_a_deployment_is_told_how_to_go_on(shop: Shop):
    shop.play(merger=[{"text": "no idea"}])
    run = shop.run(simple).run
    for flow in (operate.retry, operate.restart):
        kind, said = _do(flow, run)
        assert kind == "FAILED"
        assert "without a deployment" in said
        assert 'simple/on-demand --params \'{"item": ' in said
        assert run in said.partition("restart_from")[2]


def test_a_run_is_found_by_its_id_the_beginning_of_it_and_its_name(shop: Shop):
    shop.play(merger=[{"text": "no idea"}])
    name = f"A name of its own {uuid4().hex[:6]}"
    run = shop.run(simple, item=shop.item(title=name)).run
    assert [find_run(words) for words in (run, run.upper(), run[:8], run[:20], name, f" {name} ")] == [run] * 6


def test_a_name_of_two_runs_is_refused_with_both(shop: Shop):
    shop.play(merger=[{"text": "no idea"}])
    name = f"Twice {uuid4().hex[:6]}"
    both = [shop.run(simple, item=shop.item(title=name)).run for _ in range(2)]
    with pytest.raises(Refused) as refused:
        find_run(name)
    assert all(run in refused.value.message for run in both)


@pytest.mark.parametrize("words", ["", "abc", "no such run", "00000000", "%", str(UUID(int=1))])
def test_what_names_no_run_is_refused_with_the_way_to_the_list(shop: Shop, words: str):
    kind, said = _do(operate.stop, words)
    assert kind == "FAILED"
    assert "`delivery runs --all`" in said


def test_a_damaged_record_keeps_nobody_from_looking_at_a_run_or_stopping_it(shop: Shop):
    run = _waiting(shop)
    (shop.home / f"journal/{run}/coder-1.json").write_bytes(b"sha256:0\n{}")
    assert standing(run).damaged == [f"{run}/coder/1"]
    assert _do(operate.stop, run)[0] == "COMPLETED"


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
        kind, said = _do(operate.stop, run, "it hangs")
        assert (kind, f"run {run} is stopped" in said) == ("COMPLETED", True), said
        assert _processes(f"PREFECT__FLOW_RUN_ID={run}") == []
        assert _processes(str(mark)) == []
    assert state_of(run).is_cancelled()
    ending: Delivery = shop.ending(run)
    assert ending.reason == "it hangs"
    assert ending.base
