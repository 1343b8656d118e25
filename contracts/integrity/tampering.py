"""What a change does to the tests that are to judge it.

The tests of the base commit are the oracle. A test that was weakened, skipped or deleted, and a configuration that was
neutered, is a finding that only a person lets pass; so is everything that could not be understood.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import PurePosixPath

from pydantic import BaseModel, ConfigDict, Field

from contracts.integrity import line_tests, python_tests
from contracts.integrity.hunks import Hunks
from contracts.integrity.strictness import BLOCKING, UNPROVEN, Change, Judgement, blocks
from contracts.integrity.suite_configuration import judge_configuration
from contracts.integrity.suite_files import (
    has_test_name,
    is_code,
    is_compiled,
    is_python,
    is_test,
    is_test_configuration,
    shadows_test_tool,
    suite_root,
)
from contracts.integrity.syntax_shape import UNREADABLE, names_in, parse

__all__ = ["UNREADABLE_TEXT", "Change", "Tampering", "classify"]

UNREADABLE_TEXT = "\0"
"""Stands for the text of a file that is not text."""

_LONGEST = 1_000_000
_LONGEST_WHY = 400

_Texts = Mapping[str, str | None]


class Tampering(BaseModel):
    """What a change does to one test, or to one file of the tests."""

    model_config = ConfigDict(frozen=True)

    path: str = Field(description="Path in the repository; the new one when the file was moved.")
    name: str = Field(default="", description="The test, such as TestCart.test_total; empty for the whole file.")
    change: Change = Field(description="What was done to it.")
    why: str = Field(description="The observed fact, in one sentence.")
    hunk: str = Field(default="", description="Unified diff that shows it, at most 3,000 characters.")

    @property
    def blocks(self) -> bool:
        """Whether only a person lets it pass."""
        return self.change in BLOCKING


def classify(before: _Texts, after: _Texts) -> list[Tampering]:
    """Return what a change does to the tests, by path; nothing for paths that have no part in them.

    Args:
        before: path → text in the base commit for every path that the change touched; none: the path was absent,
            `UNREADABLE_TEXT`: it was not text. Untouched tests may be given on both sides as context: a fixture that
            takes a name they use then counts as an override.
        after: the same for the new tree.

    Never raises on any text. Texts above 1,000,000 characters count as unreadable, and what is unreadable on either
    side counts as weakened, also when both sides are.
    """
    paths = [path for path in sorted(before.keys() | after.keys()) if _is_touched(before.get(path), after.get(path))]
    moves = _moves(paths, before, after)
    used = _names_used(before)
    found: list[Tampering] = []
    for path in paths:
        if path in moves.values():
            continue
        origin = moves.get(path, path)
        old, new = before.get(origin), after.get(path)
        judgements = _judge_move(origin, old, new) if path in moves else _judge(path, old, new, used)
        found += _present(path, old, new, judgements)
    return found


def _is_touched(old: str | None, new: str | None) -> bool:
    return old != new or old == UNREADABLE_TEXT


def _is_unreadable(text: str | None) -> bool:
    return text is not None and (text == UNREADABLE_TEXT or len(text) > _LONGEST)


def _present(path: str, old: str | None, new: str | None, judgements: Sequence[Judgement]) -> list[Tampering]:
    if not judgements:
        return []
    readable = not _is_unreadable(old) and not _is_unreadable(new)
    hunks = Hunks(path, old, new) if readable else None
    return [
        Tampering(
            path=path,
            name=judgement.name,
            change=judgement.change,
            why=judgement.why[:_LONGEST_WHY],
            hunk=hunks.touching(judgement.before, judgement.after) if hunks else "",
        )
        for judgement in judgements
    ]


def _judge(path: str, old: str | None, new: str | None, used: set[str]) -> list[Judgement]:
    unreadable = _is_unreadable(old) or _is_unreadable(new)
    if is_test_configuration(path):
        if unreadable:
            return [Judgement(Change.NEUTERED, "it configures the test run and cannot be read as text")]
        if judgements := judge_configuration(path, old, new, used):
            return judgements
    if old is None and shadows_test_tool(path):
        return [Judgement(Change.NEUTERED, "the new module would be imported instead of one that the test run needs")]
    if not is_test(path):
        return []
    if is_compiled(path):
        return [Judgement(Change.NEUTERED, "a compiled module among the tests can hold anything")]
    return _judge_test_file(path, old, new, unreadable=unreadable)


def _judge_test_file(path: str, old: str | None, new: str | None, *, unreadable: bool) -> list[Judgement]:
    if not is_python(path) and not is_code(path):
        return [line_tests.compare_data(old, new)]
    if new is None:
        return [Judgement(Change.DELETED, "the file is gone, or no longer where tests are collected")]
    if unreadable:
        return [Judgement(Change.WEAKENED, f"the file cannot be read as text, so it {UNPROVEN}")]
    if old is None:
        return python_tests.added(new) if is_python(path) else [Judgement(Change.ADDED, "a test file was added")]
    if is_python(path):
        return python_tests.compare(old, new) or [Judgement(Change.EQUIVALENT, "only its form changed")]
    return [line_tests.compare_code(old, new)]


def _judge_move(origin: str, old: str | None, new: str | None) -> list[Judgement]:
    kept = [Judgement(Change.EQUIVALENT, f"it was moved from {origin!r}")]
    return kept if old == new else python_tests.compare(old or "", new or "") or kept


def _moves(paths: Iterable[str], before: _Texts, after: _Texts) -> dict[str, str]:
    """Return new path → old path for test files that were moved and are still collected.

    A file that was renamed must be the same, one that kept its name may have been strengthened on the way.
    """
    touched = list(paths)
    gone = [path for path in touched if after.get(path) is None and has_test_name(path)]
    new = [path for path in touched if before.get(path) is None and has_test_name(path)]
    moves: dict[str, str] = {}
    for origin in gone:
        places = sorted((path for path in new if path not in moves), key=lambda path: not _same_name(path, origin))
        for path in places:
            if _is_moved(origin, path, before.get(origin), after.get(path)):
                moves[path] = origin
                break
    return moves


def _same_name(path: str, other: str) -> bool:
    return PurePosixPath(path).name == PurePosixPath(other).name


def _is_moved(origin: str, path: str, old: str | None, new: str | None) -> bool:
    if (
        old is None
        or new is None
        or suite_root(origin) != suite_root(path)
        or _is_unreadable(old)
        or _is_unreadable(new)
    ):
        return False
    if PurePosixPath(origin).suffix != PurePosixPath(path).suffix:
        return False
    comparable = is_python(path) and _same_name(path, origin)
    return old == new or (comparable and not blocks(python_tests.compare(old, new)))


def _names_used(texts: _Texts) -> set[str]:
    """Return the names that the old tests use, among them every fixture that they ask for."""
    found: set[str] = set()
    for path, text in texts.items():
        if text is None or _is_unreadable(text) or not is_python(path):
            continue
        if not is_test(path) and not is_test_configuration(path):
            continue
        try:
            found |= names_in(parse(text).body)
        except UNREADABLE:
            continue
    return found
