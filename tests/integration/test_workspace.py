"""The checkout of a run with real Git: what it records, and what it gives back."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from blocks.git import Git
from blocks.workspace import Workspace
from contracts.errors import AgentFailed
from tests.integration.checkout import Checkout, Make, read_all

ODD = [
    "with space.txt",
    "line\nbreak.txt",
    'quote".txt',
    "ünïcode/日本.txt",
    "-dash.txt",
    "tab\tin.txt",
    ":(glob)*.txt",
]


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return lambda files: Checkout(tmp_path / "run", files)


def test_what_an_agent_left_becomes_one_commit_on_the_head(make: Make) -> None:
    site = make({"a.txt": "a\n", "gone.txt": "x\n", ".gitignore": "*.log\n"})
    (site.tree / "gone.txt").unlink()
    site.write({"a.txt": "b\n", "new/deep.txt": "n\n", "run.log": "ignored\n"})
    (site.tree / "link").symlink_to("a.txt")
    (site.tree / "a.txt").chmod(0o755)
    made = site.workspace.snapshot("Subject\n\nBody\n", site.base)
    assert made is not None
    git = Git(site.workspace.repository)
    assert git.run("log", "-1", "--format=%P|%B", made.commit) == f"{site.base}|Subject\n\nBody\n"
    assert site.workspace.paths(made.commit) == [".gitignore", "a.txt", "link", "new/deep.txt"]
    assert git.run("ls-tree", made.commit, "a.txt").startswith("100755")
    assert git.run("ls-tree", made.commit, "link").startswith("120000")
    assert git.tree_of(made.commit) == made.tree


def test_no_change_is_none_unless_another_parent_is_recorded(make: Make) -> None:
    site = make({"a.txt": "a\n"})
    assert site.workspace.snapshot("m", site.base) is None
    os.utime(site.tree / "a.txt", (0, 0))
    assert site.workspace.snapshot("m", site.base) is None
    other = site.record({"b.txt": "b\n"})
    site.begin()
    merged = site.workspace.snapshot("m", site.base, other)
    assert merged is not None
    assert Git(site.workspace.repository).run("log", "-1", "--format=%P", merged.commit) == f"{site.base} {other}"


def test_a_file_that_is_tracked_though_ignored_stays_tracked_whatever_the_index_held(make: Make) -> None:
    site = make({"kept.log": "k\n", ".gitignore": "*.log\n"})
    site.workspace.git.run("read-tree", "--empty")
    assert site.workspace.snapshot("m", site.base) is None


def test_a_change_that_keeps_size_and_time_is_recorded(make: Make) -> None:
    site = make({"a.txt": "aaa\n"})
    before = (site.tree / "a.txt").stat()
    site.write({"a.txt": "bbb\n"})
    os.utime(site.tree / "a.txt", ns=(before.st_atime_ns, before.st_mtime_ns))
    made = site.workspace.snapshot("m", site.base)
    assert made is not None
    assert site.workspace.text(made.commit, "a.txt") == "bbb"


def test_what_an_agent_committed_staged_or_hid_in_its_own_repository_is_of_no_account(make: Make) -> None:
    site = make({"a.txt": "a\n", "b.txt": "b\n"})
    person = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "safe.directory=*"]
    site.write({"a.txt": "committed\n"})
    for command in (
        ["commit", "-qam", "mine"],
        ["update-index", "--assume-unchanged", "b.txt"],
        ["config", "core.excludesFile", "/dev/null"],
    ):
        subprocess.run([*person, *command], cwd=site.tree, check=True, capture_output=True)
    (site.tree / ".git/info/exclude").write_text("new.txt\n")
    site.write({"b.txt": "hidden\n", "new.txt": "n\n"})
    made = site.workspace.snapshot("m", site.base)
    assert made is not None
    assert site.workspace.changed_paths(site.base, made.commit) == ["a.txt", "b.txt", "new.txt"]
    assert Git(site.workspace.repository).run("log", "--format=%s", made.commit).splitlines() == ["m", "first"]


def test_restore_gives_a_dirty_tree_back_and_leaves_ignored_files(make: Make) -> None:
    files = {"a.txt": "a\n", "d/b.txt": "b\n", ".gitignore": "*.log\ncache/\n", "file": "f\n"}
    site = make(files)
    (site.tree / "d/b.txt").unlink()
    (site.tree / "d").rmdir()
    (site.tree / "file").unlink()
    site.write(
        {"d": "a file now\n", "file/inside.txt": "a folder now\n", "a.txt": "dirty\n", ".gitignore": "", "new.txt": "n"}
    )
    site.write({"cache/kept": "k\n", "deep/er/run.log": "l\n", "deep/er/other": "o\n"})
    (site.tree / "empty/er").mkdir(parents=True)
    site.workspace.restore(site.base)
    assert site.seen() == {**files, "cache/kept": "k\n", "deep/er/run.log": "l\n"}
    assert not (site.tree / "empty").exists()


def test_restore_after_a_snapshot_or_to_a_tree_is_exact(make: Make) -> None:
    site = make({"a.txt": "a\n"})
    head = site.record({"a.txt": "b\n", "c.txt": "c\n"})
    site.workspace.restore(site.base)
    assert site.seen() == {"a.txt": "a\n"}
    site.workspace.restore(site.workspace.git.tree_of(head))
    assert site.seen() == {"a.txt": "b\n", "c.txt": "c\n"}


def test_a_lost_work_tree_comes_back(make: Make) -> None:
    site = make({"a.txt": "a\n", "d/b.txt": "b\n"})
    subprocess.run(["rm", "-r", str(site.tree)], check=True)
    assert not site.workspace.create()
    site.workspace.restore(site.base)
    assert site.seen() == {"a.txt": "a\n", "d/b.txt": "b\n"}


@pytest.mark.parametrize("lock", ["index.lock", "packed-refs.lock", "refs/remotes/origin/main.lock", "config.lock"])
def test_locks_of_a_killed_process_do_not_stop_the_run_for_ever(make: Make, lock: str) -> None:
    site = make({"a.txt": "a\n"})
    git, place = site.workspace.git, site.workspace.repository / lock
    git.run("update-ref", "refs/remotes/origin/main", site.base)
    place.touch()
    site.write({"a.txt": "b\n"})
    site.workspace.create()
    made = site.workspace.snapshot("m", site.base)
    assert made is not None
    git.run("update-ref", "refs/remotes/origin/main", made.commit)
    git.run("pack-refs", "--all")
    assert site.workspace.remote_tip("main") == made.commit


def test_a_repository_whose_making_was_cut_short_is_made_again(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "cut")
    workspace.repository.mkdir(parents=True)
    (workspace.repository / "HEAD").write_text("ref: refs/heads/main\n")
    assert workspace.create()
    assert Git(workspace.repository).run("rev-parse", "--is-bare-repository") == "true"


def test_odd_names_go_through_everything(make: Make, tmp_path: Path) -> None:
    site = make(dict.fromkeys(ODD, "old\n"))
    head = site.record(dict.fromkeys(ODD, "new\n"))
    workspace = site.workspace
    assert sorted(workspace.paths(head)) == sorted(ODD)
    assert sorted(workspace.changed_paths(site.base, head)) == sorted(ODD)
    assert sorted(file.path for file in workspace.measure(site.base, head).files) == sorted(ODD)
    assert {workspace.text(head, path) for path in ODD} == {"new"}
    workspace.export(head, tmp_path / "out", sealed=ODD[:3], base=site.base)
    assert read_all(tmp_path / "out") == {path: "old\n" if path in ODD[:3] else "new\n" for path in ODD}
    site.workspace.restore(site.base)
    assert site.seen() == dict.fromkeys(ODD, "old\n")


def test_a_name_that_is_not_utf_8_is_refused_when_it_is_new_and_kept_when_it_is_old(make: Make) -> None:
    site = make({"caf\udce9.txt": "a\n"})
    head = site.record({"caf\udce9.txt": "b\n"})
    assert site.workspace.changed_paths(site.base, head) == ["caf\udce9.txt"]
    site.begin()
    site.write({"na\udcefve.txt": "n\n"})
    with pytest.raises(AgentFailed, match=r"not UTF-8: 'na\\udcefve.txt'"):
        site.workspace.snapshot("m", site.base)


def test_a_message_with_a_nul_is_a_commit_all_the_same(make: Make) -> None:
    site = make({"a.txt": "a\n"})
    site.write({"a.txt": "b\n"})
    made = site.workspace.snapshot("sub\0ject", site.base)
    assert made is not None
    assert Git(site.workspace.repository).run("log", "-1", "--format=%s", made.commit) == "subject"


def test_remove_leaves_nothing_and_may_be_repeated(make: Make) -> None:
    site = make({"a.txt": "a\n"})
    site.workspace.remove()
    site.workspace.remove()
    assert not site.workspace.home.exists()
