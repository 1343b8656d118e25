"""Runs are retried, restarted and named, on a real server."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from prefect.client.orchestration import get_client
from prefect.states import Crashed, Scheduled

from contracts.errors import Refused
from contracts.journal import short
from flows import operate
from flows.simple import simple
from tasks._finding import find_run
from tests.flows.lost import begin, go_on, history, move, read
from tests.flows.operating import do, failed, waiting
from tests.flows.shop import FINE, Shop


def test_a_failed_run_is_retried_once_however_often_it_is_asked_for(shop: Shop):
    run = failed(shop)
    shop.play(merger=[FINE])
    assert do(operate.retry, run)[0] == "COMPLETED"
    kind, said = do(operate.retry, run)
    assert kind == "FAILED"
    assert "only failed, crashed and stopped runs are retried" in said
    assert history(run).count("AwaitingRetry") == 1
    assert go_on(run) == "Merged"


def test_a_crashed_run_is_retried(shop: Shop):
    run = begin(shop)
    move(run, Crashed())
    assert do(operate.retry, run)[0] == "COMPLETED"
    assert go_on(run) == "Merged"


def test_a_merged_run_is_not_retried_and_the_refusal_says_what_to_do(shop: Shop):
    run = begin(shop, Scheduled())
    go_on(run)
    kind, said = do(operate.retry, run)
    assert kind == "FAILED"
    assert "ended as 'merged'" in said
    assert f"delivery restart {short(run)} --from STEP" in said


def test_a_waiting_run_is_neither_retried_nor_restarted(shop: Shop):
    run = waiting(shop)
    for flow in (operate.retry, operate.restart):
        kind, said = do(flow, run)
        assert kind == "FAILED"
        assert "waiting for a person at 'merger'" in said
        assert f"delivery stop {short(run)}" in said


def test_a_restart_is_a_new_run_with_the_parameters_of_the_old_one(shop: Shop):
    run = failed(shop)
    turns = shop.turns()
    shop.play(merger=[FINE])
    kind, said = do(operate.restart, run, "tester")
    assert kind == "COMPLETED", said
    new = said.split()[1]
    parameters = read(new).parameters
    assert parameters["restart_from"] == {"run": run, "step": "tester"}
    assert {**read(run).parameters, **parameters} == parameters
    assert go_on(new) == "Merged"
    assert shop.turns()[len(turns) :] == ["merger"]


def test_a_restart_without_a_step_begins_where_the_run_failed(shop: Shop):
    run = failed(shop)
    kind, said = do(operate.restart, run)
    assert (kind, "begins at merger" in said) == ("COMPLETED", True), said
    do(operate.stop, said.split()[1], "")


@pytest.mark.parametrize(
    ("step", "words"), [("codder", "has no step 'codder'; name one of coder"), ("", "has no step ''")]
)
def test_a_restart_that_cannot_work_is_refused_before_anything_is_created(shop: Shop, step: str, words: str):
    run = begin(shop, Scheduled())
    assert go_on(run) == "Merged"
    before = _runs_of(shop)
    kind, said = do(operate.restart, run, step)
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
        kind, said = do(flow, run)
        assert kind == "FAILED"
        assert "without a deployment" in said
        assert 'simple/on-demand --params \'{"item": ' in said
        assert run in said.partition("restart_from")[2]


def test_a_run_is_found_by_its_id_the_beginning_of_it_and_its_name(shop: Shop):
    shop.play(merger=[{"text": "no idea"}])
    name = f"A name of its own {uuid4().hex[:6]}"
    run = shop.run(simple, item=shop.item(title=name)).run
    assert [find_run(words) for words in (run, run.upper(), short(run), run[:20], name, f" {name} ")] == [run] * 6


def test_a_name_of_two_runs_is_refused_with_both(shop: Shop):
    shop.play(merger=[{"text": "no idea"}])
    name = f"Twice {uuid4().hex[:6]}"
    both = [shop.run(simple, item=shop.item(title=name)).run for _ in range(2)]
    with pytest.raises(Refused) as refused:
        find_run(name)
    assert all(run in refused.value.message for run in both)


@pytest.mark.parametrize("words", ["", "abc", "no such run", "00000000", "%", str(UUID(int=1))])
def test_what_names_no_run_is_refused_with_the_way_to_the_list(shop: Shop, words: str):
    kind, said = do(operate.stop, words)
    assert kind == "FAILED"
    assert "`delivery runs --all`" in said
