"""What each kind of agent is told about its task: one Markdown file a kind, without the name of any model."""

from __future__ import annotations

from functools import cache
from importlib.resources import files


@cache
def instructions(kind: str) -> str:
    """Return what an agent of a kind is told about its task, as Markdown; each file is read once.

    Raises:
        LookupError: there are no instructions for the kind.
    """
    file = files(__name__) / f"{kind}.md"
    if not file.is_file():
        raise LookupError(f"there are no instructions for the kind {kind!r}; add contracts/prompts/{kind}.md")
    return file.read_text(encoding="utf-8").strip()
