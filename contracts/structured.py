"""Structured output, taken out of what an agent wrote and held against its contract."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from contracts.agent import AgentReply

_FENCE = re.compile(r"```[a-zA-Z]*\s*\n(.*?)```", re.DOTALL)
_OPENS = re.compile(r"\{\s*[\"}]")
_LONGEST = 200_000
"""Characters at the end of a text that are looked at; no output contract needs more."""
_DECODER = json.JSONDecoder(parse_constant=lambda name: name)
"""NaN and Infinity become texts, so that no axis can be read as a number that is none."""


def _objects(text: str) -> Iterator[dict[str, Any]]:
    opening = _OPENS.search(text)
    while opening is not None:
        try:
            value, end = _DECODER.raw_decode(text, opening.start())
            yield _plain(value)
        except json.JSONDecodeError as error:
            end = max(error.pos, opening.start() + 1)  # what stands inside a broken object is no answer by itself
        except (ValueError, RecursionError):
            return
        opening = _OPENS.search(text, end)


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    """The object without halves of surrogate pairs and numbers that are none, which no record could hold."""
    whole = json.dumps(value, ensure_ascii=False).encode("utf-8", "replace").decode()
    return _DECODER.decode(whole)


def extract(reply: AgentReply) -> dict[str, Any] | None:
    """Return the reply's JSON object: given apart, else the last one in a fence, else the last one in the text.

    Prose around it is tolerated. None: there is no JSON object.
    """
    if reply.structured is not None:
        return _plain(reply.structured)
    text = reply.text[-_LONGEST:]
    fenced = [found for block in _FENCE.findall(text) for found in _objects(block)]
    found = fenced or list(_objects(text))
    return found[-1] if found else None


def repair_request(error: str, reply: AgentReply) -> str:
    """Return the text of the one repair turn: the error and the reply, quoted."""
    wrote = reply.text if reply.structured is None else json.dumps(reply.structured, indent=1, default=str)
    quoted = "\n".join(f"> {line}" for line in wrote[:4_000].splitlines())
    return (
        f"Your last answer could not be read: {error}\n\nYou wrote:\n{quoted}\n\n"
        "Answer again with one JSON object that follows the schema, and nothing else."
    )
