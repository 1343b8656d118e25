"""The script of a model server: which move comes next, and everything that was asked."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import Any

from bench.model_server.moves import Move, Say


@dataclass(frozen=True)
class Asked:
    """One request that the server got.

    Args:
        method: of HTTP.
        path: with its query.
        headers: with names in lower case.
        body: its JSON object; empty when it had none.
        move: the move that it got; none for a side request, which got a bland answer.
    """

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any] = field(default_factory=dict[str, Any])
    move: Move | None = None


class Script:
    """Moves in order, one for each request of the main conversation.

    Args:
        moves: the first ones.
        then: what every later request gets; by default a short final answer.
    """

    def __init__(self, *moves: Move, then: Move | None = None) -> None:
        self._moves = moves
        self._then = then or Say("The script is over.")
        self._asked: list[Asked] = []
        self._main = 0
        self._changed = threading.Condition()

    @property
    def asked(self) -> list[Asked]:
        """Every request so far, side requests included."""
        with self._changed:
            return list(self._asked)

    @property
    def main(self) -> list[Asked]:
        """The requests of the main conversation so far."""
        return [one for one in self.asked if one.move is not None]

    def wait_for(self, number: int, seconds: float) -> bool:
        """Wait until so many requests of the main conversation have come; return whether they have.

        Args:
            number: how many, from 1.
            seconds: longest wait.
        """
        with self._changed:
            return self._changed.wait_for(lambda: self._main >= number, seconds)

    def ask(self, asked: Asked, *, main: bool) -> Move | None:
        """Keep a request that has just come, and return the move that it gets; none for a side request."""
        with self._changed:
            move = self._next(asked) if main else None
            self._asked.append(replace(asked, move=move))
            self._changed.notify_all()
            return move

    def _next(self, asked: Asked) -> Move:
        self._main += 1
        return self.answer_to(asked)

    def answer_to(self, asked: Asked) -> Move:
        """Return the move for a request of the main conversation, which has been counted.

        Args:
            asked: the request; here the moves simply follow one another.
        """
        return self._moves[self._main - 1] if self._main <= len(self._moves) else self._then
