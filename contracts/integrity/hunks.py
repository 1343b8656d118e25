"""The part of a change that a person must see to judge one finding."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

LENGTH = 3_000
"""Most characters of a hunk; the cut is marked."""

_CUT = "\n[cut]"
_COARSE = "coarse"
_COMPARED = 2_000
_CONTEXT = 3

_Opcode = tuple[str, int, int, int, int]


class Hunks:
    """The unified diff of one file, computed once and cut to what is asked for.

    Files are compared line by line up to 2,000 differing lines; beyond that the lines in question are shown as one
    replacement, because the cost of an exact comparison grows with the square.
    """

    def __init__(self, path: str, before: str | None, after: str | None) -> None:
        self._path = path
        self._sides = (before is None, after is None)
        self._before = (before or "").splitlines()
        self._after = (after or "").splitlines()
        self._groups = list(_groups(self._before, self._after))

    def touching(self, before: range | None = None, after: range | None = None) -> str:
        """Return the hunks that touch these lines, counted from 0; the whole diff when none does."""
        chosen = [group for group in self._groups if _overlaps(group, before, after)] or self._groups
        if self._groups and self._groups[0][0][0] == _COARSE and (before or after):
            old, new = before or range(0), after or range(0)
            chosen = [[(_COARSE, old.start, old.stop, new.start, new.stop)]]
        text = "\n".join(self._heading())
        for line in (line for group in chosen for line in self._lines(group)):
            if len(text) > LENGTH:
                break
            text += "\n" + line
        return text if len(text) <= LENGTH else text[: LENGTH - len(_CUT)] + _CUT

    def _heading(self) -> list[str]:
        old, new = ("/dev/null" if absent else self._path for absent in self._sides)
        return [f"--- {old}", f"+++ {new}"]

    def _lines(self, group: list[_Opcode]) -> Iterator[str]:
        _, before, _, after, _ = group[0]
        _, _, before_end, _, after_end = group[-1]
        yield f"@@ -{before + 1},{before_end - before} +{after + 1},{after_end - after} @@"
        for kind, i1, i2, j1, j2 in group:
            if kind == "equal":
                yield from (" " + line for line in self._before[i1:i2])
            else:
                yield from ("-" + line for line in self._before[i1:i2])
                yield from ("+" + line for line in self._after[j1:j2])


def _groups(before: Sequence[str], after: Sequence[str]) -> list[list[_Opcode]]:
    shortest = min(len(before), len(after))
    head = next((n for n in range(shortest) if before[n] != after[n]), shortest)
    tail = next((n for n in range(shortest - head) if before[-1 - n] != after[-1 - n]), shortest - head)
    start = max(0, head - _CONTEXT)
    ends = (min(len(before), len(before) - tail + _CONTEXT), min(len(after), len(after) - tail + _CONTEXT))
    old, new = before[start : ends[0]], after[start : ends[1]]
    if max(len(old), len(new)) > _COMPARED:
        return [[(_COARSE, start, ends[0], start, ends[1])]]
    return [
        [(kind, i1 + start, i2 + start, j1 + start, j2 + start) for kind, i1, i2, j1, j2 in group]
        for group in SequenceMatcher(None, old, new, autojunk=False).get_grouped_opcodes(_CONTEXT)
    ]


def _overlaps(group: list[_Opcode], before: range | None, after: range | None) -> bool:
    changed = [opcode for opcode in group if opcode[0] != "equal"]
    return any(
        (before is not None and i1 <= before.stop and before.start <= i2)
        or (after is not None and j1 <= after.stop and after.start <= j2)
        for _, i1, i2, j1, j2 in changed
    )
