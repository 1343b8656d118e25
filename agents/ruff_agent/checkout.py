"""The checkout: which files this agent may change, what was changed, and how to take a change back."""

from __future__ import annotations

import os
import re
import subprocess
from fnmatch import fnmatchcase
from functools import cached_property
from pathlib import Path, PurePosixPath

from .turn import FAILED, CannotServe

_TEST_FOLDERS = frozenset({"test", "tests", "testing", "__tests__", "testdata", "__snapshots__", "__mocks__"})
_TEST_FILE = re.compile(
    r"test_.*\.py|.*_test\.py|tests?\.py|conftest\.py|noxfile\.py|setup\.py|(site|user)customize\.py", re.IGNORECASE
)
_FOREIGN_FOLDERS = frozenset({
    "vendor", "vendored", "_vendor", "_vendored", "third_party", "thirdparty", "extern", "externals", "node_modules",
    "site-packages", "venv", "env", "build", "dist", "migrations", "migrate", "alembic", "sitecustomize",
    "usercustomize",
})  # fmt: skip
_GENERATED = re.compile(r".*_pb2(_grpc)?\.py|_version\.py|.*\.(egg|dist)-info", re.IGNORECASE)
_GIT = ("git", "-c", "safe.directory=*", "-c", "core.quotePath=false", "-c", "core.autocrlf=false")
_DIFF = ("diff", "--no-ext-diff", "--no-textconv", "--no-renames", "-z")


class Checkout:
    """A work tree with its history.

    Args:
        root: folder of the work tree.
        base: commit that the change is measured against.
        exclude: patterns of further paths to leave alone.
    """

    def __init__(self, root: Path, base: str, exclude: tuple[str, ...] = ()) -> None:
        self.root = root
        self.base = base
        self._exclude = exclude

    def may_change(self, path: str) -> bool:
        """Return whether a path is Python source that is no test, no test configuration, generated or foreign."""
        pure = PurePosixPath(path)
        folders = [part.lower() for part in pure.parts[:-1]]
        odd = any(name in _TEST_FOLDERS | _FOREIGN_FOLDERS or name.startswith(".") for name in folders)
        named = any(_TEST_FILE.fullmatch(part) or _GENERATED.fullmatch(part) for part in pure.parts)
        excluded = any(fnmatchcase(path, pattern) or pure.is_relative_to(pattern) for pattern in self._exclude)
        return pure.suffix == ".py" and not (odd or named or excluded)

    @cached_property
    def python_files(self) -> list[str]:
        """Every Python file that Git knows; links are left out, because writing through them leaves the checkout."""
        listed = [path for path in self._git("ls-files", "-z", "--cached").split("\0") if path.endswith(".py")]
        return [path for path in listed if (self.root / path).is_file() and not (self.root / path).is_symlink()]

    @cached_property
    def sources(self) -> list[str]:
        """The Python files that may be changed."""
        return [path for path in self.python_files if self.may_change(path)]

    def text(self, path: str) -> bytes:
        """Return what a file holds now."""
        return (self.root / path).read_bytes()

    def write(self, path: str, content: bytes) -> None:
        """Replace what a file holds."""
        (self.root / path).write_bytes(content)

    def text_at_base(self, path: str) -> bytes | None:
        """Return what a file held at the base; none when it was not there."""
        if not self._git("ls-tree", "-z", "--name-only", self.base, "--", path):
            return None
        return self._git_bytes("cat-file", "blob", f"{self.base}:{path}")

    def changed(self) -> dict[str, int]:
        """Return each path that differs from the base with its added and removed lines; a binary file counts 0."""
        records = [record for record in self._git(*_DIFF, "--numstat", self.base, "--").split("\0") if record]
        sizes: dict[str, int] = {}
        for added, removed, path in (record.split("\t", 2) for record in records):
            sizes[path] = sum(int(number) for number in (added, removed) if number != "-")
        return sizes

    def take_back(self, path: str) -> None:
        """Give a path back what it held at the base; a new file goes."""
        content = self.text_at_base(path)
        if content is None:
            (self.root / path).unlink(missing_ok=True)
            return
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        self.write(path, content)

    def _git(self, *arguments: str) -> str:
        return self._git_bytes(*arguments).decode("utf-8", "replace")

    def _git_bytes(self, *arguments: str) -> bytes:
        result = subprocess.run(
            [*_GIT, *arguments],
            cwd=self.root,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C.UTF-8"},
            capture_output=True,
            check=False,
        )
        if result.returncode:
            said = result.stderr.decode("utf-8", "replace").strip()[-500:]
            raise CannotServe(
                f"git {arguments[0]!r} ended with code {result.returncode} in the checkout; see its words: {said}",
                FAILED,
            )
        return result.stdout
