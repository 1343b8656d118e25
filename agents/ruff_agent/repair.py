"""Coder: safe fixes, rule by rule and within a budget of changed lines, or files taken back after a review."""

from __future__ import annotations

import ast
from collections import Counter, defaultdict
from functools import cached_property

from .checkout import Checkout
from .exports import Exports
from .findings import Finding, Ruff, count, tell, worth
from .turn import FAILED, Answer, CannotServe, Turn, say

_MOST_PASSES = 3
"""A fix can open another one, such as an import that is unused after it."""


def compiles(content: bytes) -> bool:
    """Return whether a text is a Python module for the running interpreter."""
    try:
        ast.parse(content)
    except (SyntaxError, ValueError):
        return False
    return True


class Openings:
    """The findings that may be fixed, and what stands in the way of the others.

    Args:
        checkout: the checkout that the findings belong to.
        findings: all findings of the files that may be changed.
    """

    def __init__(self, checkout: Checkout, findings: list[Finding]) -> None:
        self._checkout = checkout
        self.kept: dict[str, str] = {}
        safe = [finding for finding in findings if finding.fixable]
        self._judge(safe)
        self.findings = {one for one in safe if one.path not in self.kept and (one.path, one.rule) not in self._held}

    @cached_property
    def _held(self) -> set[tuple[str, str]]:
        return set()

    def _judge(self, safe: list[Finding]) -> None:
        for path in sorted({finding.path for finding in safe}):
            if not compiles(self._checkout.text(path)):
                self.kept[path] = "it is no module for the Python that runs this agent"
        imports = [one for one in safe if one.rule == "F401" and one.path not in self.kept]
        for path, name in Exports(self._checkout).used(imports):
            self._held.add((path, "F401"))

    def told(self) -> list[str]:
        """Return a sentence for each file that is left alone."""
        return [f"Left alone: {path}: {why}." for path, why in self.kept.items()]
