"""Lines at the end of an agent's answer that say more than prose: no change needed, a question, a commit message."""

from __future__ import annotations

import re
from typing import NamedTuple

from pydantic import ValidationError

from contracts.agent import AgentQuestion

NO_CHANGE, QUESTION, COMMIT = "NO CHANGE NEEDED:", "QUESTION:", "COMMIT MESSAGE:"
"""How such a line begins; the prompt tells agents so. The options of a question follow it, separated by |."""
_MARKED = re.compile(r"^[\s>*_`#-]*(NO CHANGE NEEDED|QUESTION|COMMIT MESSAGE)\s*:[*_`\s]*(.*?)[*_`\s]*$", re.IGNORECASE)
_MOST_OPTIONS = 10


class Spoken(NamedTuple):
    """An answer with its marked lines taken apart.

    Args:
        text: the answer without the commit message's line.
        no_change_needed: the stated reason; empty: none.
        question: the question to a person; none: none, or one without words.
        commit_message: the proposed message; empty: none.
    """

    text: str
    no_change_needed: str = ""
    question: AgentQuestion | None = None
    commit_message: str = ""


def read_markers(text: str) -> Spoken:
    """Read the marked lines of an answer; of several of one sort the last counts, and an empty one is none."""
    found: dict[str, str] = {}
    kept: list[str] = []
    for line in text.splitlines():
        marked = _MARKED.match(line)
        if marked and marked[2]:
            found[marked[1].upper()] = marked[2]
        if not marked or marked[1].upper() != "COMMIT MESSAGE":
            kept.append(line)
    return Spoken(
        text="\n".join(kept).strip(),
        no_change_needed=found.get("NO CHANGE NEEDED", ""),
        question=_question(found.get("QUESTION", "")),
        commit_message=found.get("COMMIT MESSAGE", ""),
    )


def _question(said: str) -> AgentQuestion | None:
    words, *options = [part.strip() for part in said.split("|")]
    try:
        return AgentQuestion(text=words, options=[one for one in options if one][:_MOST_OPTIONS]) if words else None
    except ValidationError:
        return AgentQuestion(text=said[:4_000])
