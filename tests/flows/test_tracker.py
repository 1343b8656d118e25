"""Issues of work items, from a real run to a loopback GitHub: filed once, heard, told, closed."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName
from pydantic import SecretStr

from bench.github_server import Fault, GitHubServer, Repository
from blocks.git import Git
from blocks.github_forge import GitHubForge
from blocks.github_issues import GitHubIssues
from contracts.delivery import DeliveryStatus
from contracts.pipeline import Pipeline, Step
from contracts.tracker import STATE
from contracts.work import Repository as Place
from contracts.work import WorkItem
from deployments.bootstrap import save
from flows.custom import custom
from tasks._replay import RETRY_SECONDS
from tests.flows.shop import FILES, FINE, FIXED, Shop

KINDS = ("tracker", "coder", "reviewer", "tester", "conflicts", "ci", "merger")
PIPELINE = Pipeline(name="tracked", steps=[Step(kind=kind) for kind in KINDS])
IN_A_PROCESS = """
import os, sys
from sqlalchemy import Engine, event
from contracts.pipeline import Pipeline
from contracts.work import WorkItem
from flows.custom import custom
def die(connection, cursor, statement, parameters, *_):
    if statement.startswith("UPDATE effects") and any(str(one).endswith(sys.argv[4]) for one in parameters):
        os.kill(os.getpid(), 9)
event.listen(Engine, "before_cursor_execute", die)
pipeline = Pipeline.model_validate_json(sys.argv[3])
custom(WorkItem.model_validate_json(sys.argv[1]), pipeline=pipeline, policy=sys.argv[2])
"""


@dataclass
class Room:
    """A shop whose issues are on a GitHub on this machine, in `acme/plans`."""

    shop: Shop
    server: GitHubServer
    plans: Repository
    token: SecretStr

    def say(self, path: str, login: str, repository: str = "acme/plans", **body: Any) -> None:
        with self.server.person(login, repository) as person:
            assert person.post(path, json=body).is_success

    def told(self, number: int = 1) -> list[str]:
        """What this installation's comments on an issue say."""
        texts = [self.plans.comments[one]["body"] for one in self.plans.issues[number].comments]
        return [text for text in texts if text.startswith(STATE)]

    def asked(self, method: str, path: str) -> int:
        return sum((one.method, one.path) == (method, path) for one in self.server.requests)

    def heard(self, kind: str) -> list[tuple[str, str]]:
        """What the last turn of a kind was told of people's words."""
        said = self.shop.asked(kind)[-1]["item"]["conversation"]
        return [(one["author"], one["text"]) for one in said]


@pytest.fixture
def room(shop: Shop, tmp_path: Path) -> Generator[Room]:
    with GitHubServer(tmp_path / "github") as server:
        plans = server.world.create("acme/plans")
        plans.people["robot"] = "write"
        token = SecretStr(server.world.token("robot"))
        fields: dict[str, Any] = {"base_url": server.api, "token": token, "patience_seconds": 5}
        save(GitHubIssues(repository="acme/plans", **fields), shop.name)
        save(GitHubForge(**fields), shop.name)
        shop.policy(tracker=f"github-issues/{shop.name}")
        yield Room(shop, server, plans, token)
    assert server.violations == []


def killed(shop: Shop, before: str) -> tuple[WorkItem, str]:
    """Start a run in a process of its own, which dies when it confirms an effect; return its item and id."""
    item = shop.item(title=f"Killed in {shop.name}")
    command = [sys.executable, "-c", IN_A_PROCESS, item.model_dump_json(), f"delivery-policy/{shop.name}"]
    command += [PIPELINE.model_dump_json(), before]
    died = subprocess.run(command, capture_output=True, check=False, timeout=600)
    assert died.returncode == -signal.SIGKILL, died.stderr[-2000:]
    with get_client(sync_client=True) as client:
        named = FlowRunFilter(name=FlowRunFilterName(any_=[item.title]))
        return item, str(client.read_flow_runs(flow_run_filter=named)[0].id)


def test_work_without_an_issue_gets_one_that_is_closed_when_it_is_merged(room: Room):
    item = room.shop.item(description="Prices, cc @ada")
    merged = room.shop.run(custom, pipeline=PIPELINE, item=item)
    assert merged.status is DeliveryStatus.MERGED, merged.reason
    (issue,) = room.plans.issues.values()
    assert (issue.title, issue.state, issue.state_reason) == (item.title, "closed", "completed")
    assert (issue.body or "").startswith("Prices, cc @\u200bada\n\n---\nFiled by run")
    (told,) = room.told()
    assert "✅ **Merged**" in told
    assert f"- Branch: `{merged.branch}`\n- Pull request: {merged.pull_request}\n" in told
    tracked = next(one for one in merged.timeline if one.kind == "tracker")
    assert tracked.data == {"issue": f"{room.server.web}/acme/plans/issues/1", "filed": True}
    assert room.asked("POST", "/repos/acme/plans/issues") == room.asked("PATCH", "/repos/acme/plans/issues/1") == 1


@pytest.mark.parametrize("before", ["/issue", "/issue/tracker/1", "/issue/closed"])
def test_a_process_that_dies_before_it_has_noted_what_it_did_leaves_one_issue(room: Room, before: str):
    item, run = killed(room.shop, before)
    assert len(room.plans.issues) == 1
    assert room.shop.again(custom, run, item=item, pipeline=PIPELINE) == "Merged"
    assert len(room.plans.issues) == 1
    assert room.plans.issues[1].state == "closed"
    assert len(room.told()) == 1
    assert room.asked("POST", "/repos/acme/plans/issues") == room.asked("PATCH", "/repos/acme/plans/issues/1") == 1


def test_a_failed_run_leaves_it_open_and_a_retry_hears_what_people_said_there(room: Room):
    room.shop.play(merger=[{"text": "no idea"}])
    failed = room.shop.run(custom, pipeline=PIPELINE)
    assert failed.failure is not None
    assert "🔴 **Failed**, agent at merger" in room.told()[0]
    assert room.plans.issues[1].state == "open"
    room.say("/issues/1/comments", "ada", body="It is a small change.")
    room.shop.play(merger=[FINE])
    assert room.shop.again(custom, failed.run, pipeline=PIPELINE) == "Merged"
    assert room.heard("merger") == [("ada", "It is a small change.")]
    assert room.plans.issues[1].state == "closed"
    assert len(room.plans.issues) == len(room.told()) == 1


def test_work_that_came_from_an_issue_hears_its_people_and_is_closed_by_the_merge(room: Room):
    repository = room.server.world.create("acme/shop")
    repository.people["robot"] = "write"
    _seed(room, repository)
    room.say("/issues", "ada", "acme/shop", title="Total is off by one", body="Off by one.")
    room.server.world.user("lint[bot]", "Bot")
    for login, text in (("ada", "Only for empty carts? No, always."), ("lint[bot]", "2 warnings"), ("bob", "+1")):
        room.say("/issues/1/comments", login, "acme/shop", body=text)
    link = f"{room.server.web}/acme/shop/issues/1"
    place = Place(forge=f"github-forge/{room.shop.name}", name="acme/shop")
    item = room.shop.item(repository=place, description="Off by one.", key="issue-1", links=[link])
    merged = room.shop.run(custom, pipeline=PIPELINE, item=item)
    assert merged.status is DeliveryStatus.MERGED, merged.reason
    assert room.heard("coder") == [("ada", "Only for empty carts? No, always."), ("bob", "+1")]
    assert "ada, 20" in room.shop.asked("coder")[-1]["prompt"]
    assert repository.git.run("show", "main:shop.py") == FIXED.rstrip("\n")
    issue, pull = repository.issues[1], repository.issues[2]
    assert (issue.state, len(repository.issues), room.plans.issues) == ("closed", 2, {})
    assert (pull.body or "").endswith("Closes #1")
    assert room.asked("PATCH", "/repos/acme/shop/issues/1") == 0
    told = [repository.comments[one]["body"] for one in issue.comments if repository.comments[one]["user"] == "robot"]
    assert len(told) == 1
    assert f"- Pull request: {room.server.web}/acme/shop/pull/2" in told[0]


def test_a_tracker_that_is_away_at_the_end_keeps_no_run_from_ending(room: Room):
    room.server.faults.add(Fault(502, "PATCH .*/issues/1$", times=len(RETRY_SECONDS) + 1))
    merged = room.shop.run(custom, pipeline=PIPELINE)
    assert merged.status is DeliveryStatus.MERGED, merged.reason
    assert room.server.faults.take("PATCH", "/issues/1") is None
    assert room.plans.issues[1].state == "open"
    assert "✅ **Merged**" in room.told()[0]


def test_one_that_is_away_for_a_moment_is_asked_again(room: Room):
    room.server.faults.add(Fault(502, "PATCH .*/issues/1$"))
    merged = room.shop.run(custom, pipeline=PIPELINE)
    assert merged.status is DeliveryStatus.MERGED, merged.reason
    assert room.plans.issues[1].state == "closed"


def test_a_dry_run_files_nothing(room: Room):
    done = room.shop.run(custom, pipeline=Pipeline(name="look", steps=[Step(kind="tracker")]), dry_run=True)
    assert done.status is DeliveryStatus.DONE, done.reason
    assert [one.output for one in done.timeline if one.status == "skipped"] == ["a dry run files nothing"]
    assert not [one for one in room.server.requests if one.method != "GET"]


def _seed(room: Room, repository: Repository) -> None:
    tree = room.shop.folder / "github-seed"
    for path, content in FILES.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(content)
    git = Git(repository.git.directory, tree)
    git.run("add", "--all")
    git.run("update-ref", "refs/heads/main", git.run("commit-tree", git.run("write-tree"), "-m", "first"))
