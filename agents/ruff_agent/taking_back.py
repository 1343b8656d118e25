"""Fixer: the part of the change that a failing report points at is given back its old text."""

from __future__ import annotations

import ast
import re

from .checkout import Checkout
from .openings import compiles
from .turn import Answer
from .work import Work

_PATH = re.compile(r"[\w./@+-]+\.py\b")


def fix(work: Work) -> Answer:
    """Take back the changed files that the report names, else the most suspicious one; tests stay as they are."""
    checkout = work.checkout
    changed = [path for path in checkout.changed() if checkout.may_change(path)]
    if not changed:
        reason = "no source file differs from the base, so the failure has another cause"
        return Answer(f"Nothing was taken back: {reason}.", None, reason)
    named = sorted(_named(work.turn.feedback, checkout) & set(changed))
    if named:
        return take_back(work, named, "the failing report names it")
    sizes = checkout.changed()
    suspect = max(changed, key=lambda path: (len(_lost_names(checkout, path)), sizes[path], path))
    return take_back(work, [suspect], "the report names no changed file, and this one lost the most")


def take_back(work: Work, paths: list[str], why: str) -> Answer:
    """Give files the text of the base again and say what that does to the findings."""
    checkout, ruff = work.checkout, work.ruff
    before = len(ruff.check(checkout.sources))
    for path in paths:
        checkout.take_back(path)
    listed = ", ".join(paths)
    remaining = [path for path in checkout.sources if (checkout.root / path).is_file()]
    counts = f"ruff findings: {before} before, {len(ruff.check(remaining))} after"
    subject = f"Take back the change of {paths[0] if len(paths) == 1 else f'{len(paths)} files'}"
    return Answer(
        text=f"{counts}; taken back: {listed} ({why}).",
        commit_message=f"{subject}\n\nTaken back: {listed} ({why}).\n{counts}.",
    )


def _named(report: str, checkout: Checkout) -> set[str]:
    """Return the files of the repository that a report names; the longest path that ends a name is meant."""
    known = set(checkout.python_files) | checkout.changed().keys()
    found: set[str] = set()
    for name in set(_PATH.findall(report)):
        parts = name.split("/")
        tails = ("/".join(parts[start:]) for start in range(len(parts)))
        found.add(next((tail for tail in tails if tail in known), name))
    return found


def _lost_names(checkout: Checkout, path: str) -> set[str]:
    """Return the names that a file imported or defined at the base and does not any more."""
    base = checkout.text_at_base(path)
    present = checkout.text(path) if (checkout.root / path).is_file() else b""
    return _names(base or b"") - _names(present)


def _names(content: bytes) -> set[str]:
    if not compiles(content):
        return set()
    nodes = list(ast.walk(ast.parse(content)))
    imported = {node.asname or node.name for node in nodes if isinstance(node, ast.alias)}
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    return imported | {node.name for node in nodes if isinstance(node, kinds)}
