"""Which findings may be fixed: safe for ruff, checkable here, and without taking a name from another file."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cached_property
from pathlib import PurePosixPath

from .checkout import Checkout
from .findings import Finding, worth

UNUSED_IMPORT = "F401"


@dataclass(frozen=True)
class Openings:
    """The findings that may be fixed, the files whose imports stay, and a sentence for each thing left alone."""

    findings: frozenset[Finding]
    imports_stay: frozenset[str]
    left_alone: tuple[str, ...]

    def rules(self, path: str) -> list[str]:
        """Return the rules with an opening in a file, the most valuable first."""
        return sorted({finding.rule for finding in self.findings if finding.path == path}, key=worth)

    def number(self, path: str) -> int:
        """Return how many openings a file has."""
        return sum(finding.path == path for finding in self.findings)

    @property
    def paths(self) -> list[str]:
        """The files with an opening."""
        return sorted({finding.path for finding in self.findings})


def find_openings(checkout: Checkout, findings: list[Finding]) -> Openings:
    """Return what may be fixed of the findings of a checkout.

    A file that the running interpreter cannot parse is left alone, because nobody could tell whether it is whole
    afterwards. Unused imports of a module stay when another file takes one of them from it.
    """
    safe = [finding for finding in findings if finding.fixable]
    unreadable = {path for path in {one.path for one in safe} if not compiles(checkout.text(path))}
    unused: defaultdict[str, list[Finding]] = defaultdict(list)
    for finding in safe:
        if finding.rule == UNUSED_IMPORT and finding.path not in unreadable:
            unused[finding.path].append(finding)
    importers = Importers(checkout)
    needed = {path: importers.needed(path, unused[path]) for path in sorted(unused)}
    open_ = [one for one in safe if one.path not in unreadable]
    open_ = [one for one in open_ if one.rule != UNUSED_IMPORT or not needed[one.path]]
    reasons = [f"Left alone: {path} is no module for the Python that runs this agent." for path in sorted(unreadable)]
    reasons += [
        f"Left alone: the unused imports of {path}, because other files may take {', '.join(names)} from it."
        for path, names in needed.items()
        if names
    ]
    return Openings(frozenset(open_), frozenset(path for path in needed if needed[path]), tuple(reasons))


def compiles(content: bytes) -> bool:
    """Return whether a text is a Python module for the running interpreter."""
    try:
        ast.parse(content)
    except (SyntaxError, ValueError):
        return False
    return True


class Importers:
    """What the files of a repository take from its modules."""

    def __init__(self, checkout: Checkout) -> None:
        self._checkout = checkout

    @cached_property
    def _texts(self) -> dict[str, str]:
        return {path: self._checkout.text(path).decode("utf-8", "replace") for path in self._checkout.python_files}

    def needed(self, path: str, unused: list[Finding]) -> list[str]:
        """Return the unused imports of a file that another file may use."""
        bound = bound_names(self._checkout.text(path))
        if any(one.end not in bound for one in unused):
            return ["an import that could not be read"]
        return self.taken(path, {bound[one.end] for one in unused})

    def taken(self, path: str, names: set[str]) -> list[str]:
        """Return those of some names of a file that another file may take from it."""
        pure = PurePosixPath(path)
        module = pure.parent.name if pure.stem == "__init__" else pure.stem
        others = [text for other, text in self._texts.items() if names and other != path and module in text]
        return sorted({name for text in others for name in _taken(text, module, names)})


def bound_names(content: bytes) -> dict[tuple[int, int], str]:
    """Return the name that each import binds, by the place where it ends (line and column from 1)."""
    nodes = [node for node in ast.walk(ast.parse(content)) if isinstance(node, ast.alias)]
    places = [(node.end_lineno or 0, (node.end_col_offset or 0) + 1) for node in nodes]
    names = [node.asname or node.name.partition(".")[0] for node in nodes]
    return dict(zip(places, names, strict=True))


def _taken(text: str, module: str, names: set[str]) -> set[str]:
    """Return the names that a file takes from a module, by import, as an attribute or in a text."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return names
    taken: set[str] = set()
    known_as = {module}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").rpartition(".")[2] == module:
            imported = {alias.name for alias in node.names}
            taken |= names if "*" in imported else names & imported
        if isinstance(node, ast.Import | ast.ImportFrom):
            known_as |= {alias.asname for alias in node.names if alias.asname and alias.name.endswith(module)}
    words = "|".join(map(re.escape, known_as)), "|".join(map(re.escape, names))
    return taken | set(re.findall(rf"\b(?:{words[0]})\s*[.,]\s*[\"']?({words[1]})\b", text))
