"""A repository on this machine, bare or a person's own clone: found by name and read without its configuration.

Its refs are listed in place; whatever looks at content works in a temporary view with a configuration of its
own, so that no filter, merge driver or helper that the repository names can run.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import ValidationError

from blocks.git import Git, GitFailed, init_bare, serving
from contracts.errors import Misconfigured
from contracts.work import Repository

_TRANSPORT = {"GIT_ALLOW_PROTOCOL": "file"}


@dataclass(frozen=True)
class Branch:
    """A branch: the commit at its tip, and the work tree that has it checked out (empty: none)."""

    tip: str
    checkout: str


class LocalRepository:
    """A repository on disk.

    Args:
        name: its name on the forge.
        directory: its Git directory, absolute.
        tree: the work tree of a repository that is not bare.
    """

    def __init__(self, name: str, directory: Path, tree: Path | None) -> None:
        self.name = name
        self.directory = directory
        self.tree = tree
        self._git = Git(directory)

    @property
    def folder(self) -> Path:
        """Where the forge keeps its records of this repository."""
        return self.directory / "delivery"

    def branches(self, pattern: str = "") -> dict[str, Branch]:
        """Return the branches by name; with a pattern, the branch of that name and those below it."""
        form = "%(refname:strip=2)%00%(objectname)%00%(worktreepath)"
        text = self._git.run("for-each-ref", f"--format={form}", f"refs/heads/{pattern}")
        rows = [line.split("\0") for line in text.splitlines()]
        # Git shows a bare repository as the work tree of its own HEAD.
        return {name: Branch(tip, "" if self._is_own(place) else place) for name, tip, place in rows}

    def branch(self, name: str) -> Branch | None:
        """Return one branch, or none."""
        return self.branches(name).get(name)

    def delete(self, branch: str, tip: str) -> None:
        """Delete a branch that is still at `tip`."""
        self._git.run("update-ref", "-d", f"refs/heads/{branch}", tip)

    def fetch_into(self, target: Git, *arguments: str) -> None:
        """Run `git fetch` of this repository in `target`, with further options before `--` and refspecs after it."""
        split = arguments.index("--")
        options, refspecs = arguments[:split], arguments[split + 1 :]
        guard = f"--upload-pack={serving('upload-pack')}"
        always = ("--quiet", "--no-tags", "--no-recurse-submodules", guard)
        target.run("fetch", *always, *options, str(self.directory), *refspecs, env=_TRANSPORT)

    def receive(self, source: Git, branch: str, commit: str, expected: str) -> None:
        """Move `branch` to `commit` of `source`, if its tip is still `expected` (empty: it does not exist).

        Raises:
            GitFailed: the tip is another one, or the branch is checked out.
        """
        ref = f"refs/heads/{branch}"
        lease = f"--force-with-lease={ref}:{expected}"
        guard = f"--receive-pack={serving('receive-pack')}"
        source.run("push", "--quiet", guard, lease, str(self.directory), f"{commit}:{ref}", env=_TRANSPORT)

    @contextmanager
    def view(self) -> Generator[Git]:
        """Yield a temporary bare repository that sees this one's objects and nothing else of it.

        What is written there is not seen here until it is received.
        """
        with TemporaryDirectory(prefix="delivery-view-") as folder:
            git = init_bare(Path(folder) / "view.git")
            alternates = git.directory / "objects" / "info" / "alternates"
            alternates.write_text(f"{self.directory / 'objects'}\n", encoding="utf-8", errors="surrogateescape")
            yield git

    def changes(self, tip: str) -> list[str]:
        """Return the paths in the work tree that differ from `tip` or are untracked, without ignored ones."""
        if self.tree is None:
            return []
        _, executable = self._git.call("config", "--type=bool", "--get", "core.fileMode", ok=(0, 1))
        with self.view() as view:
            view.run("config", "core.excludesFile", str(self.directory / "info" / "exclude"))
            view.run("config", "core.fileMode", executable or "true")
            view.run("update-ref", "--no-deref", "HEAD", tip)
            for shared in self.directory.glob("sharedindex.*"):
                (view.directory / shared.name).symlink_to(shared)
            index = {"GIT_INDEX_FILE": str(self.directory / "index"), "GIT_OPTIONAL_LOCKS": "0"}
            options = ("--porcelain", "-z", "--no-renames", "--untracked-files=normal", "--ignore-submodules=all")
            text = Git(view.directory, self.tree).run("status", *options, env=index)
        return [entry[3:] for entry in text.split("\0") if entry]

    def _is_own(self, place: str) -> bool:
        return bool(place) and self.tree is None and Path(place) == self.directory.resolve()


def find_repository(root: Path, name: str) -> LocalRepository:
    """Return the repository `name` below `root`: `<name>` (bare, or a clone with its `.git`), else `<name>.git`.

    Raises:
        Misconfigured: there is none, or it cannot serve as a forge.
    """
    try:
        Repository(name=name)
    except ValidationError as error:
        raise Misconfigured(f"{name!r} is not the name of a repository; write it as shop or acme/shop") from error
    place = root.expanduser().absolute() / name
    bare = place.with_name(f"{place.name}.git")
    clone = place / ".git"
    tree = place if clone.is_dir() else None
    directory = clone if tree else place if place.is_dir() else bare
    if not directory.is_dir():
        raise Misconfigured(f"there is no repository {name!r}; create {str(bare)!r} or correct the work item")
    try:
        Git(directory).run("rev-parse", "--git-dir")
    except GitFailed as error:
        raise Misconfigured(
            f"{str(directory)!r} is not a Git repository; create it with git init --bare", detail=error.detail
        ) from error
    if (directory / "shallow").exists():
        raise Misconfigured(f"the repository {name!r} is a shallow clone; run git fetch --unshallow in it")
    return LocalRepository(name, directory, tree)
