"""Deliveries that are signed and readable, and look like what a rule wants: the shipped rules start nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from typing import Any

import pytest

from blocks.ledger.inbox import Delivery
from tests.integration.receiver import Site, labelled, signed, site_at

REPOSITORY = {"full_name": "acme/shop", "default_branch": "main"}
ISSUE: dict[str, Any] = {"number": 1, "state": "open", "title": "A change", "body": "", "html_url": "https://x.example"}


def label(name: Any) -> dict[str, Any]:
    return labelled(label=name)


def issue(**fields: Any) -> dict[str, Any]:
    return labelled(issue={**ISSUE, **fields})


def repository(name: Any = "acme/shop", branch: Any = "main") -> dict[str, Any]:
    return labelled(repository={"full_name": name, "default_branch": branch})


def comment(body: Any, association: Any = "OWNER", **fields: Any) -> dict[str, Any]:
    said: dict[str, Any] = {"id": 1, "body": body, "author_association": association, "html_url": "https://x.example/2"}
    person = {"login": "eve", "type": "User"}
    payload = {"action": "created", "comment": said, "issue": ISSUE, "repository": REPOSITORY, "sender": person}
    return {**payload, **fields}


def checks(branch: Any, default: Any, conclusion: Any = "failure") -> dict[str, Any]:
    suite = {"conclusion": conclusion, "head_branch": branch, "head_sha": "a", "head_commit": {"message": "x"}}
    place = {"full_name": "acme/shop", "default_branch": default}
    return {"action": "completed", "check_suite": suite, "repository": place, "sender": {"login": "eve"}}


def deep(depth: int) -> Any:
    inner: Any = "deliver"
    for _ in range(depth):
        inner = [inner]
    return inner


TRICKED: dict[str, tuple[str, dict[str, Any]]] = {
    "a Cyrillic letter": ("issues", label("d\u0435liver")),
    "wide letters": ("issues", label("\uff44eliver")),
    "a letter of two characters": ("issues", label("deli\u0301ver")),
    "a hidden space": ("issues", label("deliver\u200b")),
    "a hidden joiner": ("issues", label("del\u200diver")),
    "a turned direction": ("issues", label("\u202ereviled")),
    "a hidden tag": ("issues", label("deliver\U000e0020")),
    "a nul": ("issues", label("deliver\x00")),
    "half a pair": ("issues", label("deliver\ud800")),
    "a mark in front": ("issues", label("\ufeffdeliver")),
    "capitals": ("issues", label("DELIVER")),
    "a space behind": ("issues", label("deliver ")),
    "a label that is a list": ("issues", label(["deliver"])),
    "a label that is an object": ("issues", label({"deliver": True})),
    "a label that is true": ("issues", label(True)),  # noqa: FBT003 - a value
    "a list of labels": ("issues", {**labelled(), "label": [{"name": "deliver"}]}),
    "a label far down": ("issues", label(deep(400))),
    "a label at the bottom of the stack": ("issues", label(deep(900))),
    "an action that is a list": ("issues", labelled(action=["labeled"])),
    "an action with more behind": ("issues", labelled(action="labeled\nx")),
    "a state that is true": ("issues", issue(state=True)),
    "an empty pull request": ("issues", issue(pull_request={})),
    "a title of nothing that is seen": ("issues", issue(title="\u200b\u2060\x00 ")),
    "a title that is an object": ("issues", issue(title={"toString": "x"})),
    "a path for a repository": ("issues", repository("../../etc/passwd")),
    "an option for a repository": ("issues", repository("--upload-pack=x")),
    "an address for a repository": ("issues", repository("https://evil.example/x")),
    "a repository with a wide slash": ("issues", repository("acme\uff0fshop/../x")),
    "a repository that is a list": ("issues", repository(["acme/shop"])),
    "no repository": ("issues", labelled(repository=None)),
    "an option for a branch": ("issues", repository(branch="--output=/tmp/x")),
    "a branch that climbs": ("issues", repository(branch="a/../../b")),
    "a branch with a newline": ("issues", repository(branch="main\nx")),
    "no branch": ("issues", repository(branch=None)),
    "a program by its sort": ("issues", labelled(sender={"login": "eve", "type": "Bot"})),
    "a program by its name": ("issues", labelled(sender={"login": "eve[bot]", "type": "User"})),
    "ourselves in capitals": ("issues", labelled(sender={"login": "PREFECT-DELIVERY[BOT]"})),
    "a name of the prototype": ("issues", {"__proto__": labelled(), "constructor": {}, "action": "labeled"}),
    "a payload of another event": ("issues", comment("/deliver")),
    "an event in capitals": ("Issues", labelled()),
    "a comment of a stranger": ("issue_comment", comment("/deliver", "NONE")),
    "a comment with a relation in small letters": ("issue_comment", comment("/deliver", "owner")),
    "a comment with many relations": ("issue_comment", comment("/deliver", [["OWNER"], {"a": "OWNER"}])),
    "a comment without a relation": ("issue_comment", comment("/deliver", None)),
    "a relation of the issue": ("issue_comment", comment("/deliver", "NONE", author_association="OWNER")),
    "a wide slash": ("issue_comment", comment("\uff0fdeliver")),
    "a hidden character in front": ("issue_comment", comment("\u200b/deliver")),
    "a quoted comment": ("issue_comment", comment("> /deliver")),
    "a comment in code": ("issue_comment", comment("`/deliver`")),
    "a comment that was edited": ("issue_comment", comment("/deliver", action="edited")),
    "a comment without an id": ("issue_comment", comment("/deliver", comment={"body": "/deliver"})),
    "a comment that takes long to match": ("issue_comment", comment("/deliver" + 200_000 * " ", "NONE")),
    "no branch anywhere": ("check_suite", checks(None, None)),
    "a branch that looks alike": ("check_suite", checks("m\u0430in", "main")),
    "a branch that is a list": ("check_suite", checks(["main"], ["main"])),
    "a conclusion that is a list": ("check_suite", checks("main", "main", ["failure"])),
}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    with site_at(tmp_path_factory.mktemp("receiver"), drains=True) as made:
        yield made


def looked_at(site: Site, name: str) -> Delivery:
    """The delivery as soon as somebody has looked at it."""
    deadline = time.monotonic() + 60
    while True:
        row = site.ledger.delivery("github", name)
        if row is not None and row.reason:
            return row
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("case", TRICKED)
def test_it_is_kept_starts_nothing_and_the_log_says_why(site: Site, case: str) -> None:
    event, payload = TRICKED[case]
    name, body = f"case-{list(TRICKED).index(case)}", json.dumps(payload).encode()
    answer = site.post(body, signed(body, name, event))
    assert answer.status_code == 202, answer.text
    row = looked_at(site, name)
    assert row.outcome in ("no rule", "error"), f"a run was asked for: {row.reason}"
    assert row.runs == ""


def test_what_is_asked_for_rightly_is_kept_while_prefect_is_away_and_waits(site: Site) -> None:
    """It shows too that the cases above would have been noticed."""
    body = json.dumps(labelled(number=5)).encode()
    assert site.post(body, signed(body, "right")).status_code == 202
    row = looked_at(site, "right")
    assert (row.outcome, row.runs) == ("", "")
    assert "Prefect did not make the run" in row.reason
