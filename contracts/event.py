"""One line of a program's output as an event: JSON that may be anything, read without ever failing."""

from __future__ import annotations

import json
from typing import Any, cast

from contracts.agent import as_object

_MOST_SAID = 160


class Event:
    """An object out of JSON; what is absent or of another type reads as empty.

    Args:
        content: the object.
    """

    def __init__(self, content: dict[str, Any] | None = None) -> None:
        self.content: dict[str, Any] = content or {}

    def __bool__(self) -> bool:
        return bool(self.content)

    def text(self, key: str) -> str:
        """Return the text under a key, or an empty one."""
        value = self.content.get(key)
        return value if isinstance(value, str) else ""

    def number(self, key: str) -> float | None:
        """Return the finite number under a key that is not negative, or none."""
        value = self.content.get(key)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return value if 0 <= value < float("inf") else None

    def count(self, key: str) -> int:
        """Return the number under a key as a whole one, or 0."""
        return int(self.number(key) or 0)

    def true(self, key: str) -> bool:
        """Return whether true stands under a key."""
        return self.content.get(key) is True

    def inner(self, key: str) -> Event:
        """Return the object under a key, or an empty one."""
        return Event(as_object(self.content.get(key)))

    def each(self, key: str) -> list[Event]:
        """Return the objects in the list under a key; what is no object is left out."""
        value = self.content.get(key)
        items = cast(list[Any], value) if isinstance(value, list) else []
        return [Event(found) for item in items if (found := as_object(item))]

    def texts(self, key: str) -> list[str]:
        """Return the texts in the list under a key; what is no text is left out."""
        value = self.content.get(key)
        items = cast(list[Any], value) if isinstance(value, list) else []
        return [item for item in items if isinstance(item, str)]


def read_event(line: str) -> Event:
    """Return the object that a line holds; an empty one when it holds none."""
    try:
        return Event(as_object(json.loads(line)))
    except (ValueError, RecursionError):
        return Event()


def brief(text: str, most: int = _MOST_SAID) -> str:
    """Return the first line of a text that is not blank, cut to at most so many characters."""
    first = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return first if len(first) <= most else f"{first[: most - 1]}…"
