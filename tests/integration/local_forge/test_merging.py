"""Merges in a local forge: real conflicts, real races and real crashes."""

from __future__ import annotations

import json
import os
from pathlib import Path
from urllib.parse import urlparse

import pytest

from blocks.git import GitFailed
from contracts.errors import Misconfigured, Refused, Unavailable
from tests.integration.local_forge.site import (
    BRANCH,
    REAL_GIT,
    Site,
    commit,
    files_below,
    git,
    go,
    script,
    wrap_git,
)


def test_a_merge_has_two_parents_and_happens_once(site: Site) -> None:
    head = site.change({"b.txt": "1\n"})
    base = site.advance({"c.txt": "1\n"})
    site.open()
    assert site.forge.mergeability("shop", 1).state == "clean"
    merged = site.forge.merge("shop", 1, head, "Add a thing\n\nThe body.")
    assert (merged.state, merged.merge_commit) == ("merged", site.tip())
    assert git(site.shop, "log", "-1", "--format=%P|%B", "main") == f"{base} {head}|Add a thing\n\nThe body."
    assert git(site.shop, "ls-tree", "--name-only", "main").split() == [".gitignore", "a.txt", "b.txt", "c.txt"]
    site.change({"d.txt": "1\n"}, start=head)
    assert site.forge.merge("shop", 1, head, "again") == merged
    assert site.merges() == [merged.merge_commit]
    assert f"**merged** by `{merged.merge_commit}`" in Path(urlparse(merged.url).path).read_text()


def test_a_conflict_names_its_paths_and_is_not_merged(site: Site) -> None:
    head = site.change({"a.txt": "ours\n", "sub/ü b.txt": "ours\n"})
    base = site.advance({"a.txt": "theirs\n", "sub/ü b.txt": "theirs\n"})
    site.open()
    before = files_below(site.shop / "objects")
    found = site.forge.mergeability("shop", 1)
    assert (found.state, found.conflicts) == ("conflicted", ["a.txt", "sub/ü b.txt"])
    with pytest.raises(Refused, match=r"conflicts with 'main'; resolve: a\.txt, sub/ü b\.txt"):
        site.forge.merge("shop", 1, head, "m")
    assert site.tip() == base
    assert files_below(site.shop / "objects") == before


def test_a_head_that_moved_or_a_closed_pull_request_is_not_merged(site: Site) -> None:
    head = site.change({"b.txt": "1\n"})
    site.open()
    moved = site.change({"b.txt": "2\n"})
    base = site.tip()
    with pytest.raises(Refused, match=f"moved from '{head}' to '{moved}'"):
        site.forge.merge("shop", 1, head, "m")
    site.record().write_text(json.dumps({**json.loads(site.record().read_text()), "state": "closed"}))
    with pytest.raises(Refused, match="closed"):
        site.forge.merge("shop", 1, moved, "m")
    assert site.tip() == base


def test_a_checked_out_base_is_left_for_the_person(clone: Site) -> None:
    head = clone.change({"b.txt": "1\n"})
    clone.open()
    base = clone.tip()
    found = clone.forge.mergeability("shop", 1)
    assert found.state == "blocked"
    assert f"git merge {BRANCH}" in found.reason
    with pytest.raises(Refused, match=f"git merge {BRANCH}"):
        clone.forge.merge("shop", 1, head, "m")
    assert clone.tip() == base
    git(clone.shop, "checkout", "--quiet", "-b", "elsewhere")
    assert clone.forge.mergeability("shop", 1).state == "clean"
    before = files_below(clone.person)
    assert clone.forge.merge("shop", 1, head, "m").merge_commit == clone.tip()
    assert files_below(clone.person) == before
    assert git(clone.shop, "status", "--porcelain") == ""


def test_histories_without_a_common_commit_are_blocked(site: Site) -> None:
    site.change({"b.txt": "1\n"})
    site.open()
    git(site.person, "checkout", "--quiet", "--orphan", "root")
    git(site.person, "push", "--quiet", "--force", "origin", f"{commit(site.person, {})}:refs/heads/{BRANCH}")
    found = site.forge.mergeability("shop", 1)
    assert (found.state, found.reason) == ("blocked", f"'{BRANCH}' and 'main' share no commit.")


MOVE_BASE = (
    'cd {shop} && $G update-ref refs/heads/main $($G {who} commit-tree -p main main^{{tree}} -m other); cd "$OLDPWD"'
)
WHO = "-c user.name=Ada -c user.email=ada@example.org"


def test_a_base_that_moves_during_the_merge_is_merged_anew(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = site.change({"b.txt": "1\n"})
    site.open()
    once = f"if mkdir {tmp_path / 'moved'} 2>/dev/null; then {MOVE_BASE.format(shop=site.shop, who=WHO)}; fi"
    monkeypatch.setenv("PATH", wrap_git(tmp_path / "bin", before=once))
    merged = site.forge.merge("shop", 1, head, "m")
    assert (tmp_path / "moved").exists()
    assert merged.merge_commit == site.tip()
    assert git(site.shop, "log", "-1", "--format=%s", "main^1") == "other"
    assert site.merges() == [merged.merge_commit]


def test_a_base_that_keeps_moving_is_left_after_five_merges(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = site.change({"b.txt": "1\n"})
    site.open()
    monkeypatch.setenv("PATH", wrap_git(tmp_path / "bin", before=MOVE_BASE.format(shop=site.shop, who=WHO)))
    with pytest.raises(Unavailable, match="moved during 5 merges"):
        site.forge.merge("shop", 1, head, "m")
    assert git(site.shop, "rev-list", "--count", "main") == "6"
    assert site.merges() == []


def test_a_push_that_fails_for_another_reason_is_told(site: Site) -> None:
    head = site.change({"b.txt": "1\n"})
    site.open()
    (site.shop / "refs" / "heads" / "main.lock").write_text("")
    with pytest.raises(GitFailed, match="'push' ended with code 1"):
        site.forge.merge("shop", 1, head, "m")
    assert site.merges() == []


def test_a_crash_after_the_merge_is_healed_and_never_merges_twice(site: Site, tmp_path: Path) -> None:
    head = site.change({"b.txt": "1\n"})
    site.open()
    path = wrap_git(tmp_path / "bin", after="kill -9 $PPID")
    with script(site, f"forge.merge('shop', 1, {head!r}, 'm')", PATH=path) as other:
        go(other)
        assert other.wait() == -9
    (merge_commit,) = site.merges()
    assert json.loads(site.record().read_text())["state"] == "open"
    site.advance({"later.txt": "1\n"})
    git(site.shop, "branch", "-D", BRANCH)
    merged = site.forge.merge("shop", 1, head, "m")
    assert (merged.state, merged.merge_commit) == ("merged", merge_commit)
    assert site.forge.find_pull_request("shop", BRANCH) == merged
    assert site.merges() == [merge_commit]


def test_an_old_git_is_named(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site.change({"b.txt": "1\n"})
    site.open()
    (tmp_path / "bin").mkdir()
    old = tmp_path / "bin" / "git"
    old.write_text(f'#!/bin/sh\ncase "$*" in *" version") echo git version 2.30.2;; *) exec {REAL_GIT} "$@";; esac\n')
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{old.parent}:{os.environ['PATH']}")
    with pytest.raises(Misconfigured, match=r"'git version 2\.30\.2'; install Git 2\.38"):
        site.forge.mergeability("shop", 1)
