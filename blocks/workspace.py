"""The checkout that a run owns: the host's Git directory stays out of the agent's reach.

<home>/repository.git    the host's; every Git command of the host uses it
<home>/tree              the work tree that an agent sees; its `.git` is made anew for each turn and never
                         used by the host
"""

from __future__ import annotations

import shutil
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from blocks.git import Git, init_bare
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

    def create(self) -> bool:
        """Make the folders; return whether the repository is new and must be fetched."""
        new = not (self.repository / "HEAD").exists()
        if self.tree.is_symlink():
            self.tree.unlink()
        self.tree.mkdir(parents=True, exist_ok=True)
        if new:
            init_bare(self.repository)
        return new

    def remote_tip(self, branch: str) -> str:
        """Return the commit of a branch of the forge as last fetched, or an empty text."""
        return self.git.commit_of(f"refs/remotes/origin/{branch}")

    def restore(self, commit: str) -> None:
        """Make the work tree equal to a commit or tree; ignored files stay, everything else that is not in it goes."""
        self._forget_agent_repository()
        self.git.run("read-tree", "--reset", "-u", commit)
        self.git.run("checkout-index", "--all", "--force", "--quiet")
        self.git.run("clean", "-ffdq")

    def expose(self, branch: str, commit: str, base: str, base_commit: str) -> None:
        """Give the work tree a `.git` of its own, so that an agent can read history and commit as it likes."""
        self._forget_agent_repository()
        inner = Git(self.tree / ".git", self.tree)
        inner.run("init", "--quiet")
        inner.run("config", "--unset", "core.worktree", ok=(0, 5))
        (self.tree / ".git/objects/info/alternates").write_text(f"{self.repository / 'objects'}\n")
        inner.run("update-ref", f"refs/heads/{base}", base_commit)
        inner.run("update-ref", f"refs/heads/{branch}", commit)
        inner.run("symbolic-ref", "HEAD", f"refs/heads/{branch}")
        inner.run("read-tree", commit)

    def _forget_agent_repository(self) -> None:
        own = self.tree / ".git"
        if own.is_symlink() or own.is_file():
            own.unlink()
        elif own.exists():
            shutil.rmtree(own)

    def snapshot(self, message: str, head: str, *others: str) -> Snapshot | None:
        """Commit the work tree on top of `head`; none when it equals the head and there are no `others`.

        Raises:
            AgentFailed: the work tree holds a repository inside it.
        """
        self._forget_agent_repository()
        self.git.run("read-tree", head)
        self.git.run("add", "--all")
        tree = self.git.run("write-tree")
        if tree == self.git.tree_of(head) and not others:
            return None
        inner = [line for line in self.git.run("diff-tree", "-r", head, tree).splitlines() if line[8:14] == _GITLINK]
        if inner:
            path = inner[0].split("\t", 1)[1]
            raise AgentFailed(f"the agent left a repository inside the checkout at {path!r}; remove it or its .git")
        return Snapshot(commit=self.commit(tree, message, head, *others), tree=tree)

    def commit(self, tree: str, message: str, *parents: str) -> str:
        """Return a new commit of a tree."""
        arguments = [part for parent in parents for part in ("-p", parent)]
        return self.git.run("commit-tree", tree, *arguments, stdin=message)

    def merge(self, head: str, other: str) -> Merged:
        """Merge two commits without touching the work tree."""
        code, output = self.git.call("merge-tree", "--write-tree", "--name-only", "-z", head, other, ok=(0, 1))
        tree, *rest = output.split("\0")
        paths = rest[: rest.index("")] if code and "" in rest else []
        return Merged(tree=tree, conflicts=sorted(set(paths)))

    def diff(self, base: str, head: str) -> str:
        """Return the diff as text, cut at 200,000 characters with a line that says so."""
        text = self.git.run(
            "diff", "--ignore-submodules=none", "--no-ext-diff", "--no-textconv", "--no-color", base, head
        )
        text = text.encode("utf-8", "replace").decode()
        return text if len(text) <= _MOST_DIFF else f"{text[:_MOST_DIFF]}\n[cut at {_MOST_DIFF} characters]"

    def measure(self, base: str, head: str) -> Diff:
        """Return the changed files with their added and removed lines."""
        return parse_numstat(
            self.git.run("diff", "--ignore-submodules=none", "--numstat", "-z", "--no-renames", base, head)
        )

    def changed_paths(self, base: str, head: str) -> list[str]:
        """Return the paths that differ between two commits."""
        return [
            path
            for path in self.git.run(
                "diff", "--ignore-submodules=none", "--name-only", "-z", "--no-renames", base, head
            ).split("\0")
            if path
        ]

    def paths(self, commit: str) -> list[str]:
        """Return all paths of a commit."""
        return [path for path in self.git.run("ls-tree", "-r", "-z", "--name-only", commit).split("\0") if path]

    def text(self, commit: str, path: str) -> str | None:
        """Return a file's text; none when the commit lacks it, `UNREADABLE` when it is not text."""
        code, content = self.git.call("cat-file", "blob", f"{commit}:{path}", ok=(0, 128))
        if code:
            return None
        try:
            content.encode("utf-8")
        except UnicodeEncodeError:
            return UNREADABLE
        return content

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
        index = {"GIT_INDEX_FILE": str(self.home / f"{target.name}.index")}
        git = Git(self.repository, target)
        git.run("read-tree", commit, env=index)
        if sealed:
            entries = dict(_entry(line) for line in git.run("ls-tree", "-r", "-z", base).split("\0") if line)
            rows = [f"0 {'0' * 40}\t{path}" for path in sealed]
            rows += [f"{entries[path]}\t{path}" for path in sealed if path in entries]
            git.run("update-index", "-z", "--replace", "--index-info", stdin="\0".join(rows) + "\0", env=index)
        git.run("checkout-index", "--all", "--force", env=index)
        Path(index["GIT_INDEX_FILE"]).unlink(missing_ok=True)

    def remove(self) -> None:
        """Delete the run's folder; nothing to do if it is gone."""
        shutil.rmtree(self.home, ignore_errors=True)


def _entry(line: str) -> tuple[str, str]:
    described, _, path = line.partition("\t")
    return path, described
