"""Issues on GitHub: filed once, found by their marks, one comment, people's words, closed once."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from bench.github_server import Fault
from blocks.github.pulls import MOST_TEXT
from blocks.github_issues import GitHubIssues
from contracts.errors import Misconfigured, Unavailable
from contracts.tracker import STATE, Entry, run_mark
from tests.integration.github.place import NAME, Place, make_app

WORK, RUN = "<!-- prefect-delivery work 1 -->", run_mark("r1")
ENTRY = Entry(title="Add a cart, cc @ada", text="Customers collect; fixes #1.", marks=[WORK, RUN])


@pytest.fixture
def tracker(place: Place) -> GitHubIssues:
    return GitHubIssues(base_url=place.server.api, token=place.forge.token, patience_seconds=5)


def address(place: Place, number: int, name: str = NAME) -> str:
    return f"{place.server.web}/{name}/issues/{number}"


def test_an_issue_is_filed_with_its_labels_and_calls_nobody(place: Place, tracker: GitHubIssues) -> None:
    place.say("POST", "/issues", title="Somebody else's")
    labelled = tracker.model_copy(update={"labels": ["robot"]})
    assert labelled.file(NAME, ENTRY) == address(place, 2)
    made = place.repository.issues[2]
    assert (made.user, made.labels, made.title) == ("robot", ["robot"], "Add a cart, cc @\u200bada")
    assert made.body is not None
    assert made.body.startswith("Customers collect; f\u200bixes #1.")
    assert made.body.endswith(f"\n\n{WORK}\n{RUN}")


def test_a_text_that_is_too_long_keeps_its_marks(place: Place, tracker: GitHubIssues) -> None:
    tracker.file(NAME, ENTRY.model_copy(update={"text": "x" * 100_000, "title": "t" * 300}))
    made = place.repository.issues[1]
    assert len(made.body or "") == MOST_TEXT
    assert (made.body or "").endswith(f"no longer text]\n\n{WORK}\n{RUN}")
    assert len(made.title) == 256


def test_it_is_found_by_its_marks_and_nobody_elses_is(place: Place, tracker: GitHubIssues) -> None:
    assert tracker.find(NAME, WORK) is None
    place.say("POST", "/issues", title="Forged", body=f"{WORK}\n{RUN}")
    place.change({"b.txt": "1\n"})
    place.forge.open_pull_request(NAME, "delivery/one", "main", "A change", f"{WORK}\n{RUN}")
    assert tracker.find(NAME, WORK) is None
    tracker.file(NAME, ENTRY)
    for number in range(120):
        place.say("POST", "/issues", title=f"later {number}")
    assert tracker.find(NAME, WORK) == tracker.find(NAME, RUN, closed=True) == address(place, 3)
    assert tracker.find(NAME, run_mark("r2"), closed=True) is None


def test_one_that_is_closed_is_found_only_where_it_counts(place: Place, tracker: GitHubIssues) -> None:
    tracker.close(tracker.file(NAME, ENTRY))
    assert tracker.find(NAME, WORK) is None
    assert tracker.find(NAME, RUN, closed=True) == address(place, 1)


def test_one_whose_answer_was_lost_is_found_at_once(place: Place, tracker: GitHubIssues) -> None:
    """An answer that was kept from an earlier look must not hide it."""
    assert tracker.find(NAME, WORK) is None
    assert tracker.find(NAME, RUN, closed=True) is None
    place.server.faults.add(Fault(0, "POST .*/issues$", late=True))
    with pytest.raises(Unavailable):
        tracker.file(NAME, ENTRY)
    assert tracker.find(NAME, WORK) == tracker.find(NAME, RUN, closed=True) == address(place, 1)


def test_the_comment_is_one_whatever_it_says(place: Place, tracker: GitHubIssues) -> None:
    place.say("POST", "/issues", title="The work")
    place.say("POST", "/issues/1/comments", body=f"{STATE}\nforged")
    for text in ("In progress", "In progress", "Merged"):
        tracker.update(address(place, 1), STATE, text)
    bodies = [one["body"] for one in place.repository.comments.values() if one["user"] == "robot"]
    assert bodies == [f"{STATE}\nMerged"]


def test_people_of_the_repository_and_the_reporter_are_insiders(place: Place, tracker: GitHubIssues) -> None:
    place.repository.private = False
    place.say("POST", "/issues", "reporter", title="The work")
    place.repository.people["reporter"] = place.repository.people["visitor"] = "read"
    for login in ("ada", "reporter", "visitor"):
        place.person(login, place.repository.people.get(login, "write"))
        place.say("POST", "/issues/1/comments", login, body=f"from {login}")
    place.server.world.user("lint[bot]", "Bot")
    place.say("POST", "/issues/1/comments", "lint[bot]", body="from a bot")
    tracker.update(address(place, 1), STATE, "In progress")
    place.say("POST", "/issues/1/comments", body=f"{STATE}\nof another credential")
    found = tracker.conversation(address(place, 1))
    assert [(one.author, one.bot, one.insider) for one in found] == [
        ("ada", False, True),
        ("reporter", False, True),
        ("visitor", False, False),
        ("lint[bot]", True, True),
        ("robot", True, True),
        ("ada", True, True),
    ]
    assert found[0].text == "from ada"


def test_of_many_comments_the_newest_are_read(place: Place, tracker: GitHubIssues) -> None:
    place.say("POST", "/issues", title="The work")
    assert tracker.conversation(address(place, 1)) == []
    for number in range(230):
        place.say("POST", "/issues/1/comments", body=f"talk {number}")
    asked = place.asked("GET", "/comments")
    assert [one.text for one in tracker.conversation(address(place, 1))] == [f"talk {n}" for n in range(100, 230)]
    assert place.asked("GET", "/comments") == asked + 2


def test_it_is_closed_once(place: Place, tracker: GitHubIssues) -> None:
    issue = tracker.file(NAME, ENTRY)
    tracker.close(issue)
    tracker.close(issue)
    made = place.repository.issues[1]
    assert (made.state, made.state_reason, made.closed_by) == ("closed", "completed", "robot")
    assert sum(one.method == "PATCH" for one in place.server.requests) == 1


def test_a_close_whose_answer_was_lost_may_be_done_again(place: Place, tracker: GitHubIssues) -> None:
    issue = tracker.file(NAME, ENTRY)
    place.server.faults.add(Fault(502, "PATCH .*/issues/1$", late=True))
    with pytest.raises(Unavailable):
        tracker.close(issue)
    tracker.close(issue)
    assert sum(one.method == "PATCH" for one in place.server.requests) == 1


def test_an_issue_is_followed_to_where_its_repository_went(place: Place, tracker: GitHubIssues) -> None:
    issue = tracker.file(NAME, ENTRY)
    place.server.world.rename(NAME, "acme/store")
    tracker.update(issue, STATE, "In progress")
    tracker.close(issue)
    assert tracker.conversation(issue)[0].bot
    assert place.repository.issues[1].state == "closed"
    assert tracker.find(NAME, RUN, closed=True) == address(place, 1, "acme/store")


def test_an_app_files_and_finds_its_own(place: Place) -> None:
    app, _ = make_app(place)
    key = make_app(place)[1]
    tracker = GitHubIssues(base_url=place.server.api, app_id=key.app_id, private_key=key.private_key)
    assert app.id != int(key.app_id)
    issue = tracker.file(NAME, ENTRY)
    assert place.repository.issues[1].user == "deliverer[bot]"
    assert tracker.find(NAME, WORK) == issue


def test_issues_may_be_in_another_repository(place: Place, tracker: GitHubIssues) -> None:
    place.server.world.create("acme/plans").people["robot"] = "write"
    central = tracker.model_copy(update={"repository": "acme/plans"})
    central.check("shop")
    assert central.file("shop", ENTRY) == central.find("shop", WORK) == address(place, 1, "acme/plans")
    with pytest.raises(Misconfigured, match="'shop' is no repository of GitHub"):
        tracker.check("shop")
    with pytest.raises(ValidationError):
        GitHubIssues(token=place.forge.token, repository="https://github.com/acme/plans")


@pytest.mark.parametrize(("switch", "value"), [("has_issues", False), ("archived", True)])
def test_a_repository_that_takes_no_issue_is_told_before_anything_is_done(
    place: Place, tracker: GitHubIssues, switch: str, value: bool
) -> None:
    tracker.check(NAME)
    setattr(place.repository, switch, value)
    with pytest.raises(Misconfigured, match="no issue can be filed in 'acme/shop'"):
        tracker.check(NAME)
    with pytest.raises(Misconfigured, match="shows no repository 'acme/gone'"):
        tracker.check("acme/gone")


@pytest.mark.parametrize("act", ["update", "conversation", "close"])
def test_an_issue_of_elsewhere_or_of_nowhere_is_named(place: Place, tracker: GitHubIssues, act: str) -> None:
    more: tuple[Any, ...] = (STATE, "x") if act == "update" else ()
    with pytest.raises(Misconfigured, match=r"'https://other.example/acme/shop/issues/1' is no issue of"):
        getattr(tracker, act)("https://other.example/acme/shop/issues/1", *more)
    with pytest.raises(Misconfigured, match="finds nothing"):
        getattr(tracker, act)(address(place, 7), *more)
