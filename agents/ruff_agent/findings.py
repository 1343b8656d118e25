"""Ruff: where it is, how it is configured for a repository, what it finds and what it fixes."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tomllib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from .turn import FAILED, NO_RUFF, CannotServe

_MISTAKES = ("F632", "F811", "E7", "W605")
_WORTH = (*_MISTAKES, "F401", "F541", "F", "E", "W", "B", "PIE", "C4", "UP", "SIM", "RET")
"""Rules by the worth of a repair: likely mistakes, dead code, then style of old and roundabout constructs."""
_OWN_FILES = (".ruff.toml", "ruff.toml", "pyproject.toml")
_OLDEST, _NEWEST, _USUAL = 7, 14, 10
_UNREADABLE = "invalid-syntax"
_START = {"row": 1, "column": 1}


@dataclass(frozen=True)
class Finding:
    """One finding: rule, path from the checkout's root, line, end as (line, column from 1), message, safely fixable."""

    rule: str
    path: str
    line: int
    end: tuple[int, int]
    message: str
    fixable: bool


class Ruff:
    """Ruff as it looks at one repository: with its own configuration if it has one, else with none at all.

    Args:
        root: folder of the checkout.
        select: rules, as ruff takes them.

    Raises:
        CannotServe: ruff is not installed.
    """

    def __init__(self, root: Path, select: str) -> None:
        self._root = root
        self._select = select
        self._program = _locate()
        self._configuration = _configuration(root)

    def check(self, paths: Iterable[str]) -> list[Finding]:
        """Return the findings in files, in ruff's order."""
        listed = list(paths)
        return self._findings(["--force-exclude", "--", *listed]) if listed else []

    def check_text(self, path: str, content: bytes) -> list[Finding]:
        """Return the findings in a text that is looked at as if it stood at `path`."""
        return self._findings([f"--stdin-filename={path}", "-"], content)

    def fix(self, paths: Iterable[str], only: str = "", without: Iterable[str] = ()) -> None:
        """Apply safe fixes to files until none is left.

        Args:
            paths: the files.
            only: rules, as ruff takes them; empty: all that are looked for.
            without: rules that are left alone.
        """
        listed = list(paths)
        options = [f"--select={only or self._select}", *(f"--ignore={rule}" for rule in without)]
        if listed:
            self._run(["--fix-only", "--no-unsafe-fixes", "--quiet", *options, "--force-exclude", "--", *listed])

    def _findings(self, arguments: list[str], content: bytes = b"") -> list[Finding]:
        output = self._run(["--output-format=json", f"--select={self._select}", *arguments], content)
        return [self._finding(entry) for entry in cast("list[dict[str, Any]]", json.loads(output))]

    def _finding(self, entry: dict[str, Any]) -> Finding:
        fix, start = entry["fix"], entry["location"] or _START
        end = entry["end_location"] or start
        return Finding(
            rule=entry["code"] or _UNREADABLE,
            path=Path(entry["filename"]).relative_to(self._root).as_posix(),
            line=start["row"],
            end=(end["row"], end["column"]),
            message=entry["message"],
            fixable=bool(fix) and fix["applicability"] == "safe",
        )

    def _run(self, arguments: list[str], content: bytes = b"") -> bytes:
        command = [*self._program, "check", "--no-cache", "--exit-zero", *self._configuration, *arguments]
        result = subprocess.run(command, cwd=self._root, input=content, capture_output=True, check=False)
        if result.returncode:
            said = result.stderr.decode("utf-8", "replace").strip()[-500:]
            raise CannotServe(f"ruff ended with code {result.returncode}; see its words: {said}", FAILED)
        return result.stdout


def worth(rule: str) -> tuple[int, str]:
    """Return a sort key: the most valuable rule first."""
    return next((place for place, prefix in enumerate(_WORTH) if rule.startswith(prefix)), len(_WORTH)), rule


def is_mistake(rule: str) -> bool:
    """Return whether what a rule finds is likely to be wrong, not only old or roundabout."""
    return rule.startswith(_MISTAKES)


def count(findings: Iterable[Finding]) -> Counter[str]:
    """Return how many findings each rule has."""
    return Counter(finding.rule for finding in findings)


def tell(counts: Counter[str]) -> str:
    """Return counts in words, the most valuable rule first; `none` for no finding."""
    return ", ".join(f"{rule} ×{counts[rule]}" for rule in sorted(counts, key=worth)) or "none"


def _locate() -> list[str]:
    own = [sys.executable, "-P", "-m", "ruff"]  # -P: a ruff.py of the checkout must not be taken for ruff
    if subprocess.run([*own, "--version"], capture_output=True, check=False).returncode == 0:
        return own
    found = shutil.which("ruff")
    if found is None:
        raise CannotServe(f"ruff is neither a module of {sys.executable!r} nor on PATH; install ruff", NO_RUFF)
    return [found]


def _configuration(root: Path) -> list[str]:
    for name in _OWN_FILES:
        ignored = _own_ignores(root / name)
        if ignored is not None:
            # Rules on the command line outweigh those that the repository leaves out on purpose.
            return [f"--config={name}", *(f"--ignore={rule}" for rule in ignored)]
    oldest, python2 = _oldest_python(root)
    return ["--isolated", f"--target-version=py3{oldest}", *(["--ignore=UP"] if python2 else [])]


def _own_ignores(file: Path) -> list[str] | None:
    """Return the rules that a configuration file ignores; none when it says nothing to ruff."""
    try:
        data: dict[str, Any] = tomllib.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    own = data.get("tool", {}).get("ruff") if file.name == "pyproject.toml" else data
    if own is None:
        return None
    places = (own, own.get("lint", {}))
    return [rule for place in places for key in ("ignore", "extend-ignore") for rule in place.get(key, [])]


def _oldest_python(root: Path) -> tuple[int, bool]:
    """Return the oldest minor version of Python 3 that the package declares, and whether it declares Python 2."""
    files = [root / name for name in ("pyproject.toml", "setup.cfg", "setup.py")]
    text = "\n".join(file.read_text("utf-8", "replace") for file in files if file.is_file())
    wanted = " ".join(re.findall(r"(?:requires-python|python_requires)\s*=\s*[\"']?([^\"'\n]+)", text))
    minors = [int(minor) for minor in re.findall(r"(?:>=|~=|==|>)\s*3\.(\d+)", wanted)]
    python2 = bool(re.search(r"(?:>=|~=|==)\s*2\.", wanted) or (not minors and re.search(r"Python :: 2\b", text)))
    return min(max(min(minors, default=_USUAL), _OLDEST), _NEWEST), python2
