"""A row of a file of bugs as a Git repository, and the hidden test that judges what its base holds in the end."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from blocks.git import Git, init_bare
from blocks.local_sandbox import LocalSandbox
from blocks.sandbox import Command
from contracts.agent import Limits
from contracts.errors import Misconfigured

MODULE = "solution.py"
TEST = "tests/test_solution.py"
CONFTEST = "conftest.py"
SETTINGS = "setup.cfg"
PROJECT = "pyproject.toml"
JUDGE_SECONDS = 60.0
"""Wall clock of a hidden test."""

_SETTINGS = "[tool:pytest]\ntestpaths = tests\n"
_PROJECT = '[project]\nname = "solution"\nversion = "1.0"\n'
_CONFTEST = """import pytest


@pytest.fixture
def tolerance() -> float:
    \"\"\"Largest error of a result.\"\"\"
    return 1e-6
"""


class Row(BaseModel):
    """One bug: a function with a docstring, a wrong and a right body, a visible and a hidden test.

    Fields beside these are allowed and ignored.
    """

    model_config = ConfigDict(frozen=True)

    task_id: str = Field(min_length=1, description="Identity of the bug in its file.")
    entry_point: str = Field(pattern=r"^[A-Za-z_]\w*$", description="Name of the function.")
    prompt: str = Field(description="Imports, signature and docstring; the body follows it.")
    buggy_solution: str = Field(min_length=1, description="The wrong body, indented.")
    canonical_solution: str = Field(min_length=1, description="The right body, indented.")
    example_test: str = Field(
        default="", description="The visible test: `check` is defined and called; blank: the row has none."
    )
    test: str = Field(min_length=1, description="The hidden test, of the same form.")

    @property
    def buggy(self) -> str:
        """The module as it is delivered with its bug."""
        return f"{self.prompt.rstrip()}\n{self.buggy_solution.strip(chr(10))}\n"

    @property
    def fixed(self) -> str:
        """The module with the known fix."""
        return f"{self.prompt.rstrip()}\n{self.canonical_solution.strip(chr(10))}\n"

    @property
    def suite(self) -> str:
        """The visible test as a pytest module, beside one that is green with the bug, as most of a suite is."""
        head = f"from solution import {self.entry_point}\n\n\n"
        beside = f"def test_callable():\n    assert callable({self.entry_point})\n"
        if not self.example_test.strip():
            return head + beside
        lines = [line for line in self.example_test.strip().splitlines() if not line.startswith("check(")]
        check = "\n".join(lines).rstrip()
        return f"{head}{check}\n\n\n{beside}\n\ndef test_example():\n    check({self.entry_point})\n"

    @property
    def files(self) -> dict[str, str]:
        """Path → text of the repository's first commit."""
        return {MODULE: self.buggy, TEST: self.suite, CONFTEST: _CONFTEST, SETTINGS: _SETTINGS, PROJECT: _PROJECT}


def read_rows(path: Path) -> list[Row]:
    """Return the bugs of a file with one JSON object a line, such as those of HumanEvalFix.

    Raises:
        Misconfigured: the file cannot be read, holds no row, or one of its lines is not a row.
    """
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
        rows = [Row.model_validate_json(line) for line in lines]
    except (OSError, UnicodeDecodeError, ValidationError) as error:
        raise Misconfigured(f"{str(path)!r} is not a file of bugs, one JSON object a line: {error}") from error
    if not rows:
        raise Misconfigured(f"{str(path)!r} holds no row; give a file with one JSON object a line")
    return rows


def make_repository(row: Row, root: Path, name: str) -> Path:
    """Make the bare repository `name` below `root` with one commit on main, and return it."""
    tree = root / f"{name}.first"
    for path, text in row.files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text, encoding="utf-8")
    git = Git(init_bare(root / f"{name}.git").directory, tree)
    git.run("add", "--all")
    commit = git.run("commit-tree", git.run("write-tree"), stdin="The function and its example\n")
    git.run("update-ref", "refs/heads/main", commit)
    shutil.rmtree(tree)
    return git.directory


def passes_hidden_test(row: Row, repository: Path, scratch: Path) -> bool:
    """Return whether the module on the repository's main passes the row's hidden test.

    Args:
        row: the bug.
        repository: bare repository.
        scratch: folder that does not exist yet.
    """
    return _passes(Git(repository).run("cat-file", "blob", f"main:{MODULE}"), row.test, scratch)


def shows_bug(row: Row, scratch: Path) -> bool:
    """Return whether the visible test fails with the bug; without that, no suite tells a fix from a remark.

    Args:
        row: the bug.
        scratch: folder that does not exist yet.
    """
    return not _passes(row.buggy, row.example_test, scratch)


def _passes(module: str, test: str, scratch: Path) -> bool:
    """Run module and test in a sandbox, in a folder that holds nothing else.

    What says that the test came to its end is a word that the module cannot have been written with.
    """
    word = secrets.token_hex(16)
    scratch.mkdir(parents=True)
    (scratch / "judge.py").write_text(f"{module}\n\n{test}\n\nprint({word!r})\n", encoding="utf-8")
    limits = Limits(wall_seconds=JUDGE_SECONDS, quiet_seconds=JUDGE_SECONDS)
    command = Command(argv=["python3", "-I", "judge.py"], directory=scratch, limits=limits)
    result = LocalSandbox().run(command)
    return result.succeeded and result.stdout.strip().endswith(word)
