"""What the checkout of a run tells of commits: texts, diffs and merges."""

from __future__ import annotations

from pathlib import Path

import pytest

from blocks.workspace import UNREADABLE
from contracts.errors import Unavailable
from tests.integration.checkout import Checkout, Make


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return lambda files: Checkout(tmp_path / "run", files)


def test_text_tells_missing_from_unreadable(make: Make) -> None:
    site = make({"a.txt": "a\nb\n", "d/b.txt": ""})
    (site.tree / "raw").write_bytes(b"\xff\xfe\x00")
    made = site.workspace.snapshot("m", site.base)
    assert made is not None
    text = site.workspace.text
    assert text(made.commit, "a.txt") == "a\nb"
    assert text(made.commit, "d/b.txt") == ""
    assert text(made.commit, "raw") == UNREADABLE
    assert text(made.commit, "absent") is None
    assert text(made.commit, "d") is None
    assert text("0" * 40, "a.txt") is None


def test_clean_merge_and_conflict_leave_the_work_tree_alone(make: Make) -> None:
    site = make({"a.txt": "1\n2\n3\n", "b c.txt": "b\n"})
    ours = site.record({"a.txt": "1\n2\nours\n", "b c.txt": "ours\n"})
    theirs = site.record({"b c.txt": "theirs\n"})
    apart = site.record({"a.txt": "apart\n2\n3\n"})
    site.begin()
    clean = site.workspace.merge(ours, apart)
    assert clean.conflicts == []
    assert site.workspace.text(clean.tree, "a.txt") == "apart\n2\nours"
    clash = site.workspace.merge(ours, theirs)
    assert clash.conflicts == ["b c.txt"]
    marked = site.workspace.text(clash.tree, "b c.txt")
    assert marked is not None
    assert [line[:7] for line in marked.splitlines()] == ["<<<<<<<", "ours", "=======", "theirs", ">>>>>>>"]
    assert site.seen() == {"a.txt": "1\n2\n3\n", "b c.txt": "b\n"}


def test_a_merge_of_commits_that_share_nothing_could_not_be_found_out(make: Make) -> None:
    site = make({"a.txt": "a\n"})
    with pytest.raises(Unavailable, match="merge-tree"):
        site.workspace.merge(site.base, site.workspace.commit(site.workspace.git.tree_of(site.base), "orphan"))


def test_a_diff_is_cut_with_a_line_that_says_so(make: Make) -> None:
    site = make({"a.txt": "a\n"})
    head = site.record({"a.txt": "long line\n" * 30_000})
    shown = site.workspace.diff(site.base, head)
    assert shown.startswith("diff --git a/a.txt b/a.txt")
    assert shown.endswith("\n[cut at 200000 characters]")
    assert len(shown) < 200_100
    assert site.workspace.measure(site.base, head).lines == 30_001


def test_a_diff_with_bytes_that_are_no_text_can_be_passed_on(make: Make) -> None:
    site = make({"a.txt": "a\n"})
    (site.tree / "a.txt").write_bytes(b"caf\xe9\n")
    made = site.workspace.snapshot("m", site.base)
    assert made is not None
    assert "+caf?" in site.workspace.diff(site.base, made.commit)


def test_a_submodule_that_moved_shows(make: Make) -> None:
    site = make({"a.txt": "a\n"})
    git, commits = site.workspace.git, list[str]()
    for sha in ("1" * 40, "2" * 40):
        git.run("update-index", "--add", "--cacheinfo", f"160000,{sha},lib")
        commits.append(site.workspace.commit(git.run("write-tree"), "m", site.base))
    assert site.workspace.changed_paths(*commits) == ["lib"]
    assert [file.path for file in site.workspace.measure(*commits).files] == ["lib"]
    assert "+Subproject commit 2222" in site.workspace.diff(*commits)
