"""What an agent leaves in its checkout runs nothing on the host, hides nothing, and does not survive."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from blocks.git import Git
from blocks.workspace import Workspace
from contracts.errors import AgentFailed
from tests.integration.checkout import Checkout, Make, read_all

HOOKS = (
    *("pre-commit", "post-commit", "commit-msg", "post-checkout", "post-index-change", "reference-transaction"),
    *("post-merge", "pre-merge-commit", "fsmonitor-watchman", "pre-auto-gc", "post-rewrite"),
)
TRAPS = {
    "core.fsmonitor": "{run} fsmonitor",
    "core.editor": "{run} editor",
    "core.pager": "{run} pager",
    "core.hooksPath": "{hooks}",
    "core.alternateRefsCommand": "{run} alternates",
    "diff.external": "{run} external",
    "diff.trap.textconv": "{run} textconv",
    "diff.trap.command": "{run} diff",
    "filter.trap.clean": "{run} clean",
    "filter.trap.smudge": "{run} smudge",
    "filter.trap.required": "true",
    "merge.trap.driver": "{run} driver",
    "merge.default": "trap",
    "gpg.program": "{run} gpg",
    "commit.gpgSign": "true",
    "log.showSignature": "true",
    "credential.helper": "!{run} credential",
    "gc.auto": "1",
    "gc.recentObjectsHook": "{run} gc",
}
ATTRIBUTES = "* filter=trap diff=trap merge=trap\n"
LINK = "vendor/lib"


@pytest.fixture
def make(tmp_path: Path) -> Make:
    return lambda files: Checkout(tmp_path / "run", files)


@pytest.fixture
def marks(tmp_path: Path) -> Path:
    """The folder that a sprung trap leaves its mark in."""
    folder = tmp_path / "marks"
    folder.mkdir()
    return folder


def person(tree: Path, *args: str) -> None:
    """Git as an agent or a careless person calls it."""
    options = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "safe.directory=*", "-c", "commit.gpgSign=false")
    subprocess.run(["git", *options, *args], cwd=tree, check=True, capture_output=True)


def arm(git_dir: Path, marks: Path) -> None:
    """Set every trap in a Git directory."""
    run = marks.with_name("trap")
    run.write_text(f'#!/bin/sh\n: > {marks}/"${{1##*/}}-${{0##*/}}"\ncat\n')
    run.chmod(0o755)
    (git_dir / "hooks").mkdir(exist_ok=True)
    for hook in HOOKS:
        shutil.copy(run, git_dir / "hooks" / hook)
    (git_dir / "info").mkdir(exist_ok=True)
    (git_dir / "info/attributes").write_text(ATTRIBUTES)
    for key, value in TRAPS.items():
        Git(git_dir).run("config", key, value.format(run=run, hooks=git_dir / "hooks"))


def use_everything(site: Checkout, out: Path) -> str:
    """Use every method of the workspace on what an agent left; return the commit that it made."""
    workspace = site.workspace
    made = workspace.snapshot("m", site.base)
    assert made is not None
    workspace.diff(site.base, made.commit)
    workspace.measure(site.base, made.commit)
    workspace.merge(made.commit, site.record({"theirs.txt": "theirs\n"}))
    workspace.export(made.commit, out, sealed=["a.txt"], base=site.base)
    workspace.restore(made.commit)
    workspace.restore(site.base)
    site.begin()
    return made.commit


def test_hooks_settings_and_attributes_of_an_agent_run_nothing_and_are_gone(
    make: Make, marks: Path, tmp_path: Path
) -> None:
    site = make({"a.txt": "a\n", "b.txt": "b\n"})
    arm(site.tree / ".git", marks)
    site.write({".gitattributes": ATTRIBUTES, "a.txt": "changed\n"})
    person(site.tree, "add", "--all")
    assert any(marks.iterdir()), "the traps are not live"
    shutil.rmtree(marks)
    marks.mkdir()
    use_everything(site, tmp_path / "out")
    assert list(marks.iterdir()) == []
    own = site.tree / ".git"
    assert not [hook for hook in HOOKS if (own / "hooks" / hook).exists()]
    assert "trap" not in (own / "config").read_text()
    assert not (own / "info/attributes").exists()


@pytest.mark.parametrize("sort", ["link", "file", "pipe", "folder of a person"])
def test_another_git_than_the_given_one_is_taken_away_and_what_it_leads_to_stays(
    make: Make, marks: Path, tmp_path: Path, sort: str
) -> None:
    site = make({"a.txt": "a\n"})
    persons = tmp_path / "person"
    persons.mkdir()
    person(persons, "init", "--quiet")
    arm(persons / ".git", marks)
    before = read_all(persons / ".git")
    own = site.tree / ".git"
    shutil.rmtree(own)
    if sort == "link":
        own.symlink_to(persons / ".git")
    elif sort == "file":
        own.write_text(f"gitdir: {persons / '.git'}\n")
    elif sort == "pipe":
        os.mkfifo(own)
    else:
        shutil.copytree(persons / ".git", own)
    site.write({"a.txt": "changed\n"})
    use_everything(site, tmp_path / "out")
    assert own.is_dir()
    assert not own.is_symlink()
    assert read_all(persons / ".git") == before
    assert list(marks.iterdir()) == []


def with_submodule(site: Checkout, sha: str) -> None:
    """Let the base hold a submodule, as repositories of people do."""
    git = site.workspace.git
    git.run("read-tree", site.base)
    git.run("update-index", "--add", "--cacheinfo", f"160000,{sha},{LINK}")
    site.base = site.workspace.commit(git.run("write-tree"), "with a submodule", site.base)
    site.begin()


def test_a_submodule_that_nobody_filled_is_left_as_it_is(make: Make, tmp_path: Path) -> None:
    site = make({"a.txt": "a\n"})
    with_submodule(site, "1" * 40)
    assert (site.tree / LINK).is_dir()
    assert site.workspace.snapshot("m", site.base) is None
    head = site.record({"a.txt": "b\n"})
    assert site.workspace.changed_paths(site.base, head) == ["a.txt"]
    assert LINK in site.workspace.paths(head)
    site.workspace.export(head, tmp_path / "out")
    assert read_all(tmp_path / "out") == {"a.txt": "b\n"}


@pytest.mark.parametrize("placed", ["folder", "file"])
def test_a_repository_in_the_place_of_a_submodule_is_refused_and_its_filters_do_not_run(
    make: Make, marks: Path, placed: str
) -> None:
    site = make({"a.txt": "a\n"})
    inner = site.tree / LINK
    inner.mkdir(parents=True)
    person(inner, "init", "--quiet")
    (inner / "f.txt").write_text("f\n")
    (inner / ".gitattributes").write_text(ATTRIBUTES)
    person(inner, "add", "--all")
    person(inner, "commit", "--quiet", "--message", "inner")
    sha = Git(inner / ".git").commit_of("HEAD")
    kept = shutil.move(inner, site.workspace.home / "inner")
    with_submodule(site, sha)
    shutil.copytree(kept, inner, dirs_exist_ok=True)
    arm(inner / ".git", marks)
    if placed == "file":
        shutil.move(inner / ".git", site.tree / "elsewhere.git")
        (inner / ".git").write_text("gitdir: ../../elsewhere.git\n")
    (inner / "f.txt").write_text("g\n")
    with pytest.raises(AgentFailed, match="repository inside the checkout at 'vendor/lib'"):
        site.workspace.snapshot("m", site.base)
    site.begin()
    assert list(marks.iterdir()) == []
    assert list(inner.iterdir()) == []
    assert site.workspace.snapshot("m", site.base) is None


@pytest.mark.parametrize("born", [True, False])
def test_a_repository_inside_is_refused_and_gone_after_restore(make: Make, *, born: bool) -> None:
    site = make({"a.txt": "a\n"})
    site.write({"inner/x.txt": "x\n"})
    person(site.tree / "inner", "init", "--quiet")
    if born:
        person(site.tree / "inner", "add", "--all")
        person(site.tree / "inner", "commit", "--quiet", "--message", "x")
    with pytest.raises(AgentFailed, match=r"'inner/?'"):
        site.workspace.snapshot("m", site.base)
    site.begin()
    assert site.seen() == {"a.txt": "a\n"}


def test_a_file_that_git_cannot_record_is_the_agents_fault_and_gone_after_restore(make: Make) -> None:
    site = make({"a.txt": "a\n"})
    (site.tree / "a.txt").unlink()
    os.mkfifo(site.tree / "a.txt")
    with pytest.raises(AgentFailed, match=r"cannot be committed.*a\.txt"):
        site.workspace.snapshot("m", site.base)
    site.begin()
    assert site.seen() == {"a.txt": "a\n"}


def test_attributes_hide_nothing_from_those_who_judge(make: Make) -> None:
    site = make({"src/a.py": "a\n"})
    site.write({"src/.gitattributes": "*.py -diff merge=binary\n", "src/a.py": "evil\n"})
    made = site.workspace.snapshot("m", site.base)
    assert made is not None
    assert "+evil" in site.workspace.diff(site.base, made.commit)
    assert [file.lines for file in site.workspace.measure(site.base, made.commit).files] == [1, 2]


def test_an_agent_reads_history_and_commits_in_its_own_repository_only(make: Make) -> None:
    site = make({"a.txt": "a\n"})
    head = site.record({"a.txt": "b\n"})
    site.begin(head)
    site.write({"a.txt": "c\n"})
    person(site.tree, "commit", "--quiet", "--all", "--message", "mine")
    inner = Git(site.tree / ".git")
    assert inner.run("log", "--format=%s").splitlines() == ["mine", "change", "first"]
    assert inner.commit_of("main") == site.base
    assert Workspace(site.workspace.home).git.commit_of(inner.commit_of("HEAD")) == ""
