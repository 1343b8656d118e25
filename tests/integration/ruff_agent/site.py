"""A repository with debts, the run's change on it, and the agent as the executable that it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

AGENT = Path(__file__).parents[3] / "agents" / "ruff_agent"
PERSON = {
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Ada",
    "GIT_AUTHOR_EMAIL": "ada@example.org",
    "GIT_COMMITTER_NAME": "Ada",
    "GIT_COMMITTER_EMAIL": "ada@example.org",
}
DEBTS = """import os
import sys


def area(shape):
    if not shape is None:
        return "{} by {}".format(shape.width, shape.height)
    else:
        return sys.maxsize
"""
"""F401, E714, UP032 and RET505, each once, each safe to fix."""
PAID = """import sys


def area(shape):
    if shape is not None:
        return f"{shape.width} by {shape.height}"
    return sys.maxsize
"""


@dataclass(frozen=True)
class Ended:
    """How the executable ended."""

    code: int
    stdout: str
    stderr: str

    @property
    def reply(self) -> dict[str, Any]:
        assert self.code == 0, self.stderr
        return json.loads(self.stdout)

    @property
    def text(self) -> str:
        return self.reply["text"]

    @property
    def structured(self) -> dict[str, Any]:
        return self.reply["structured"]


@dataclass
class Site:
    """A checkout on the branch of a run; `base` is what its change is measured against."""

    root: Path
    base: str
    environment: dict[str, str] = field(default_factory=dict[str, str])
    program: tuple[str, ...] = (sys.executable, str(AGENT))

    def git(self, *args: str) -> str:
        return _git(self.root, *args)

    def read(self, path: str) -> str:
        return (self.root / path).read_text()

    def change(self, files: dict[str, str | None]) -> None:
        """Commit what a run's earlier step left behind."""
        _commit(self.root, files)

    def status(self) -> list[str]:
        return self.git("status", "--porcelain").splitlines()

    def lines(self) -> int:
        rows = self.git("diff", "--numstat", self.base).splitlines()
        return sum(int(number) for row in rows for number in row.split("\t")[:2])

    def turn(self, kind: str, **fields: Any) -> dict[str, Any]:
        place = {"path": str(self.root), "writable": True, "base": "main", "base_commit": self.base, "branch": "run"}
        return {"protocol": 1, "kind": kind, "session": "run/coder/1", "workspace": place, "options": {}, **fields}

    def take(self, kind: str, *flags: str, **fields: Any) -> Ended:
        return self.start(json.dumps(self.turn(kind, **fields)), *flags)

    def start(self, document: str, *flags: str) -> Ended:
        done = subprocess.run(
            [*self.program, *flags],
            input=document,
            cwd=self.root,
            env={"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", **self.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)


def revision(feedback: str = "", *comments: tuple[str, str]) -> dict[str, Any]:
    listed = [{"severity": severity, "body": "wrong", "file": file, "line": 0} for severity, file in comments]
    return {"previous": "", "feedback": feedback, "comments": listed}


def make_site(root: Path, files: dict[str, str]) -> Site:
    root.mkdir(parents=True)
    _git(root, "init", "--quiet", "--initial-branch=main")
    _commit(root, dict(files))
    return Site(root, _git(root, "rev-parse", "HEAD"))


def _commit(root: Path, files: dict[str, str | None]) -> None:
    for name, text in files.items():
        if text is None:
            (root / name).unlink()
            continue
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    _git(root, "add", "--all", "--force")
    _git(root, "commit", "--quiet", "--allow-empty", "--message", "change")


def _git(root: Path, *args: str) -> str:
    command = ["git", "-c", "safe.directory=*", *args]
    done = subprocess.run(command, cwd=root, env={**os.environ, **PERSON}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()
