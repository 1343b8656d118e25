"""Pull requests of a local forge: one a branch, whoever opens it, and as Git shows them."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote, urlparse

import pytest

from contracts.errors import Misconfigured, Refused
from tests.integration.local_forge.site import (
    BRANCH,
    Site,
    git,
    go,
    read_line,
    script,
)


def test_a_pull_request_is_opened_once_and_has_a_page(site: Site) -> None:
    head = site.change({"b.txt": "1\n"})
    pull = site.open()
    assert pull == site.open() == site.forge.find_pull_request("shop", BRANCH)
    assert (pull.number, pull.head, pull.state) == (1, head, "open")
    page = Path(unquote(urlparse(pull.url).path)).read_text()
    assert "# Add a thing (#1)" in page
    assert "What and why." in page
    assert head in page
    site.change({"c.txt": "1\n"}, "delivery/two")
    assert site.open("delivery/two").number == 2
    assert site.forge.find_pull_request("shop", "delivery/three") is None


def test_a_branch_without_a_commit_of_its_own_gets_no_pull_request(site: Site) -> None:
    git(site.shop, "branch", BRANCH, "main")
    with pytest.raises(Refused, match="no commit that 'main' lacks"):
        site.open()
    with pytest.raises(Refused, match="no branch 'delivery/absent'"):
        site.open("delivery/absent")


def test_processes_that_open_at_once_get_one_pull_request(site: Site) -> None:
    site.change({"b.txt": "1\n"})
    site.change({"c.txt": "1\n"}, "delivery/two")
    body = "print(forge.open_pull_request('shop', sys.argv[1] if sys.argv[1:] else {!r}, 'main', 't', '').number)"
    branches = [BRANCH, BRANCH, BRANCH, "delivery/two"]
    racers = [script(site, body.format(branch)) for branch in branches]
    assert [read_line(racer) for racer in racers] == ["ready"] * 4
    for racer in racers:
        go(racer)
    ended = [racer.communicate(timeout=60) for racer in racers]
    assert [racer.returncode for racer in racers] == [0] * 4, ended
    numbers = [int(out) for out, _ in ended]
    assert len(set(numbers[:3])) == 1
    assert {numbers[0], numbers[3]} == {1, 2}
    assert sorted(path.name for path in site.record().parent.glob("*.json")) == ["1.json", "2.json"]


def test_a_pull_request_follows_git(site: Site) -> None:
    site.change({"b.txt": "1\n"})
    site.open()
    head = site.change({"b.txt": "2\n"})
    found = site.forge.find_pull_request("shop", BRANCH)
    assert found is not None
    assert found.head == head
    last = site.change({"b.txt": "3\n"})
    site.forge.delete_branch("shop", BRANCH)
    found = site.forge.find_pull_request("shop", BRANCH)
    assert found is not None
    assert (found.head, found.state) == (last, "open")


@pytest.mark.parametrize("how", ["--no-ff", "--ff-only"])
def test_a_merge_by_a_person_is_seen(clone: Site, how: str) -> None:
    head = clone.change({"b.txt": "1\n"})
    clone.open()
    git(clone.shop, "merge", "--quiet", how, BRANCH)
    merged = clone.tip()
    clone.advance({"c.txt": "1\n"})
    found = clone.forge.find_pull_request("shop", BRANCH)
    assert found is not None
    assert (found.state, found.head, found.merge_commit) == ("merged", head, merged)
    assert clone.forge.mergeability("shop", 1).state == "clean"


def test_a_branch_that_is_set_back_to_its_base_is_not_merged(site: Site) -> None:
    site.change({"b.txt": "1\n"})
    site.open()
    git(site.shop, "update-ref", f"refs/heads/{BRANCH}", "main")
    found = site.forge.find_pull_request("shop", BRANCH)
    assert found is not None
    assert found.state == "open"


def test_a_comment_is_edited_in_place(site: Site) -> None:
    site.change({"b.txt": "1\n"})
    page = Path(unquote(urlparse(site.open().url).path))
    site.forge.comment("shop", 1, "<!-- report -->", "first text")
    site.forge.comment("shop", 1, "<!-- other -->", "another")
    site.forge.comment("shop", 1, "<!-- report -->", "second text")
    assert json.loads(site.record().read_text())["comments"] == {
        "<!-- report -->": "second text",
        "<!-- other -->": "another",
    }
    assert "first text" not in page.read_text()
    assert page.read_text().index("second text") < page.read_text().index("another")
    with pytest.raises(Refused, match="no pull request 7"):
        site.forge.comment("shop", 7, "m", "b")


def test_a_damaged_record_is_not_replaced(site: Site) -> None:
    site.change({"b.txt": "1\n"})
    site.open()
    site.record().write_text('{"number": 1')
    with pytest.raises(Misconfigured, match="cannot be read; restore it"):
        site.open()
    assert site.record().read_text() == '{"number": 1'
