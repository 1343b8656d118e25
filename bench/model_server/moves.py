"""What a model may do when it is asked: neutral, each protocol says it in its own words."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from typing import Any


@dataclass(frozen=True)
class Tokens:
    """What one answer consumed.

    Args:
        fresh: tokens read without a cache.
        cached: tokens read from a cache.
        written: tokens of the answer.
    """

    fresh: int = 1_000
    cached: int = 200
    written: int = 50


@dataclass(frozen=True)
class Say:
    """The model's final answer in prose."""

    text: str
    tokens: Tokens = Tokens()


@dataclass(frozen=True)
class Shell:
    """The model uses its shell tool; where none is offered it asks for one all the same."""

    command: str
    tokens: Tokens = Tokens()


@dataclass(frozen=True)
class Edit:
    """The model writes a new file with the tool that is made for it, else with the shell.

    Args:
        path: of the file; programs differ in whether they take a relative one.
        content: the whole file.
        tokens: what it consumed.
    """

    path: str
    content: str
    tokens: Tokens = Tokens()


@dataclass(frozen=True)
class Final:
    """The model's final answer as JSON: by the tool for structured output where one is offered, else as text."""

    value: dict[str, Any]
    tokens: Tokens = Tokens()


@dataclass(frozen=True)
class Fail:
    """The provider refuses with an HTTP status, in the body that its protocol has for it.

    Args:
        status: e.g. 401, 402, 429, 500, 529.
        message: for people.
        body: instead of the protocol's own body.
        headers: further ones, such as retry-after.
    """

    status: int
    message: str = "the model server was told to refuse"
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True)
class Quota:
    """The provider says that the account's quota is used up.

    Args:
        resets_at: when it is there again; none: the provider does not say.
    """

    resets_at: datetime | None = None


@dataclass(frozen=True)
class Dead:
    """The provider takes the request and never answers."""


@dataclass(frozen=True)
class Drop:
    """The provider closes the connection without an answer."""


@dataclass(frozen=True)
class Garbage:
    """The provider answers with something that is no answer."""


Answer = Say | Shell | Edit | Final


@dataclass(frozen=True)
class Slow:
    """The provider answers late.

    Args:
        then: with what.
        seconds: after this time.
        until: or when this happens; the earlier of both counts.
    """

    then: Answer
    seconds: float = 3_600.0
    until: Event | None = None


Move = Answer | Fail | Quota | Dead | Drop | Garbage | Slow
