"""The checkout that a run owns: the host's Git directory stays out of the agent's reach.

<home>/repository.git    the host's; every Git command of the host uses it
<home>/tree              the work tree that an agent sees; its `.git` is made anew for each turn and never
                         used by the host
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from blocks.git import Git, GitFailed, init_bare
from contracts.change import Diff, parse_numstat
from contracts.errors import AgentFailed

UNREADABLE = "\0"
"""Stands for the text of a file that is not UTF-8."""
_MOST_DIFF = 200_000
_GITLINK = "160000"


def object_store(tree: Path) -> Path:
    """Return the objects that the `.git` of a work tree borrows; without them an agent cannot read history."""
    return tree.parent / "repository.git" / "objects"


class Snapshot(BaseModel):
    """A commit that records what an agent left behind."""

    model_config = ConfigDict(frozen=True)

    commit: str = Field(description="Commit sha.")
    tree: str = Field(description="Tree sha.")


class Merged(BaseModel):
    """What came of bringing another commit into the head."""

    model_config = ConfigDict(frozen=True)

    tree: str = Field(description="Tree sha; with conflict markers in the files when there are conflicts.")
    conflicts: list[str] = Field(default_factory=list[str], description="Conflicted paths.")


class Workspace:
    """One run's repository and work tree.

    Args:
        home: folder of the run's checkouts; made when it is needed.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self.repository = home / "repository.git"
        self.tree = home / "tree"
        self.git = Git(self.repository, self.tree)
        self._history = Git(self.repository)
        """Without a work tree Git heeds no attributes, which could hide a change from those who judge it."""

    def create(self) -> bool:
        """Make the folders, and free the repository of what a killed process left locked.

        Returns:
            Whether the repository is new and must be fetched.
        """
        new = not (self.repository / "objects/info").exists()  # what `git init` makes last
        if new:
            init_bare(self.repository)
        for lock in (*self.repository.glob("*.lock"), *self.repository.glob("refs/**/*.lock")):
            lock.unlink(missing_ok=True)
        self._reclaim()
        return new

    def remote_tip(self, branch: str) -> str:
        """Return the commit of a branch of the forge as last fetched, or an empty text."""
        return self.git.commit_of(f"refs/remotes/origin/{branch}")

    def restore(self, commit: str) -> None:
        """Make the work tree equal to a commit or tree; ignored files stay, everything else that is not in it goes.

        The folder of a submodule is left empty.
        """
        self._reclaim()
        self.git.run("read-tree", "--reset", "-u", commit)
        self.git.run("checkout-index", "--all", "--force", "--quiet")
        links = self._links(commit)
        if not links:
            self.git.run("clean", "-ffdq")
            return
        self._index([f"0 {'0' * 40}\t{path}" for path in links])  # what is tracked would not be cleaned
        self.git.run("clean", "-ffdq")
        self._index([f"{described}\t{path}" for path, described in links.items()])
        self.git.run("checkout-index", "--all", "--force", "--quiet")

    def expose(self, branch: str, commit: str, base: str, base_commit: str) -> None:
        """Give the work tree a `.git` of its own, so that an agent can read history and commit as it likes."""
        self._reclaim()
        inner = Git(self.tree / ".git", self.tree)
        inner.run("init", "--quiet")
        inner.run("config", "--unset", "core.worktree", ok=(0, 5))
        (self.tree / ".git/objects/info/alternates").write_text(f"{self.repository / 'objects'}\n")
        inner.run("update-ref", f"refs/heads/{base}", base_commit)
        inner.run("update-ref", f"refs/heads/{branch}", commit)
        inner.run("symbolic-ref", "HEAD", f"refs/heads/{branch}")
        inner.run("read-tree", commit)

    def _reclaim(self) -> None:
        """Make the work tree a folder again if it is something else, and take its `.git` away."""
        if self.tree.is_symlink() or not self.tree.is_dir():
            self.tree.unlink(missing_ok=True)
        self.tree.mkdir(parents=True, exist_ok=True)
        own = self.tree / ".git"
        if own.is_dir() and not own.is_symlink():
            shutil.rmtree(own)
        else:
            own.unlink(missing_ok=True)

    def _links(self, commit: str) -> dict[str, str]:
        """Return the submodules of a commit: path → mode, type and sha."""
        entries = (_entry(line) for line in self._history.run("ls-tree", "-r", "-z", commit).split("\0") if line)
        return {path: described for path, described in entries if described.startswith(_GITLINK)}

    def _index(self, rows: list[str], env: dict[str, str] | None = None) -> None:
        self.git.run("update-index", "-z", "--replace", "--index-info", stdin="\0".join(rows) + "\0", env=env)

    def snapshot(self, message: str, head: str, *others: str) -> Snapshot | None:
        """Commit the work tree on top of `head`; none when it equals the head and there are no `others`.

        Raises:
            AgentFailed: the work tree holds a repository, a name that is not UTF-8, or what Git cannot record.
        """
        if self.tree.is_symlink() or not self.tree.is_dir():
            raise AgentFailed(f"the agent replaced its checkout {str(self.tree)!r}; it must leave the folder in place")
        self._reclaim()
        for path in self._links(head):
            if (self.tree / path / ".git").exists():
                raise _nested(path)  # Git would run `status` in it, with its filters
        self.git.run("read-tree", head)
        self._add()
        tree = self.git.run("write-tree")
        if tree == self.git.tree_of(head) and not others:
            return None
        self._check(head, tree)
        return Snapshot(commit=self.commit(tree, message, head, *others), tree=tree)

    def _add(self) -> None:
        try:
            self.git.run("add", "--all")
        except GitFailed as error:
            if "No space left" in error.detail:
                raise
            said = error.detail.partition("\n")[0]
            raise AgentFailed(f"the agent's work cannot be committed: {said}", detail=error.detail) from error

    def _check(self, head: str, tree: str) -> None:
        """Refuse a change that has no place in a commit of the flow."""
        records = self._history.run("diff-tree", "-r", "-z", head, tree).split("\0")
        for described, path in zip(records[::2], records[1::2], strict=False):
            if described[8:14] == _GITLINK:
                raise _nested(path)
            if described.endswith("A") and not _is_text(path):
                raise AgentFailed(f"the agent made a file whose name is not UTF-8: {path!r}; rename it")

    def commit(self, tree: str, message: str, *parents: str) -> str:
        """Return a new commit of a tree."""
        arguments = [part for parent in parents for part in ("-p", parent)]
        return self.git.run("commit-tree", tree, *arguments, stdin=message.replace("\0", ""))

    def merge(self, head: str, other: str) -> Merged:
        """Merge two commits without touching the work tree."""
        code, output = self._history.call("merge-tree", "--write-tree", "--name-only", "-z", head, other, ok=(0, 1))
        tree, *rest = output.split("\0")
        paths = rest[: rest.index("")] if code and "" in rest else []
        return Merged(tree=tree, conflicts=sorted(set(paths)))

    def diff(self, base: str, head: str) -> str:
        """Return the diff as text, cut at 200,000 characters with a line that says so."""
        text = self._diff(base, head, "--no-ext-diff", "--no-textconv", "--no-color")
        text = text.encode("utf-8", "replace").decode()
        return text if len(text) <= _MOST_DIFF else f"{text[:_MOST_DIFF]}\n[cut at {_MOST_DIFF} characters]"

    def measure(self, base: str, head: str) -> Diff:
        """Return the changed files with their added and removed lines."""
        return parse_numstat(self._diff(base, head, "--numstat", "-z", "--no-renames"))

    def changed_paths(self, base: str, head: str) -> list[str]:
        """Return the paths that differ between two commits."""
        return [path for path in self._diff(base, head, "--name-only", "-z", "--no-renames").split("\0") if path]

    def _diff(self, base: str, head: str, *options: str) -> str:
        return self._history.run("diff", "--ignore-submodules=none", *options, base, head)

    def paths(self, commit: str) -> list[str]:
        """Return all paths of a commit."""
        return [path for path in self.git.run("ls-tree", "-r", "-z", "--name-only", commit).split("\0") if path]

    def text(self, commit: str, path: str) -> str | None:
        """Return a file's text; none when the commit lacks it, `UNREADABLE` when it is not text."""
        code, content = self.git.call("cat-file", "blob", f"{commit}:{path}", ok=(0, 128))
        if code:
            return None
        return content if _is_text(content) else UNREADABLE

    def export(self, commit: str, target: Path, *, sealed: list[str] | None = None, base: str = "") -> None:
        """Write the files of a commit, and nothing else, to an empty folder.

        Args:
            commit: the commit.
            target: the folder; made when it is not there.
            sealed: paths that are taken from `base` instead, and are absent where it lacks them. They are put
                together in the index, because a link in the commit could lead a write out of the folder.
            base: commit that the sealed paths are taken from.
        """
        target.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.home, prefix="index-") as folder:
            index = {"GIT_INDEX_FILE": str(Path(folder) / "index")}
            self.git.run("read-tree", commit, env=index)
            if sealed:
                entries = dict(_entry(line) for line in self.git.run("ls-tree", "-r", "-z", base).split("\0") if line)
                rows = [f"0 {'0' * 40}\t{path}" for path in sealed]
                rows += [f"{entries[path]}\t{path}" for path in sealed if path in entries]
                self._index(rows, index)
            Git(self.repository, target).run("checkout-index", "--all", "--force", env=index)

    def remove(self) -> None:
        """Delete the run's folder; nothing to do if it is gone."""
        shutil.rmtree(self.home, ignore_errors=True)


def _entry(line: str) -> tuple[str, str]:
    described, _, path = line.partition("\t")
    return path, described


def _is_text(decoded: str) -> bool:
    """Whether what Git gave was UTF-8; other bytes were decoded as lone surrogates, which no JSON can hold."""
    try:
        decoded.encode()
    except UnicodeEncodeError:
        return False
    return True


def _nested(path: str) -> AgentFailed:
    return AgentFailed(f"the agent left a repository inside the checkout at {path!r}; remove it or its .git")
