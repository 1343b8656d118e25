"""Merges on GitHub: the expected head only, never over an objection, and looked at afterwards."""

from __future__ import annotations

import json
import threading
from typing import Any

import pytest

from bench.github_server import Fault
from contracts.errors import Refused, Unavailable
from contracts.failure import FailureKind
from tests.integration.github.place import BRANCH, NAME, Place

QUEUE: dict[str, Any] = {
    "type": "merge_queue",
    "parameters": {
        "check_response_timeout_minutes": 10,
        "grouping_strategy": "ALLGREEN",
        "max_entries_to_build": 1,
        "max_entries_to_merge": 1,
        "merge_method": "MERGE",
        "min_entries_to_merge": 1,
        "min_entries_to_merge_wait_minutes": 0,
    },
}
APPROVED: dict[str, Any] = {
    "type": "pull_request",
    "parameters": {
        "dismiss_stale_reviews_on_push": False,
        "require_code_owner_review": False,
        "require_last_push_approval": False,
        "required_approving_review_count": 1,
        "required_review_thread_resolution": False,
    },
}


@pytest.fixture
def head(place: Place) -> str:
    sha = place.change({"b.txt": "1\n"})
    place.open()
    return sha


def puts(place: Place) -> int:
    return place.asked("PUT", "/merge")


def test_a_merge_is_made_verified_and_made_once(place: Place, head: str) -> None:
    merged = place.forge.merge(NAME, 1, head, "Add a thing (#1)\n\nDelivery-Run: 1\n")
    assert (merged.state, merged.merge_commit) == ("merged", place.main())
    said = place.repository.git.run("log", "-1", "--format=%P|%B", "main")
    assert said.endswith(f" {head}|Add a thing (#1)\n\nDelivery-Run: 1\n")
    assert place.repository.tip(BRANCH) == ""
    assert place.forge.merge(NAME, 1, head, "again") == merged
    assert puts(place) == 1
    assert place.forge.mergeability(NAME, 1).state == "clean"


def test_a_merge_whose_answer_was_lost_is_found(place: Place, head: str) -> None:
    place.server.faults.add(Fault(0, "PUT .*/merge", late=True))
    assert place.forge.merge(NAME, 1, head, "Add").merge_commit == place.main()
    assert puts(place) == 1


def test_a_merge_that_failed_at_github_is_no_merge(place: Place, head: str) -> None:
    place.server.faults.add(Fault(500, "PUT .*/merge"))
    with pytest.raises(Unavailable):
        place.forge.merge(NAME, 1, head, "Add")
    assert place.repository.pulls[1].merged_at is None
    assert place.forge.merge(NAME, 1, head, "Add").state == "merged"


def test_a_merge_that_github_only_claims_is_not_believed(place: Place, head: str) -> None:
    claim = json.dumps({"sha": "0" * 40, "merged": True, "message": "Pull Request successfully merged"})
    place.server.faults.add(Fault(200, "PUT .*/merge", content=claim))
    with pytest.raises(Unavailable, match="does not show the merge"):
        place.forge.merge(NAME, 1, head, "Add")
    assert place.repository.tip(BRANCH) == head


def test_a_merge_that_the_base_lost_again_is_not_believed(place: Place, head: str) -> None:
    before = place.main()
    place.forge.model_copy(update={"delete_merged": False}).merge(NAME, 1, head, "Add")
    place.repository.git.run("update-ref", "refs/heads/main", before)
    with pytest.raises(Unavailable, match="does not show the merge"):
        place.forge.merge(NAME, 1, head, "Add")


def test_a_head_that_moved_is_not_merged(place: Place, head: str) -> None:
    place.change({"c.txt": "1\n"})
    with pytest.raises(Refused, match="moved from"):
        place.forge.merge(NAME, 1, head, "Add")
    assert puts(place) == 0


def test_a_head_that_moves_in_the_last_moment_is_not_merged(place: Place, head: str) -> None:
    """The forge looked, and the push arrives before its merge: GitHub compares the expected head."""
    place.server.faults.add(Fault(0, "PUT .*/merge", meanwhile=lambda: place.change({"c.txt": "1\n"})))
    with pytest.raises(Refused, match=r"is not .* any more"):
        place.forge.merge(NAME, 1, head, "Add")
    assert place.repository.pulls[1].merged_at is None
    assert puts(place) == 1


def test_a_base_that_is_just_being_merged_into_is_tried_again(place: Place, head: str) -> None:
    text = "Base branch was modified. Review and try the merge again."
    place.server.faults.add(Fault(405, "PUT .*/merge", times=2, message=text))
    assert place.forge.merge(NAME, 1, head, "Add").state == "merged"


def test_conflicts_are_told_as_such(place: Place) -> None:
    head = place.change({"a.txt": "1\n2\nmine\n"})
    place.open()
    place.advance({"a.txt": "1\n2\nyours\n"})
    assert place.forge.mergeability(NAME, 1).state == "conflicted"
    with pytest.raises(Refused) as caught:
        place.forge.merge(NAME, 1, head, "Add")
    assert caught.value.kind is FailureKind.CONFLICT
    assert puts(place) == 0


def test_what_github_has_not_computed_is_unknown_and_no_permission(place: Place, head: str) -> None:
    place.server.world.lazy_looks = 3
    assert place.forge.mergeability(NAME, 1).state == "clean"
    place.advance({"c.txt": "1\n"})
    place.server.world.lazy_looks = 1_000
    assert place.forge.mergeability(NAME, 1).state == "unknown"


def test_a_closed_one_is_not_merged(place: Place, head: str) -> None:
    place.say("PATCH", "/pulls/1", state="closed")
    assert place.forge.mergeability(NAME, 1).state == "blocked"
    with pytest.raises(Refused, match="closed"):
        place.forge.merge(NAME, 1, head, "Add")
    with pytest.raises(Refused, match="no pull request 9"):
        place.forge.merge(NAME, 9, head, "Add")


def test_rules_of_the_base_block_and_say_why(place: Place, head: str) -> None:
    place.repository.protection["main"] = ["lint"]
    place.say("POST", f"/statuses/{head}", state="failure", context="docs")
    assert place.forge.mergeability(NAME, 1).reason == "The rules of 'main' require these checks to pass: lint."
    with pytest.raises(Refused, match="require these checks to pass: lint"):
        place.forge.merge(NAME, 1, head, "Add")
    place.say("POST", f"/statuses/{head}", state="success", context="lint")
    place.repository.rules["main"] = [APPROVED]
    assert "approving review" in place.forge.mergeability(NAME, 1).reason
    place.say("POST", "/pulls/1/reviews", event="APPROVE")
    assert place.forge.mergeability(NAME, 1).state == "clean"
    assert place.forge.merge(NAME, 1, head, "Add").state == "merged"


def test_a_rule_that_only_the_merge_itself_shows_is_a_refusal(place: Place, head: str) -> None:
    text = "Repository rule violations found"
    place.server.faults.add(Fault(405, "PUT .*/merge", message=text))
    with pytest.raises(Refused, match=text) as caught:
        place.forge.merge(NAME, 1, head, "Add")
    assert caught.value.kind is not FailureKind.CONFLICT


def test_nothing_is_merged_over_a_persons_objection(place: Place, head: str) -> None:
    """Not even where the rules of the base would allow it, and not when it was about an older head."""
    place.say("POST", "/pulls/1/reviews", event="REQUEST_CHANGES", body="No.")
    later = place.change({"c.txt": "1\n"})
    with pytest.raises(Refused, match="ada requested changes"):
        place.forge.merge(NAME, 1, later, "Add")
    assert puts(place) == 0


@pytest.mark.parametrize("method", ["squash", "rebase"])
def test_other_methods_land_the_very_tree(place: Place, head: str, method: str) -> None:
    forge = place.forge.model_copy(update={"merge_method": method})
    forge.check_repository(NAME, "main")
    merged = forge.merge(NAME, 1, head, "Add a thing (#1)\n\nbody")
    git = place.repository.git
    assert git.tree_of(merged.merge_commit) == git.tree_of("main")
    assert not git.is_ancestor(head, "main")


def test_a_branch_that_github_deletes_itself_is_no_trouble(place: Place, head: str) -> None:
    place.repository.delete_branch_on_merge = True
    assert place.forge.merge(NAME, 1, head, "Add").state == "merged"


@pytest.mark.parametrize("status", [403, 422, 500])
def test_a_branch_that_cannot_be_deleted_makes_no_merge_undone(place: Place, head: str, status: int) -> None:
    place.server.faults.add(Fault(status, "DELETE .*/git/refs", message="Repository rule violations found", times=9))
    assert place.forge.merge(NAME, 1, head, "Add").merge_commit == place.main()
    assert place.repository.tip(BRANCH) == head


def test_a_branch_is_kept_where_the_block_says_so(place: Place, head: str) -> None:
    place.forge.model_copy(update={"delete_merged": False}).merge(NAME, 1, head, "Add")
    assert place.repository.tip(BRANCH) == head


def test_a_merge_queue_merges(place: Place, head: str) -> None:
    place.repository.rules["main"] = [QUEUE]
    assert place.forge.mergeability(NAME, 1).state == "clean"
    waiting = place.forge.model_copy(update={"queue_minutes": 1.0})
    got: list[str] = []
    thread = threading.Thread(target=lambda: got.append(waiting.merge(NAME, 1, head, "Add").merge_commit))
    place.server.queued.clear()
    thread.start()
    assert place.server.queued.wait(30)
    place.server.run_queue(NAME)
    thread.join(60)
    assert got == [place.main()]
    assert puts(place) == 0


def test_what_a_queue_has_not_merged_in_time_is_told_as_queued(place: Place, head: str) -> None:
    place.repository.rules["main"] = [QUEUE]
    hasty = place.forge.model_copy(update={"queue_minutes": 0.0})
    for _ in range(2):
        with pytest.raises(Refused, match="is in the merge queue"):
            hasty.merge(NAME, 1, head, "Add")
    place.server.run_queue(NAME)
    assert hasty.merge(NAME, 1, head, "Add").state == "merged"


def test_what_a_queue_does_not_take_is_refused(place: Place, head: str) -> None:
    place.repository.rules["main"] = [QUEUE]
    place.repository.protection["main"] = ["lint"]
    with pytest.raises(Refused, match="lint"):
        place.forge.merge(NAME, 1, head, "Add")
