"""Whole runs on GitHub: from an issue to its merge, past a person's change request."""

from __future__ import annotations

import subprocess
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from bench.github_server import Fault
from bench.github_server.people import NAME, GitHub, github
from contracts.delivery import Delivery, DeliveryStatus
from contracts.merger import HoldRule
from contracts.work import Repository, WorkItem
from deployments.bootstrap import save
from flows.simple import simple
from tests.flows.shop import FILES, FIXED, Shop

NOTED = FIXED + "# rounded by the till\n"


@pytest.fixture
def hub(tmp_path: Path) -> Generator[GitHub]:
    with github(tmp_path / "github", FILES) as made:
        yield made


def deliver(
    shop: Shop, hub: GitHub, settle: float = 30, title: str = "Total is off by one", **settings: Any
) -> Delivery:
    """Deliver an issue that somebody wrote on GitHub."""
    issue = hub.say("POST", "/issues", title=title, body="See shop.py, @everybody")
    save(hub.forge(**settings), shop.name)
    shop.play(ci_fixer=[{"files": {"shop.py": NOTED}}])
    shop.policy(settle_seconds=settle)
    item = WorkItem(
        repository=Repository(forge=f"github-forge/{shop.name}", name=NAME),
        title=issue["title"],
        description=issue["body"],
        key=f"issue-{issue['number']}",
        links=[issue["html_url"]],
    )
    return shop.run(simple, item=item)


def on_opened(hub: GitHub, payload: dict[str, Any]) -> None:
    assert payload["pull_request"]["draft"]
    hub.say(
        "POST",
        f"/pulls/{payload['number']}/reviews",
        event="REQUEST_CHANGES",
        body="Say why, please.",
        comments=[{"path": "shop.py", "line": 2, "body": "who rounds this?"}],
    )


def test_an_issue_becomes_a_merge_that_closes_it(shop: Shop, hub: GitHub):
    hub.repository.protection["main"] = ["build"]
    hub.reactions["pull_request.opened"] = lambda hub, payload: hub.green(payload["pull_request"]["head"]["sha"])
    delivery = deliver(shop, hub, labels=["delivery"])
    assert delivery.status is DeliveryStatus.MERGED, delivery
    assert hub.repository.git.run("show", "main:shop.py") == FIXED.rstrip("\n")
    assert {one.title: one.state for one in hub.repository.issues.values()} == {"Total is off by one": "closed"}
    pull = hub.repository.issues[2]
    assert (pull.labels, (pull.body or "").splitlines()[-1]) == (["delivery"], "Closes #1")
    (report,) = hub.repository.comments.values()
    assert report["user"] == "robot"
    assert "Merged: Total is off by one" in report["body"]
    assert hub.repository.git.run("for-each-ref", "--format=%(refname)") == "refs/heads/main"
    assert hub.seen.index("pull_request.opened") < hub.seen.index("pull_request.ready_for_review")
    assert hub.seen.index("pull_request.ready_for_review") < hub.seen.index("pull_request.closed")
    # In a process of its own: one that reads a SQLite file by itself gives its locks on it away.
    search = ["grep", "-rlaF", hub.token, shop.home, shop.root]
    found = subprocess.run(search, check=False, capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (1, "")


@pytest.mark.parametrize("approves", [True, False])
def test_a_persons_change_request_is_acted_on_and_never_merged_over(shop: Shop, hub: GitHub, approves: bool):
    """The required check is green from the start: nothing but the review sends the change back."""

    def on_synchronize(hub: GitHub, payload: dict[str, Any]) -> None:
        if approves:
            hub.say("POST", f"/pulls/{payload['number']}/reviews", event="APPROVE", body="Thanks.")
        hub.green(payload["after"])

    hub.repository.protection["main"] = ["build"]
    hub.reactions |= {"pull_request.opened": on_opened, "pull_request.synchronize": on_synchronize}
    delivery = deliver(shop, hub)
    (asked,) = shop.asked("ci-fixer")
    assert "review by ada (changes_requested)" in asked["revision"]["feedback"]
    assert "shop.py:2: who rounds this?" in asked["revision"]["feedback"]
    if approves:
        assert delivery.status is DeliveryStatus.MERGED, delivery
        assert hub.repository.git.run("show", "main:shop.py") == NOTED.rstrip("\n")
    else:
        assert delivery.status is DeliveryStatus.AWAITING_MERGE, delivery
        assert "ada requested changes" in delivery.reason
        assert hub.repository.pulls[2].merged_at is None


@pytest.mark.parametrize("method", ["squash", "rebase"])
def test_a_merge_that_makes_a_new_commit_is_a_merge_too(shop: Shop, hub: GitHub, method: str):
    hub.repository.methods = {method}
    hub.reactions["pull_request.opened"] = lambda hub, payload: hub.green(payload["pull_request"]["head"]["sha"])
    delivery = deliver(shop, hub, title="Round it, closes #7 [skip ci]", merge_method=method)
    assert delivery.status is DeliveryStatus.MERGED, delivery
    written = hub.repository.git.run("log", "--format=%B", delivery.head)
    assert written.startswith("Round it, c\u200bloses #7 [\u200bskip ci] (coder)\n")
    assert hub.repository.git.run("show", "main:shop.py") == FIXED.rstrip("\n")


def test_a_base_that_somebody_changes_meanwhile_is_not_merged_into(shop: Shop, hub: GitHub):
    def redirect(hub: GitHub, payload: dict[str, Any]) -> None:
        hub.say("PATCH", f"/pulls/{payload['number']}", base="release")

    hub.repository.git.run("update-ref", "refs/heads/release", "main")
    hub.reactions["pull_request.opened"] = redirect
    delivery = deliver(shop, hub, settle=1)
    assert delivery.status is DeliveryStatus.AWAITING_MERGE, delivery
    assert "goes to 'release' and not to 'main'" in delivery.reason
    assert hub.repository.git.commit_of("release") == hub.repository.git.commit_of("main")


@pytest.mark.parametrize("method", ["merge", "squash"])
def test_a_merge_beside_somebody_elses_is_a_merge_too(shop: Shop, hub: GitHub, method: str):
    """Their change lands between the run's last look and its merge, as it does in a merge queue."""
    git = hub.repository.git

    def land() -> None:
        blob = git.run("hash-object", "-w", "--stdin", stdin="theirs")
        tree = git.run("mktree", stdin=f"{git.run('ls-tree', 'main')}\n100644 blob {blob}\tzzz.txt\n")
        git.run("update-ref", "refs/heads/main", git.run("commit-tree", tree, "-p", "main", stdin="theirs"))

    hub.repository.methods = {method}
    hub.server.faults.add(Fault(0, "PUT .*/merge", meanwhile=land))
    delivery = deliver(shop, hub, settle=1, merge_method=method)
    assert delivery.status is DeliveryStatus.MERGED, delivery
    assert (git.run("show", "main:shop.py"), git.run("show", "main:zzz.txt")) == (FIXED.rstrip("\n"), "theirs")


def test_a_comment_that_github_does_not_take_makes_no_merge_undone(shop: Shop, hub: GitHub):
    hub.server.faults.add(Fault(403, "POST .*/comments", message="Unable to create comment because issue is locked"))
    delivery = deliver(shop, hub, settle=1)
    assert delivery.status is DeliveryStatus.MERGED, delivery
    assert not hub.repository.comments


def test_a_repository_that_does_not_allow_the_method_is_refused_before_anything_is_paid(shop: Shop, hub: GitHub):
    hub.repository.methods = {"squash"}
    delivery = deliver(shop, hub)
    assert delivery.status is DeliveryStatus.FAILED
    assert "allowed: squash" in delivery.reason
    assert shop.turns() == []


def test_what_the_forge_will_not_merge_is_left_to_a_person(shop: Shop, hub: GitHub):
    hub.repository.rules["main"] = [
        {
            "type": "pull_request",
            "parameters": {
                "dismiss_stale_reviews_on_push": False,
                "require_code_owner_review": False,
                "require_last_push_approval": False,
                "required_approving_review_count": 1,
                "required_review_thread_resolution": False,
            },
        }
    ]
    hub.reactions["pull_request.opened"] = lambda hub, payload: hub.green(payload["pull_request"]["head"]["sha"])
    delivery = deliver(shop, hub)
    assert delivery.status is DeliveryStatus.AWAITING_MERGE, (delivery, HoldRule.LEFT_BY_FORGE)
    assert "approving review" in delivery.reason
