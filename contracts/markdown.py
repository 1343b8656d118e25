"""Text from outside as parts of Markdown: cells, fences, tables, single lines."""

from __future__ import annotations

import re

from contracts.redaction import MASK, redact

_MASKED = re.compile(re.escape(MASK.replace("[", r"\[").replace("]", r"\]")) + r"(?![\[(:])")
"""The sign of a secret, escaped; before any of these signs it could be a link and stays so."""


def cell(text: str) -> str:
    """Return text as one cell of a table: one line, redacted, escaped where a sign would end it or mark it up."""
    flat = " ".join(redact(text).split())[:300]
    return _MASKED.sub(MASK, re.sub(r"([\\|<>`*~\[\]])", r"\\\1", flat)) or " "


def fenced(text: str) -> str:
    """Return text as it is, between fences that nothing inside can close."""
    mark = "`" * max(3, max(map(len, re.findall(r"`+", text)), default=0) + 1)
    return f"{mark}\n{text}\n{mark}"


def plain(text: str, most: int = 100) -> str:
    """Return text as one line of at most `most` characters, with a sign where it was cut."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else f"{flat[: most - 1]}…"


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Return a Markdown table; no rows give an empty text."""
    if not rows:
        return ""
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def seconds(value: float) -> str:
    """Return a duration as a person reads it: 0.4 s, 12 s, 3 min 20 s."""
    if value < 10:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
