"""Repositories on GitHub over real Git, and where the token is not."""

from __future__ import annotations

import re
from base64 import b64encode
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from bench.github_server import Fault
from blocks.git import Git
from blocks.github.connection import GitHubConnection, NotFound, Unaccepted
from blocks.github_forge import GitHubForge
from contracts.errors import Misconfigured, Refused, Unavailable
from tests.integration.github.place import BRANCH, NAME, Place, make_app


def test_a_branch_is_fetched_pushed_replaced_and_deleted(place: Place) -> None:
    place.forge.check_repository(NAME, "main")
    first = place.change({"b.txt": "1\n"})
    assert place.repository.tip(BRANCH) == first
    place.forge.push(NAME, place.run, BRANCH, first)
    second = place.change({"c.txt": "1\n"})
    assert place.repository.tip(BRANCH) == second
    place.forge.delete_branch(NAME, BRANCH)
    place.forge.delete_branch(NAME, BRANCH)
    assert place.repository.tip(BRANCH) == ""
    place.forge.fetch(NAME, place.run)
    assert Git(place.run).run("for-each-ref", "--format=%(refname)") == "refs/remotes/origin/main"


@pytest.mark.parametrize("branch", ["main", "feature/x"])
def test_only_delivery_branches_are_touched(place: Place, branch: str) -> None:
    with pytest.raises(Refused, match="not a delivery branch"):
        place.forge.push(NAME, place.run, branch, place.main())
    with pytest.raises(Refused, match="not a delivery branch"):
        place.forge.delete_branch(NAME, branch)
    assert place.server.requests == []


def test_the_token_is_in_no_file_and_on_no_command_line(place: Place, tmp_path: Path) -> None:
    """While Git pushes, the server's hook writes down the command line of every process on the machine."""
    seen = tmp_path / "seen"
    hook = place.repository.git.directory / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        f"#!/bin/sh\nfor p in /proc/[0-9]*; do tr '\\0' ' ' < $p/cmdline; echo; done > {seen} 2>/dev/null\n"
    )
    hook.chmod(0o755)
    place.change({"b.txt": "1\n"})
    lines = seen.read_text(errors="replace")
    assert re.search(r"git .*push .*acme/shop\.git", lines)
    assert "git-remote-http" in lines
    files = [path.read_bytes().decode("latin-1") for path in place.run.rglob("*") if path.is_file()]
    basic = b64encode(f"x-access-token:{place.token}".encode()).decode()
    for text in (lines, *files):
        assert place.token not in text
        assert basic not in text


def test_what_is_told_of_an_error_holds_no_token(place: Place) -> None:
    place.repository.people["robot"] = "read"
    with pytest.raises(Unaccepted) as caught:
        place.change({"b.txt": "1\n"})
    place.server.faults.add(Fault(500, "upload-pack|info/refs", times=9))
    with pytest.raises(Unavailable) as broken:
        place.forge.fetch(NAME, place.run)
    for error in (caught.value, broken.value):
        assert place.token not in f"{error!r}{error.message}{error.detail}{error.__cause__!r}"
    assert place.token not in f"{place.forge!r}{place.forge.model_dump_json()}"


def test_a_rule_of_the_repository_refuses_a_push(place: Place) -> None:
    hook = place.repository.git.directory / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho 'error: GH013: Repository rule violations found for refs/heads/x' >&2\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(Refused, match="GH013"):
        place.change({"b.txt": "1\n"})


def test_what_cannot_be_delivered_to_is_told_before(place: Place) -> None:
    with pytest.raises(NotFound, match="acme/nothing"):
        place.forge.check_repository("acme/nothing", "main")
    with pytest.raises(NotFound):
        place.forge.fetch("acme/nothing", place.run)
    with pytest.raises(Misconfigured, match="no branch 'release/1'"):
        place.forge.check_repository(NAME, "release/1")
    squash = place.forge.model_copy(update={"merge_method": "squash"})
    place.repository.methods = {"merge"}
    with pytest.raises(Misconfigured, match="allowed: merge"):
        squash.check_repository(NAME, "main")
    place.repository.people["robot"] = "read"
    with pytest.raises(Misconfigured, match="may not push"):
        place.forge.check_repository(NAME, "main")
    place.repository.archived = True
    with pytest.raises(Misconfigured, match="archived"):
        place.forge.check_repository(NAME, "main")


def test_a_wrong_token_is_a_setting_to_correct(place: Place) -> None:
    forge = GitHubForge(base_url=place.server.api, token=SecretStr("ghp_" + "0" * 36))
    with pytest.raises(Unaccepted, match="does not accept"):
        forge.check_repository(NAME, "main")
    with pytest.raises(Unaccepted, match="does not accept"):
        forge.fetch(NAME, place.run)


def test_a_renamed_repository_is_followed_everywhere(place: Place) -> None:
    place.change({"b.txt": "1\n"})
    opened = place.open()
    place.server.world.rename(NAME, "octo/store")
    place.forge.check_repository(NAME, "main")
    head = place.commit({"c.txt": "1\n"}, opened.head)
    place.forge.fetch(NAME, place.run)
    place.forge.push(NAME, place.run, BRANCH, head)
    found = place.forge.find_pull_request(NAME, BRANCH)
    assert found is not None
    assert (found.number, found.head) == (opened.number, head)
    place.forge.comment(NAME, opened.number, "<!-- m -->", "one")
    place.forge.comment(NAME, opened.number, "<!-- m -->", "two")
    assert [one["body"] for one in place.repository.comments.values()] == ["<!-- m -->\ntwo"]
    assert place.forge.merge(NAME, opened.number, head, "Add").state == "merged"


def test_an_app_gets_its_token_by_its_key_and_renews_it(place: Place) -> None:
    app, forge = make_app(place)
    app.token_seconds = 299
    forge.check_repository(NAME, "main")
    forge.fetch(NAME, place.run)
    assert place.asked("POST", "/access_tokens") >= 2
    assert place.asked("GET", "/installation") >= 1
    forge.push(NAME, place.run, BRANCH, place.commit({"b.txt": "1\n"}, place.main()))
    number = forge.open_pull_request(NAME, BRANCH, "main", "t", "b").number
    assert place.repository.issues[number].user == "deliverer[bot]"
    forge.comment(NAME, number, "<!-- m -->", "one")
    forge.comment(NAME, number, "<!-- m -->", "two")
    assert len(place.repository.comments) == 1


def test_an_app_whose_token_was_taken_back_asks_for_another(place: Place) -> None:
    _, forge = make_app(place, installation_id=70)
    forge.check_repository(NAME, "main")
    forge.check_repository(NAME, "main")
    assert place.asked("POST", "/access_tokens") == 1
    place.server.world.tokens = {key: one for key, one in place.server.world.tokens.items() if "[bot]" not in one.login}
    forge.check_repository(NAME, "main")
    assert place.asked("POST", "/access_tokens") == 2


def test_an_app_that_is_not_installed_or_has_another_key_is_told_of(place: Place) -> None:
    app, forge = make_app(place)
    app.installations = {}
    with pytest.raises(Misconfigured, match="not installed for 'acme/shop'"):
        forge.check_repository(NAME, "main")
    place.server.world.apps[app.id].public_key = make_app(place)[0].public_key
    with pytest.raises(Unaccepted):
        forge.check_repository(NAME, "main")
    damaged = GitHubForge(base_url=place.server.api, app_id=str(app.id), private_key=SecretStr("no key at all"))
    with pytest.raises(Misconfigured, match="private key") as caught:
        damaged.check_repository(NAME, "main")
    assert "no key at all" not in f"{caught.value.message}{caught.value.detail}"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"token": "x", "app_id": "1", "private_key": "k"},
        {"app_id": "1"},
        {"token": "x", "base_url": "http://github.example/api/v3"},
        {"token": "x", "base_url": "https://user:secret@github.example"},
    ],
)
def test_a_block_without_one_safe_way_to_ask_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        GitHubForge.model_validate(fields)


@pytest.mark.parametrize(
    ("api", "web"),
    [
        ("https://api.github.com", "https://github.com"),
        ("https://git.example.org/api/v3/", "https://git.example.org"),
        ("https://api.octo.ghe.com", "https://octo.ghe.com"),
    ],
)
def test_git_goes_where_people_go(api: str, web: str) -> None:
    assert GitHubConnection(base_url=api, token=SecretStr("t")).web == web
