from __future__ import annotations

import json

import pytest

from blocks.workspace import Workspace
from contracts.delivery import DeliveryStatus
from contracts.failure import FailureKind
from contracts.merger import HoldRule
from flows.bugfix import bugfix
from flows.simple import simple
from tests.flows.shop import BROKEN, FIXED, GOOD, TESTS, Shop

POOR = {
    "structured": {"rating": 0.4, "summary": "wrong", "comments": [{"severity": "major", "body": "still off by one"}]}
}


def test_a_rejected_review_and_a_red_suite_end_in_one_verified_merge(shop: Shop):
    shop.play(
        coder=[{"files": {"shop.py": BROKEN + "\n"}}, {"files": {"shop.py": BROKEN + "# why\n"}}],
        reviewer=[POOR, GOOD],
        fixer=[{"files": {"shop.py": FIXED}}],
    )
    delivery = shop.run(bugfix)
    assert delivery.status is DeliveryStatus.MERGED, delivery
    steps = [f"{one.step} {one.visit}" for one in delivery.timeline]
    assert steps == [
        *("workspace 1", "bug-investigator 1", "clarity-review 1", "coder 1", "reviewer 1", "coder 2", "reviewer 2"),
        *("tester 1", "tester.fixer 1", "tester 2", "conflicts 1", "ci 1", "merger 1", "merger.merge 1"),
    ]
    assert shop.file("shop.py") == FIXED.rstrip("\n")
    assert shop.merges() == 1
    assert shop.git.tree_of("main") == shop.git.tree_of(delivery.head)
    assert delivery.pull_request.endswith("1.md")


def test_the_rework_carries_the_graded_comments_and_the_grader_sees_its_earlier_verdict(shop: Shop):
    shop.play(coder=[{"files": {"shop.py": BROKEN + "\n"}}, {"files": {"shop.py": FIXED}}], reviewer=[POOR, GOOD])
    shop.run(simple)
    asked = [json.loads(line) for line in (shop.folder / "asked.jsonl").read_text().splitlines()]
    second_coder = [turn for turn in asked if turn["kind"] == "coder"][1]
    assert second_coder["revision"]["comments"][0]["body"] == "still off by one"
    second_reviewer = [turn for turn in asked if turn["kind"] == "reviewer"][1]
    assert second_reviewer["earlier"][0]["rating"] == 0.4
    assert "+    return sum(prices)" in second_reviewer["diff"]


def test_a_wrong_fix_is_not_merged_though_everybody_likes_it(shop: Shop):
    shop.play(
        coder=[{"files": {"shop.py": BROKEN + "# same\n"}}], fixer=[{"reply": {"no_change_needed": "it is right"}}]
    )
    delivery = shop.run(bugfix)
    assert delivery.failure is not None
    assert delivery.failure.kind is FailureKind.TESTS_RED
    assert "test_total" in delivery.reason
    assert shop.merges() == 0
    assert shop.turns().count("fixer") == 3


def test_an_edited_test_goes_to_a_person(shop: Shop):
    shop.play(coder=[{"files": {"tests/test_shop.py": TESTS.replace("== 3", "== 2"), "shop.py": BROKEN + "#\n"}}])
    delivery = shop.run(bugfix)
    assert delivery.status is DeliveryStatus.AWAITING_PERSON
    assert "tests/test_shop.py" in delivery.reason
    assert shop.merges() == 0


def test_a_claim_without_a_change_is_a_failure_not_a_success(shop: Shop):
    shop.play(coder=[{"text": "All done, everything is fixed and tested."}])
    delivery = shop.run(bugfix)
    assert delivery.failure is not None
    assert delivery.failure.kind is FailureKind.AGENT
    assert "changed no file" in delivery.reason


def test_no_change_needed_is_accepted_by_the_grader_and_ends_without_a_merge(shop: Shop):
    shop.play(coder=[{"reply": {"no_change_needed": "the report is about another shop"}}])
    delivery = shop.run(bugfix)
    assert delivery.status is DeliveryStatus.NO_CHANGE_NEEDED
    assert delivery.reason == "the report is about another shop"
    assert not shop.git.commit_of("refs/heads/" + delivery.branch)


def test_a_garbled_verdict_is_repaired_once_and_a_second_one_fails_the_run(shop: Shop):
    shop.play(reviewer=[{"text": "Looks great to me!"}])
    delivery = shop.run(bugfix)
    assert delivery.failure is not None
    assert delivery.failure.kind is FailureKind.COMPANION_UNREADABLE
    assert "Looks great" in delivery.failure.detail
    assert shop.turns().count("reviewer") == 2


def test_a_loop_that_stands_still_asks_a_person_with_its_budget_unspent(shop: Shop):
    shop.play(coder=[{"files": {"shop.py": FIXED}}, {"reply": {"no_change_needed": "I insist"}}], reviewer=[POOR])
    delivery = shop.run(simple)
    assert delivery.status is DeliveryStatus.AWAITING_PERSON
    assert "stands still" in delivery.reason
    assert shop.turns().count("reviewer") == 2


@pytest.mark.parametrize(
    ("assessment", "rule"),
    [
        ({"complexity": 0.9, "risk": 0.1, "impact": 0.1, "rationale": "large"}, HoldRule.EXCEEDED),
        ({"complexity": 0.1, "impact": 0.1, "rationale": "no risk given"}, HoldRule.EXCEEDED),
        ({"complexity": 0.1, "risk": 0.1, "impact": 0.1, "rationale": " "}, HoldRule.NO_RATIONALE),
    ],
)
def test_what_the_policy_does_not_allow_waits_for_a_person(shop: Shop, assessment: dict[str, object], rule: HoldRule):
    shop.play(merger=[{"structured": assessment}])
    delivery = shop.run(simple)
    assert delivery.status is DeliveryStatus.AWAITING_PERSON
    assert delivery.hold is not None
    assert delivery.hold.rule is rule
    assert delivery.pull_request
    assert shop.merges() == 0


def test_a_policy_without_merging_leaves_the_branch_and_the_pull_request(shop: Shop):
    shop.policy(merge={"auto_merge": False})
    delivery = shop.run(simple)
    assert delivery.status is DeliveryStatus.AWAITING_MERGE
    assert shop.git.commit_of(f"refs/heads/{delivery.branch}") == delivery.head
    assert shop.merges() == 0


def test_a_dry_run_has_no_effect_outside(shop: Shop):
    before = shop.git.run("for-each-ref")
    delivery = shop.run(simple, dry_run=True)
    assert delivery.status is DeliveryStatus.AWAITING_MERGE
    assert delivery.hold is not None
    assert delivery.hold.rule is HoldRule.DRY_RUN
    assert shop.git.run("for-each-ref") == before


def test_a_base_that_moved_is_brought_in_and_tested_again(shop: Shop):
    shop.play(reviewer=[{**GOOD, "moves_base": {"notes.txt": "meanwhile\n"}}])
    delivery = shop.run(simple)
    assert delivery.status is DeliveryStatus.MERGED
    steps = [f"{one.step} {one.visit}" for one in delivery.timeline]
    assert steps[steps.index("conflicts 1") + 1] == "tester 2"
    assert shop.file("notes.txt") == "meanwhile"
    assert shop.file("shop.py") == FIXED.rstrip("\n")


def test_a_conflict_is_resolved_by_the_helper_and_tested_again(shop: Shop):
    theirs = BROKEN.replace("- 1", "- 2")
    shop.play(
        reviewer=[{**GOOD, "moves_base": {"shop.py": theirs}}],
        conflict_resolver=[{"text": "left as it is"}, {"files": {"shop.py": FIXED}}],
    )
    delivery = shop.run(simple)
    assert delivery.status is DeliveryStatus.MERGED, delivery.reason
    helpers = [one for one in delivery.timeline if one.step == "conflicts.conflict-resolver"]
    assert [one.status for one in helpers] == ["helper failed", "done"]
    assert "markers" in helpers[0].output
    assert shop.git.tree_of("main") == shop.git.tree_of(delivery.head)


def test_the_workspace_is_rebuilt_from_the_forge_when_its_folder_is_lost(shop: Shop):
    shop.play(reviewer=[{**GOOD, "removes": str(shop.home / "runs")}])
    shop.policy(sandbox=shop.open_sandbox())
    delivery = shop.run(simple)
    assert delivery.status is DeliveryStatus.MERGED, delivery.reason
    assert shop.turns().count("coder") == 1
    assert not (Workspace(shop.home / "runs" / delivery.run).tree / ".git/hooks/pre-commit").exists()
