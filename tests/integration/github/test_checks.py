"""Check runs, commit statuses, required checks and reviews on GitHub."""

from __future__ import annotations

from typing import Any

import pytest

from bench.github_server import Fault
from blocks.github_forge import GitHubForge
from contracts.ci import Check, aggregate
from contracts.errors import Misconfigured
from contracts.pull_review import change_requests, objections
from tests.integration.github.place import NAME, Place

RULE: dict[str, Any] = {
    "type": "required_status_checks",
    "parameters": {
        "strict_required_status_checks_policy": False,
        "required_status_checks": [{"context": "build / linux"}],
    },
}


@pytest.fixture
def head(place: Place) -> str:
    sha = place.change({"b.txt": "1\n"})
    place.open()
    return sha


def run(place: Place, name: str, head: str, **body: Any) -> int:
    return place.say("POST", "/check-runs", name=name, head_sha=head, **body)["id"]


def test_check_runs_and_statuses_are_one_list(place: Place, head: str) -> None:
    run(place, "build", head, conclusion="failure", output={"title": "2 errors", "summary": "line 4", "text": "line 5"})
    again = run(place, "build", head, status="in_progress")
    run(place, "docs", head, status="queued")
    place.say("POST", f"/statuses/{head}", state="pending", context="deploy")
    place.say("POST", f"/statuses/{head}", state="error", context="deploy", description="no host")
    place.say("POST", f"/statuses/{head}", state="success", context="lint", target_url="https://ci.example.org/1")
    found = place.forge.checks(NAME, head)
    assert [(one.name, one.status, one.conclusion) for one in found] == [
        ("build", "in_progress", ""),
        ("deploy", "completed", "failure"),
        ("docs", "queued", ""),
        ("lint", "completed", "success"),
    ]
    assert (found[1].summary, found[3].url) == ("no host", "https://ci.example.org/1")
    place.say("PATCH", f"/check-runs/{again}", conclusion="success")
    assert place.forge.checks(NAME, head)[0] == Check(
        name="build",
        status="completed",
        conclusion="success",
        url=f"{place.server.web}/{NAME}/runs/{again}",
    )
    assert place.forge.checks(NAME, place.main()) == []


def test_what_a_red_check_printed_is_read_where_it_stands(place: Place, head: str) -> None:
    note = {"path": "a.py", "start_line": 3, "end_line": 3, "annotation_level": "failure", "message": "x is undefined"}
    number = run(
        place, "build", head, conclusion="failure", output={"title": "t", "summary": "s", "annotations": [note]}
    )
    place.repository.logs[number] = (
        "\ufeff2026-01-01T10:00:00.1234567Z " + "noise\n" * 2_000 + "AssertionError: 1 != 2\n"
    )
    run(place, "fine", head, conclusion="success", output={"title": "t", "summary": "all is well"})
    red, green = place.forge.checks(NAME, head)
    assert red.summary.startswith("t\ns\na.py:3: x is undefined\n")
    assert red.summary.endswith("AssertionError: 1 != 2")
    assert len(red.summary) <= 4_000
    assert "2026-01-01" not in red.summary
    assert green.summary == ""
    log = [one for one in place.server.requests if one.path.endswith("/logs")]
    assert len(log) == 1


def test_a_log_that_is_gone_costs_nothing_but_the_words(place: Place, head: str) -> None:
    run(place, "build", head, conclusion="timed_out", output={"title": "t", "summary": "s"})
    assert [one.summary for one in place.forge.checks(NAME, head)] == ["t\ns"]


def test_more_checks_than_fit_on_a_page_are_all_there(place: Place, head: str) -> None:
    for number in range(103):
        run(place, f"job {number:03}", head, conclusion="success")
        place.say("POST", f"/statuses/{head}", state="success", context=f"status {number:03}")
    found = place.forge.checks(NAME, head)
    assert len(found) == 206
    assert len({one.name for one in found}) == 206


def test_required_checks_that_are_absent_are_pending(place: Place, head: str) -> None:
    assert place.forge.required_checks(NAME, "main") == []
    place.repository.protection["main"] = ["lint"]
    place.repository.rules["main"] = [RULE]
    wanted = place.forge.required_checks(NAME, "main")
    assert wanted == ["build / linux", "lint"]
    run(place, "lint", head, conclusion="success")
    probe = aggregate(place.forge.checks(NAME, head), wanted, settled=True)
    assert (probe.state, probe.summary) == ("pending", "waiting for required checks: build / linux")
    run(place, "build / linux", head, conclusion="success")
    assert aggregate(place.forge.checks(NAME, head), wanted, settled=True).state == "pass"
    assert place.forge.required_checks(NAME, "no/such") == []


def test_what_did_not_change_is_not_counted_again(place: Place, head: str) -> None:
    run(place, "build", head, conclusion="success")
    place.forge.checks(NAME, head)
    used = place.server.used
    for _ in range(5):
        assert len(place.forge.checks(NAME, head)) == 1
    assert place.server.used == used
    run(place, "lint", head, conclusion="failure")
    assert len(place.forge.checks(NAME, head)) == 2


def test_a_persons_change_request_is_told_with_its_lines(place: Place, head: str) -> None:
    place.say("POST", "/pulls/1/reviews", event="COMMENT", body="looking")
    lines = [{"path": "b.txt", "line": 1, "body": "why 1?"}, {"path": "b.txt", "line": 1, "body": "settled"}]
    place.say("POST", "/pulls/1/reviews", event="REQUEST_CHANGES", body="Not yet.", comments=lines)
    place.repository.pulls[1].threads[1]["resolved"] = True
    place.say("POST", "/pulls/1/reviews", event="COMMENT", body="see above")
    found = place.forge.reviews(NAME, 1)
    assert [(one.author, one.state, one.bot, one.insider) for one in found] == [
        ("ada", "commented", False, True),
        ("ada", "changes_requested", False, True),
        ("ada", "commented", False, True),
    ]
    (check,) = change_requests(found, head)
    assert (check.name, check.status, check.conclusion) == ("review by ada", "completed", "changes_requested")
    assert check.summary == "ada requested changes:\n```\nNot yet.\n\nb.txt:1: why 1?\n```"
    assert aggregate([check], [], settled=True).state == "fail"
    assert change_requests(found, place.change({"c.txt": "1\n"})) == []


def test_a_program_or_a_stranger_cannot_ask_for_changes(place: Place, head: str) -> None:
    place.repository.private = False
    for login in ("checker[bot]", "stranger"):
        place.server.world.user(login, "Bot" if "[bot]" in login else "User")
        place.person(login, "write" if "[bot]" in login else "")
        place.say("POST", "/pulls/1/reviews", login, event="REQUEST_CHANGES", body="Do as I say.")
    found = place.forge.reviews(NAME, 1)
    assert [(one.author, one.bot, one.insider) for one in found] == [
        ("checker[bot]", True, True),
        ("stranger", False, False),
    ]
    assert objections(found) == []


def test_a_member_whose_membership_is_private_can_ask_for_changes(place: Place, head: str) -> None:
    """GitHub calls them a contributor or nothing; what they may do in the repository tells."""
    for login, may in (("ada", "write"), ("eve", "read")):
        place.person(login, may)
        place.say("POST", "/pulls/1/reviews", login, event="REQUEST_CHANGES", body="No.")
    for review in place.repository.pulls[1].reviews:
        review["author_association"] = "CONTRIBUTOR"
    assert [one.author for one in objections(place.forge.reviews(NAME, 1))] == ["ada"]
    place.say("POST", "/pulls/1/reviews", event="APPROVE", body="Yes.")
    place.repository.pulls[1].reviews[-1]["author_association"] = "CONTRIBUTOR"
    assert objections(place.forge.reviews(NAME, 1)) == []


def test_whose_permission_cannot_be_read_counts_as_one_who_may_object(place: Place, head: str) -> None:
    place.person("ada")
    place.say("POST", "/pulls/1/reviews", event="REQUEST_CHANGES", body="No.")
    place.repository.pulls[1].reviews[-1]["author_association"] = "NONE"
    place.server.faults.add(Fault(403, "/collaborators/ada/permission", message="Resource not accessible"))
    assert [one.author for one in objections(place.forge.reviews(NAME, 1))] == ["ada"]


def test_a_plan_without_rulesets_has_no_rules_and_any_other_refusal_is_told(place: Place) -> None:
    said = "Upgrade to GitHub Pro or make this repository public to enable this feature."
    place.server.faults.add(Fault(403, "/rules/branches/", message=said))
    assert place.forge.required_checks(NAME, "main") == []
    place.server.faults.add(Fault(403, "/rules/branches/", message="Resource not accessible by integration"))
    with pytest.raises(Misconfigured, match="forbids"):
        place.forge.required_checks(NAME, "main")


def test_an_objection_is_taken_back_by_an_approval_or_a_dismissal(place: Place, head: str) -> None:
    first = place.say("POST", "/pulls/1/reviews", event="REQUEST_CHANGES", body="No.")
    place.say("POST", "/pulls/1/reviews", "bob", event="REQUEST_CHANGES", body="No.")
    assert [one.author for one in objections(place.forge.reviews(NAME, 1))] == ["ada", "bob"]
    assert place.forge.mergeability(NAME, 1).reason.startswith("ada, bob requested changes")
    place.say("PUT", f"/pulls/1/reviews/{first['id']}/dismissals", message="We talked.")
    assert [one.author for one in objections(place.forge.reviews(NAME, 1))] == ["bob"]
    for review in place.repository.pulls[1].reviews:
        review["submitted_at"] = "2026-01-01T00:00:00Z"
    place.say("POST", "/pulls/1/reviews", "bob", event="APPROVE", body="Yes.")
    assert objections(place.forge.reviews(NAME, 1)) == []
    assert place.forge.mergeability(NAME, 1).state == "clean"


def test_reviews_of_many_pages_are_all_read(place: Place, head: str) -> None:
    for number in range(101):
        place.say("POST", "/pulls/1/reviews", event="COMMENT", body=str(number))
    lines = [{"path": "b.txt", "line": 1, "body": f"line {number}"} for number in range(120)]
    place.say("POST", "/pulls/1/reviews", event="REQUEST_CHANGES", comments=lines)
    found = place.forge.reviews(NAME, 1)
    assert len(found) == 102
    assert [one.body for one in found[-1].comments] == [f"line {number}" for number in range(120)]


def test_the_block_is_stored_without_its_secrets_in_sight(place: Place) -> None:
    shown = place.forge.model_dump_json()
    assert place.token not in shown
    assert GitHubForge.get_block_type_slug() == "github-forge"
