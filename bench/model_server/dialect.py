"""What a protocol of model providers must be able to say."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

from bench.model_server.moves import Answer, Fail, Quota

Json = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """An answer as it goes over the wire.

    Args:
        body: bytes of the whole body.
        stream: whether it is a stream of server-sent events.
        status: of HTTP.
        headers: further ones.
    """

    body: bytes
    stream: bool = False
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict[str, str])


class Dialect(ABC):
    """One protocol: which requests are its own, and how a move is said in it."""

    @abstractmethod
    def serves(self, path: str) -> bool:
        """Return whether a request to this path is one of the protocol."""

    @abstractmethod
    def is_main(self, path: str, body: Json) -> bool:
        """Return whether a request belongs to the main conversation; titles, counts and probes do not."""

    @abstractmethod
    def aside(self, path: str, body: Json) -> Reply:
        """Return a bland answer to a side request."""

    @abstractmethod
    def answer(self, move: Answer, path: str, body: Json) -> Reply:
        """Return an answer of the model."""

    @abstractmethod
    def refusal(self, move: Fail) -> Json:
        """Return the body of a refusal."""

    @abstractmethod
    def used_up(self, move: Quota) -> Fail:
        """Return how the provider says that a quota is used up."""


def whole(value: Json) -> Reply:
    """Return a JSON object as a reply."""
    return Reply(json.dumps(value).encode())


def events(values: list[Json], *, named: bool, done: bool = False) -> Reply:
    """Return events as a stream.

    Args:
        values: the events.
        named: whether each is named by its type.
        done: whether the stream ends with a mark.
    """
    parts = [(f"event: {one['type']}\n" if named else "") + f"data: {json.dumps(one)}\n\n" for one in values]
    return Reply(("".join(parts) + ("data: [DONE]\n\n" if done else "")).encode(), stream=True)


def objects(value: Any) -> Iterator[Json]:
    """Yield the objects of a list out of JSON, and nothing of anything else."""
    for one in cast(list[Any], value) if isinstance(value, list) else []:
        if isinstance(one, dict):
            yield cast(Json, one)
