"""Repositories on disk: found, refused, fetched from and pushed to."""

from __future__ import annotations

import shutil

import pytest

from blocks.git import init_bare
from contracts.errors import Misconfigured, Refused
from tests.integration.local_forge.site import (
    BRANCH,
    Site,
    files_below,
    git,
)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("absent", "there is no repository 'absent'"),
        ("plain", "not a Git repository"),
        ("empty", "is empty"),
        ("../outside", "not the name of a repository"),
        ("/etc", "not the name of a repository"),
        ("shallow", "shallow clone"),
    ],
)
def test_a_repository_that_cannot_be_used_is_named(site: Site, name: str, message: str) -> None:
    (site.forge.root / "plain").mkdir()
    init_bare(site.forge.root / "empty.git")
    site.advance({"b.txt": "1\n"})
    git(site.forge.root, "clone", "--quiet", "--depth=1", site.shop.as_uri(), "shallow")
    with pytest.raises(Misconfigured, match=message):
        site.forge.check_repository(name, "main")


def test_an_absent_base_lists_ten_branches(site: Site) -> None:
    for number in range(12):
        git(site.shop, "branch", f"b{number:02}", "main")
    with pytest.raises(Misconfigured, match=r"no branch 'trunk'.*: b00, .*b09$"):
        site.forge.check_repository("shop", "trunk")


def test_names_with_slashes_bare_without_suffix_and_clones_are_found(site: Site, clone: Site) -> None:
    shutil.copytree(site.shop, site.forge.root / "acme" / "shop.git")
    shutil.copytree(site.shop, site.forge.root / "plain")
    for name in ("shop", "acme/shop", "plain", "shop.git"):
        site.forge.check_repository(name, "main")
    clone.forge.check_repository("shop", "main")


def test_checking_changes_nothing(clone: Site) -> None:
    (clone.shop / "a.txt").touch()
    before = files_below(clone.shop)
    clone.forge.check_repository("shop", "main")
    assert files_below(clone.shop) == before


@pytest.mark.parametrize("change", ["untracked", "edited", "staged", "deleted", "split index"])
def test_a_dirty_base_is_refused(clone: Site, change: str) -> None:
    if change == "untracked":
        (clone.shop / "new.txt").write_text("x")
    elif change == "deleted":
        (clone.shop / "a.txt").unlink()
    else:
        if change == "split index":
            git(clone.shop, "update-index", "--split-index")
        (clone.shop / "a.txt").write_text("other\n")
        if change == "staged":
            git(clone.shop, "add", "a.txt")
    with pytest.raises(Misconfigured, match=r"uncommitted changes .*dirty base.*(a|new)\.txt; commit or stash them"):
        clone.forge.check_repository("shop", "main")


def test_ignored_files_and_changes_on_another_branch_are_no_dirty_base(clone: Site) -> None:
    (clone.shop / "x.log").write_text("x")
    (clone.shop / "own.tmp").write_text("x")
    (clone.shop / ".git" / "info" / "exclude").write_text("own.tmp\n")
    clone.forge.check_repository("shop", "main")
    git(clone.shop, "checkout", "--quiet", "-b", "other")
    (clone.shop / "a.txt").write_text("other\n")
    clone.forge.check_repository("shop", "main")


def test_fetch_brings_branches_prunes_and_shares_nothing(site: Site) -> None:
    git(site.shop, "branch", "old", "main")
    git(site.shop, "tag", "v1", "main")
    site.forge.fetch("shop", site.run)
    assert git(site.run, "rev-parse", "refs/remotes/origin/main") == site.tip()
    git(site.shop, "branch", "-D", "old")
    site.forge.fetch("shop", site.run)
    assert git(site.run, "for-each-ref", "--format=%(refname)") == "refs/remotes/origin/main"
    assert not (site.run / "objects" / "info" / "alternates").exists()
    assert {path.stat().st_nlink for path in (site.run / "objects").rglob("*") if path.is_file()} == {1}


def test_push_is_for_delivery_branches_only(site: Site) -> None:
    site.forge.fetch("shop", site.run)
    with pytest.raises(Refused, match="'main' is not a delivery branch"):
        site.forge.push("shop", site.run, "main", site.tip())
    with pytest.raises(Refused, match="not a delivery branch"):
        site.forge.delete_branch("shop", "main")
    assert site.tip()


def test_push_replaces_the_tip_and_does_nothing_when_it_is_there(site: Site) -> None:
    git(site.shop, "config", "receive.denyNonFastForwards", "true")
    first = site.change({"b.txt": "1\n"})
    second = site.change({"b.txt": "2\n"})
    assert site.tip(BRANCH) == second
    site.forge.push("shop", site.run, BRANCH, first)
    assert site.tip(BRANCH) == first
    before = (site.shop / "refs" / "heads" / BRANCH).stat().st_mtime_ns
    site.forge.push("shop", site.run, BRANCH, first)
    assert (site.shop / "refs" / "heads" / BRANCH).stat().st_mtime_ns == before


def test_a_checked_out_branch_is_neither_replaced_nor_deleted(clone: Site) -> None:
    first = clone.change({"b.txt": "1\n"})
    git(clone.shop, "worktree", "add", "--quiet", "../elsewhere", BRANCH)
    with pytest.raises(Refused, match="checked out in"):
        clone.change({"b.txt": "2\n"})
    with pytest.raises(Refused, match="checked out in"):
        clone.forge.delete_branch("shop", BRANCH)
    assert clone.tip(BRANCH) == first


def test_delete_branch_is_done_once(site: Site) -> None:
    site.change({"b.txt": "1\n"})
    site.forge.delete_branch("shop", BRANCH)
    site.forge.delete_branch("shop", BRANCH)
    assert site.tip(BRANCH) == ""
