"""Pull requests on GitHub: found before they are opened, drafts, labels, closing words, and the one comment."""

from __future__ import annotations

import pytest

from bench.github_server import Fault
from blocks.forge import PullRequestOptions
from blocks.github.pulls import MOST_TEXT
from contracts.errors import Misconfigured, Refused, Unavailable
from tests.integration.github.place import BRANCH, NAME, Place, make_app

MARKER = "<!-- prefect-delivery -->"


def test_a_pull_request_is_opened_once(place: Place) -> None:
    assert place.forge.find_pull_request(NAME, BRANCH) is None
    head = place.change({"b.txt": "1\n"})
    opened = place.open()
    assert place.open() == opened
    assert place.forge.find_pull_request(NAME, BRANCH) == opened
    assert (opened.number, opened.branch, opened.base, opened.head) == (1, BRANCH, "main", head)
    assert (opened.state, opened.merge_commit, opened.draft) == ("open", "", False)
    assert opened.url == f"{place.server.web}/{NAME}/pull/1"


def test_one_whose_answer_was_lost_is_found_again(place: Place) -> None:
    """The process dies, or the line does, between GitHub's work and its answer."""
    place.change({"b.txt": "1\n"})
    place.server.faults.add(Fault(0, "POST .*/pulls$", late=True))
    with pytest.raises(Unavailable):
        place.open()
    assert place.open().number == 1
    assert list(place.repository.pulls) == [1]


def test_one_that_somebody_else_opens_meanwhile_is_taken(place: Place) -> None:
    """GitHub's list does not show it yet, and its refusal says that it is there."""
    place.change({"b.txt": "1\n"})
    place.open()
    place.server.faults.add(Fault(200, "GET .*/pulls\\?", content="[]"))
    assert place.open().number == 1


def test_one_of_a_closed_branch_is_found_in_any_state(place: Place) -> None:
    place.change({"b.txt": "1\n"})
    place.open()
    place.say("PATCH", "/pulls/1", state="closed")
    found = place.forge.find_pull_request(NAME, BRANCH)
    assert found is not None
    assert (found.state, found.merge_commit) == ("closed", "")
    assert place.open().state == "closed"


def test_other_branches_pull_requests_are_not_taken_for_the_own_one(place: Place) -> None:
    place.change({"b.txt": "1\n"}, "delivery/other")
    place.open("delivery/other")
    assert place.forge.find_pull_request(NAME, BRANCH) is None


def test_a_branch_without_change_has_none(place: Place) -> None:
    place.forge.fetch(NAME, place.run)
    place.forge.push(NAME, place.run, BRANCH, place.main())
    with pytest.raises(Refused, match="nothing to merge"):
        place.open()


def test_it_is_a_draft_until_its_checks_are_green(place: Place) -> None:
    place.change({"b.txt": "1\n"})
    opened = place.open(options=PullRequestOptions(draft=True))
    assert opened.draft
    assert place.forge.mergeability(NAME, 1).state == "blocked"
    place.forge.mark_ready(NAME, 1)
    assert not place.repository.pulls[1].draft
    place.forge.mark_ready(NAME, 1)
    assert place.asked("POST", "/graphql") == 1
    assert place.forge.mergeability(NAME, 1).state == "clean"


def test_where_there_are_no_drafts_it_is_ready_at_once(place: Place) -> None:
    place.change({"b.txt": "1\n"})
    place.repository.drafts = False
    assert not place.open(options=PullRequestOptions(draft=True)).draft
    place.repository.drafts = True
    place.change({"c.txt": "1\n"}, "delivery/two")
    plain = place.forge.model_copy(update={"drafts": False})
    assert not plain.open_pull_request(NAME, "delivery/two", "main", "t", "b", PullRequestOptions(draft=True)).draft


def test_labels_are_added_also_after_a_crash(place: Place) -> None:
    place.change({"b.txt": "1\n"})
    place.open()
    labelled = place.forge.model_copy(update={"labels": ["delivery", "robot"]})
    labelled.open_pull_request(NAME, BRANCH, "main", "t", "b")
    labelled.open_pull_request(NAME, BRANCH, "main", "t", "b")
    assert place.repository.issues[1].labels == ["delivery", "robot"]
    assert place.asked("POST", "/labels") == 1


@pytest.mark.parametrize("other", [False, True])
def test_the_merge_closes_the_issue_that_the_work_is_and_no_other(place: Place, other: bool) -> None:
    for title in ("The work", "Somebody else's"):
        place.say("POST", "/issues", title=title)
    head = place.change({"b.txt": "1\n"})
    name = "acme/elsewhere" if other else NAME
    options = PullRequestOptions(closes=f"{place.server.web}/{name}/issues/1")
    title, body = "Add a thing, fixes #2", "This closes #2 for @ada, resolves: #2.\n```\n@ada fixes #2\n```"
    number = place.forge.open_pull_request(NAME, BRANCH, "main", title, body, options).number
    text = place.repository.issues[number].body or ""
    assert text.endswith("Closes acme/elsewhere#1" if other else "Closes #1")
    assert text.count("@ada") == text.count("```\n@ada") == 1
    place.forge.merge(NAME, number, head, f"{title}\n\ncloses #2")
    states = {one.title: one.state for one in place.repository.issues.values()}
    assert states["Somebody else's"] == "open"
    assert states["The work"] == ("open" if other else "closed")
    assert "fixes #2" not in place.repository.git.run("log", "-1", "--format=%B", "main")


def test_the_comment_is_one_and_is_edited_in_place(place: Place) -> None:
    place.change({"b.txt": "1\n"})
    place.open()
    place.say("POST", "/issues/1/comments", body=f"I saw {MARKER}")
    place.say("POST", "/issues/1/comments", body=f"{MARKER}\nthis is mine")
    for number in range(120):
        place.say("POST", "/issues/1/comments", body=f"talk {number}")
    place.forge.comment(NAME, 1, MARKER, "one, cc @ada")
    place.forge.comment(NAME, 1, MARKER, "two")
    place.forge.comment(NAME, 1, MARKER, "two")
    bodies = [one["body"] for one in place.repository.comments.values() if one["user"] == "robot"]
    assert bodies == [f"{MARKER}\ntwo"]
    assert place.repository.comments[place.repository.issues[1].comments[1]]["body"] == f"{MARKER}\nthis is mine"
    assert place.asked("POST", "/comments") == 123
    assert sum(one.method == "PATCH" for one in place.server.requests) == 1


def test_a_comment_whose_answer_was_lost_is_not_written_twice(place: Place) -> None:
    place.change({"b.txt": "1\n"})
    place.open()
    place.server.faults.add(Fault(502, "POST .*/comments", late=True))
    with pytest.raises(Unavailable):
        place.forge.comment(NAME, 1, MARKER, "one")
    place.forge.comment(NAME, 1, MARKER, "two")
    assert [one["body"] for one in place.repository.comments.values()] == [f"{MARKER}\ntwo"]


def test_texts_that_are_too_long_are_cut_and_say_so(place: Place) -> None:
    place.change({"b.txt": "1\n"})
    long, options = "x" * 100_000, PullRequestOptions(closes=f"{place.server.web}/{NAME}/issues/1")
    place.say("POST", "/issues", title="The work")
    number = place.forge.open_pull_request(NAME, BRANCH, "main", "t" * 300, long, options).number
    body = place.repository.issues[number].body or ""
    assert len(body) == MOST_TEXT
    assert body.endswith("[cut, because GitHub takes no longer text]\n\nCloses #1")
    assert len(place.repository.issues[number].title) == 256
    place.forge.comment(NAME, number, MARKER, long)
    assert [len(one["body"]) for one in place.repository.comments.values()] == [MOST_TEXT]


def test_a_credential_without_a_name_edits_no_persons_comment(place: Place) -> None:
    place.change({"b.txt": "1\n"})
    place.open()
    place.say("POST", "/issues/1/comments", body=f"{MARKER}\nmerged, believe me")
    place.server.faults.add(Fault(403, "GET .*/user$", message="Resource not accessible by integration"))
    place.forge.comment(NAME, 1, MARKER, "one")
    assert [one["body"] for one in place.repository.comments.values()] == [
        f"{MARKER}\nmerged, believe me",
        f"{MARKER}\none",
    ]


def test_a_credential_that_is_not_accepted_is_told_and_not_taken_for_nameless(place: Place) -> None:
    place.change({"b.txt": "1\n"})
    place.open()
    place.server.faults.add(Fault(401, "GET .*/user$", message="Bad credentials"))
    with pytest.raises(Misconfigured, match="does not accept"):
        place.forge.comment(NAME, 1, MARKER, "one")
    place.forge.comment(NAME, 1, MARKER, "one")
    place.forge.comment(NAME, 1, MARKER, "two")
    assert [one["body"] for one in place.repository.comments.values()] == [f"{MARKER}\ntwo"]


def test_an_issue_elsewhere_is_named_and_does_nothing(place: Place) -> None:
    place.change({"b.txt": "1\n"})
    address = "https://tracker.example/fixes #1 @ada/acme/shop/issues/1"
    number = place.forge.open_pull_request(NAME, BRANCH, "main", "t", "b", PullRequestOptions(closes=address)).number
    text = place.repository.issues[number].body or ""
    assert text.endswith("Closes https://tracker.example/f\u200bixes #1 @\u200bada/acme/shop/issues/1")


def test_an_app_edits_its_own_comment_only(place: Place) -> None:
    _, forge = make_app(place)
    place.change({"b.txt": "1\n"})
    place.open()
    place.forge.comment(NAME, 1, MARKER, "the bot's")
    forge.comment(NAME, 1, MARKER, "the app's")
    forge.comment(NAME, 1, MARKER, "the app's, later")
    assert [(one["user"], one["body"]) for one in place.repository.comments.values()] == [
        ("robot", f"{MARKER}\nthe bot's"),
        ("deliverer[bot]", f"{MARKER}\nthe app's, later"),
    ]
