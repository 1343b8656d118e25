from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName

from blocks import durable
from blocks.journal import Journal
from blocks.ledger import Ledger
from contracts.delivery import DeliveryStatus
from contracts.failure import FailureKind
from contracts.journal import Restart
from contracts.pipeline import Pipeline, Step
from contracts.work import WorkItem
from flows.custom import custom
from flows.simple import PIPELINE, simple
from tests.flows.shop import BROKEN, FINE, FIXED, GOOD, Shop

IN_A_PROCESS = """
import os, sys
from pathlib import Path
from contracts.work import WorkItem
from flows.simple import simple
Path(sys.argv[1]).write_text(str(os.getpid()))
def die(event, arguments):
    if event == "os.rename" and os.fspath(arguments[1]).endswith(f"/{sys.argv[4]}.json"):
        os.kill(os.getpid(), 9)
if sys.argv[4]:
    sys.addaudithook(die)
simple(WorkItem.model_validate_json(sys.argv[2]), policy=sys.argv[3])
"""
PLAYS: dict[str, dict[str, Any]] = {"coder": {"files": {"shop.py": FIXED}}, "reviewer": GOOD, "merger": FINE}


def killed(shop: Shop, before: str = "") -> tuple[WorkItem, str]:
    """Start a run in a process of its own, which dies when it records `before`; return its item and id."""
    item = shop.item(title=f"Killed in {shop.name}")
    command = [sys.executable, "-c", IN_A_PROCESS, str(shop.folder / "victim"), item.model_dump_json()]
    command += [f"delivery-policy/{shop.name}", before]
    died = subprocess.run(command, capture_output=True, check=False, timeout=120)
    assert died.returncode == -signal.SIGKILL, died.stderr[-2000:]
    with get_client(sync_client=True) as client:
        named = FlowRunFilter(name=FlowRunFilterName(any_=[item.title]))
        return item, str(client.read_flow_runs(flow_run_filter=named)[0].id)


def counts(shop: Shop) -> dict[str, int]:
    return {one: shop.turns().count(one) for one in PLAYS}


def test_a_retry_executes_nothing_that_is_recorded(shop: Shop):
    shop.play(merger=[{"text": "no idea"}])
    failed = shop.run(simple)
    assert failed.failure is not None
    assert failed.failure.step == "merger"
    before = shop.turns()
    shop.play(merger=[FINE])
    assert shop.again(simple, failed.run) == "Merged"
    assert shop.turns()[len(before) :] == ["merger"]
    assert shop.merges() == 1
    assert [one.visit for one in shop.ending(failed.run, 2).timeline if one.step == "tester"] == [1]


def test_a_finished_run_that_is_taken_up_again_executes_nothing(shop: Shop):
    merged = shop.run(simple)
    turns = shop.turns()
    assert shop.again(simple, merged.run) == "Merged"
    assert shop.turns() == turns
    assert shop.merges() == 1


@pytest.mark.parametrize("kind", ["coder", "reviewer", "merger"])
def test_a_killed_process_repeats_only_the_turn_that_it_died_in(shop: Shop, kind: str):
    shop.play(**{kind: [{**PLAYS[kind], "kill": True}]})
    item, run = killed(shop)
    assert shop.again(simple, run, item=item) == "Merged"
    assert counts(shop) == {**dict.fromkeys(PLAYS, 1), kind: 2}
    assert shop.merges() == 1
    assert shop.file("shop.py") == FIXED.rstrip("\n")


@pytest.mark.parametrize("kind", PLAYS)
def test_an_answered_turn_is_not_paid_again_when_its_process_dies_before_the_step_is_recorded(shop: Shop, kind: str):
    shop.play(**{kind: [{**PLAYS[kind], "reply": {"usage": {"cost": 0.5}}}]})
    item, run = killed(shop, before=f"{kind}-1")
    assert shop.again(simple, run, item=item) == "Merged"
    assert counts(shop) == dict.fromkeys(PLAYS, 1)
    assert Ledger().spend(run=run) == {"USD": 0.5}
    assert shop.file("shop.py") == FIXED.rstrip("\n")


def test_all_is_on_the_disk_but_the_prose_that_its_step_says_again_at_once(shop: Shop, monkeypatch: pytest.MonkeyPatch):
    lasts: dict[str, bool] = {}

    def write(path: str, content: bytes, *, lasting: bool = True) -> None:
        lasts[Path(path).stem] = lasting
        original(path, content, lasting=lasting)

    original = durable.write
    monkeypatch.setattr(durable, "write", write)
    shop.play(analysis=[{"text": "The test is right."}])
    steps = [Step(kind="analysis", id="analysis"), *PIPELINE.steps]
    assert shop.run(custom, pipeline=Pipeline(name="said", steps=steps)).status is DeliveryStatus.MERGED
    assert {name for name, lasting in lasts.items() if not lasting} == {"analysis.turn-1"}
    assert {"analysis-1", "coder-1", "coder.turn-1", "reviewer.turn-1", "merger.turn-1", "ending-1"} < set(lasts)


def test_an_answered_turn_whose_work_was_lost_is_taken_again(shop: Shop):
    item, run = killed(shop, before="coder-1")
    shutil.rmtree(shop.home / "runs" / run)
    assert shop.again(simple, run, item=item) == "Merged"
    assert counts(shop) == {**dict.fromkeys(PLAYS, 1), "coder": 2}
    assert shop.file("shop.py") == FIXED.rstrip("\n")


def test_a_retry_after_a_red_suite_starts_at_the_tester_with_a_fresh_budget(shop: Shop):
    wrong = [{"files": {"shop.py": BROKEN + f"# try {n}\n"}} for n in range(3)]
    shop.play(coder=[{"files": {"shop.py": BROKEN + "#\n"}}], fixer=wrong)
    red = shop.run(simple)
    assert red.failure is not None
    assert red.failure.kind is FailureKind.TESTS_RED
    shop.play(fixer=[{"files": {"shop.py": FIXED}}])
    assert shop.again(simple, red.run) == "Merged"
    turns = shop.turns()
    assert (turns.count("coder"), turns.count("reviewer"), turns.count("fixer")) == (1, 1, 4)
    tested = [one.visit for one in shop.ending(red.run, 2).timeline if one.step == "tester"]
    assert tested == [5, 6]


def test_a_restart_keeps_what_is_before_the_step_and_the_whole_configuration(shop: Shop):
    shop.policy(reworks=1)
    shop.play(coder=[{"files": {"shop.py": FIXED}}, {"files": {"shop.py": FIXED + "# again\n"}}])
    steps = [Step(kind="coder"), Step(kind="reviewer", threshold=0.97), Step(kind="tester")]
    first = shop.run(custom, pipeline=Pipeline(name="strict", steps=steps))
    assert first.status is DeliveryStatus.AWAITING_PERSON, first.reason
    assert shop.turns() == ["coder", "reviewer", "coder", "reviewer"]
    shop.play(reviewer=[{"structured": {"rating": 0.96, "summary": "nearly", "comments": []}}])
    other = Pipeline(name="other", steps=[Step(kind="researcher")])
    again = shop.run(custom, pipeline=other, restart_from=Restart(run=first.run, step="reviewer"))
    assert again.status is DeliveryStatus.AWAITING_PERSON
    assert again.pipeline == "strict"
    assert "0.96" in again.reason
    assert shop.turns()[4] == "reviewer"
    assert again.branch == first.branch


def test_a_restart_from_the_tester_repeats_no_turn_before_it(shop: Shop):
    shop.policy(merge={"auto_merge": False})
    first = shop.run(simple)
    turns = shop.turns()
    shop.policy()
    again = shop.run(simple, restart_from=Restart(run=first.run, step="tester"))
    assert again.status is DeliveryStatus.MERGED, again.reason
    assert shop.turns()[len(turns) :] == ["merger"]
    assert again.head == first.head
    assert shop.merges() == 1


@pytest.mark.parametrize("damage", [b"", b"sha256:0\n{}", None], ids=["empty", "forged", "cut"])
def test_a_damaged_record_stops_the_run_and_is_never_run_again(shop: Shop, damage: bytes | None):
    shop.play(merger=[{"text": "no idea"}])
    failed = shop.run(simple)
    record = shop.home / f"journal/{failed.run}/coder-1.json"
    whole = record.read_bytes()
    record.write_bytes(whole[: len(whole) // 2] if damage is None else damage)
    turns = shop.turns()
    assert shop.again(simple, failed.run) == "Failed"
    ending = shop.ending(failed.run, 2)
    assert ending.failure is not None
    assert ending.failure.kind is FailureKind.JOURNAL
    assert "coder/1" in ending.reason
    assert shop.turns() == turns
    shop.play(merger=[FINE])
    record.write_bytes(whole)
    assert shop.again(simple, failed.run) == "Merged"
    assert shop.turns()[len(turns) :] == ["merger"]


def test_a_record_that_could_not_be_written_stops_the_run_and_a_retry_goes_on_behind_its_turn(shop: Shop):
    shop.play(reviewer=[{**GOOD, "blocks_record": ""}])
    delivery = shop.run(simple)
    assert delivery.failure is not None
    assert "did not keep" in delivery.reason
    assert shop.merges() == 0
    (shop.home / "journal" / delivery.run / "reviewer-1.json").rmdir()
    assert shop.again(simple, delivery.run) == "Merged"
    assert counts(shop) == dict.fromkeys(PLAYS, 1)


def test_every_outcome_is_a_readable_record_under_its_key(shop: Shop):
    merged = shop.run(simple)
    journal = Journal(folder=shop.home / "journal")
    for outcome in merged.timeline:
        record = json.loads(journal.read_path(f"{merged.run}/{outcome.step}/{outcome.visit}"))
        assert json.loads(record["result"])["data"]["step"] == outcome.step


def test_a_restart_whose_commits_are_nowhere_is_refused_and_gives_its_claim_back(shop: Shop):
    dry = shop.run(simple, dry_run=True)
    lost = shop.run(simple, restart_from=Restart(run=dry.run, step="tester"))
    assert lost.failure is not None
    assert lost.failure.kind is FailureKind.PREFLIGHT
    assert "neither in the workspace nor in the forge" in lost.reason
    assert [claim for claim in Ledger().live(shop.name) if claim.run == lost.run] == []


def test_a_restart_of_a_merged_run_never_takes_the_old_merge_for_its_own(shop: Shop):
    first = shop.run(simple)
    assert first.status is DeliveryStatus.MERGED
    shop.play(coder=[{"files": {"shop.py": FIXED, "again.py": "AGAIN = 1\n"}}])
    again = shop.run(simple, restart_from=Restart(run=first.run, step="coder"))
    assert not shop.git.is_ancestor(again.head, "main")
    assert again.status is DeliveryStatus.AWAITING_MERGE
    assert "merged without" in again.reason
