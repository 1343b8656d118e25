"""What a change does to tests and test data that are compared line by line: languages other than Python, and data."""

from __future__ import annotations

import re
from collections.abc import Iterator

from contracts.integrity.strictness import UNPROVEN, Change, Judgement

_SKIP = re.compile(
    r"\.(skip|only|todo|failing|fixme)\b|\b(x|f)(it|describe|test|context|specify)\b|\b[A-Za-z]\.Skip(f|Now)?\b"
    r"|\bpending\b|#\[\s*(ignore|cfg|should_panic)|@(Disabled|Ignored?)\b|\[Ignore|\bSkip\s*=|GTEST_SKIP|DISABLED_"
    r"|\bassum(e|ing)[A-Z]\w*|markTest(Skipped|Incomplete)|@tag\s+:skip|\bos\.Exit\b|process\.exit\b"
)
_BLANKING = re.compile(r"^\s*(=begin|__END__|#\s*if(def|ndef)?\b|//\s*\+build|//go:build)")
_LEAVING = re.compile(r"^\s*(return|break|continue|throw|panic|exit)\b")
_PAIRS = (("(", ")"), ("[", "]"), ("{", "}"), ("/*", "*/"))


def compare_code(before: str, after: str) -> Judgement:
    """Return what a change does to a test in a language whose syntax is not read here.

    Every old line must still be there, in order; what was added must close what it opens, so that no old line
    ends up inside a comment or a condition.
    """
    old, new = before.splitlines(), after.splitlines()
    kept, blocks = _additions(old, new)
    if kept < len(old):
        shown = range(kept, kept + 1)
        return Judgement(Change.WEAKENED, f"{old[kept].strip()[:80]!r} is gone or changed", before=shown)
    for block in blocks:
        shown = range(block.start, block.stop)
        if marked := next((line for line in new[block.start : block.stop] if _SKIP.search(line)), None):
            return Judgement(Change.SKIPPED, f"{marked.strip()[:80]!r} leaves tests out", after=shown)
        if reason := _objection(new[block.start : block.stop]):
            return Judgement(Change.WEAKENED, reason, after=shown)
    return Judgement(Change.STRENGTHENED, "every line is kept and others were added")


def compare_data(before: str | None, after: str | None) -> Judgement:
    """Return what a change does to a file that tests read; only a new one leaves the old tests alone."""
    if before is None:
        return Judgement(Change.ADDED, "test data was added")
    fate = "deleted" if after is None else "changed"
    return Judgement(Change.WEAKENED, f"test data was {fate}, so the tests that read it {UNPROVEN}")


def _additions(old: list[str], new: list[str]) -> tuple[int, list[range]]:
    """Return how many old lines were found in order, and the blocks of new lines between them."""
    found, start = 0, 0
    blocks: list[range] = []
    for number, line in enumerate([*new]):
        if found < len(old) and line == old[found]:
            found += 1
            blocks.append(range(start, number))
            start = number + 1
    blocks.append(range(start, len(new)))
    return found, [block for block in blocks if block]


def _objection(lines: list[str]) -> str:
    text = "\n".join(lines)
    if any(not _closes(text, *pair) for pair in _PAIRS) or text.count("`") % 2 or text.count('"""') % 2:
        return "added lines open or close a block that holds old lines"
    if any(_BLANKING.search(line) for line in lines):
        return "added lines may take old lines out of the build"
    if any(_LEAVING.search(line) for line in _outermost(lines)):
        return "an added line leaves a test before its end"
    return ""


def _closes(text: str, opening: str, closing: str) -> bool:
    depth = 0
    for sign in re.findall(f"{re.escape(opening)}|{re.escape(closing)}", text):
        depth += 1 if sign == opening else -1
        if depth < 0:
            return False
    return depth == 0


def _outermost(lines: list[str]) -> Iterator[str]:
    depth = 0
    for line in lines:
        if depth == 0:
            yield line
        depth += line.count("{") - line.count("}")
