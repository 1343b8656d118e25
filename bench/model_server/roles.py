"""A script for a whole pipeline: each turn's prompt names its role, and each role has moves of its own."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from bench.model_server.moves import Move
from bench.model_server.script import Asked, Script


class Roles(Script):
    """Moves by role. A request belongs to the role in the first heading of its prompt.

    Args:
        moves: of each role, over all its turns.
    """

    def __init__(self, moves: Mapping[str, Sequence[Move]]) -> None:
        super().__init__()
        self._roles = moves
        self._played = Counter[str]()
        self._heading = re.compile(rf"# ({'|'.join(map(re.escape, moves))})$", re.MULTILINE)

    def answer_to(self, asked: Asked) -> Move:
        """Return the next move of the request's role; the last words of a script when there is none."""
        named = (self._heading.search(text) for text in texts_of(asked.body))
        role = next((found[1] for found in named if found), "")
        moves, number = self._roles.get(role, ()), self._played[role]
        self._played[role] += 1
        return moves[number] if number < len(moves) else self._then


def texts_of(value: Any) -> Iterator[str]:
    """Yield every text in a value out of JSON."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in cast(dict[str, Any], value).values():
            yield from texts_of(one)
    elif isinstance(value, list):
        for one in cast(list[Any], value):
            yield from texts_of(one)
