"""A workspace of a run in the hands of a test."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from blocks.workspace import Workspace

Make = Callable[[dict[str, str]], "Checkout"]


class Checkout:
    """A workspace whose tree stands, exposed, at a first commit."""

    def __init__(self, home: Path, files: dict[str, str]) -> None:
        self.workspace = Workspace(home)
        self.tree = self.workspace.tree
        assert self.workspace.create()
        self.write(files)
        git = self.workspace.git
        git.run("add", "--all", "--force")
        self.base = self.workspace.commit(git.run("write-tree"), "first")
        self.begin()

    def begin(self, commit: str = "") -> None:
        """Do what happens before each turn."""
        self.workspace.create()
        self.workspace.restore(commit or self.base)
        self.workspace.expose("delivery/x", commit or self.base, "main", self.base)

    def write(self, files: dict[str, str]) -> None:
        for path, text in files.items():
            (self.tree / path).parent.mkdir(parents=True, exist_ok=True)
            (self.tree / path).write_text(text)

    def record(self, files: dict[str, str], head: str = "") -> str:
        """Commit a change of a turn that began at `head`."""
        self.begin(head)
        self.write(files)
        made = self.workspace.snapshot("change", head or self.base)
        assert made is not None
        return made.commit

    def seen(self) -> dict[str, str]:
        """Path → text of the whole tree but `.git`."""
        return read_all(self.tree)


def read_all(tree: Path) -> dict[str, str]:
    files = (path for path in tree.rglob("*") if path.is_file() and path.relative_to(tree).parts[0] != ".git")
    return {str(path.relative_to(tree)): path.read_text() for path in files}
