"""What a delivery says: JSON that is read strictly, looked into by paths, and never evaluated."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any, cast

_PART = re.compile(r"\.([A-Za-z_][A-Za-z0-9_-]*)|\[(\*|[0-9]{1,4})\]")
_PATH = re.compile(rf"\$(?:{_PART.pattern})*")
_MOST_FOUND = 1_000
_KEPT_CONTROLS = "\n\t"


class Unreadable(ValueError):
    """The body is no JSON object, or one that two readers would read differently."""


def read(body: bytes) -> dict[str, Any]:
    """Return the object that a body holds.

    Raises:
        Unreadable: it is not UTF-8, not one JSON object, nested too deeply, or has a name twice in one object.
    """
    try:
        text = body.decode("utf-8")
        value: Any = json.loads(text, object_pairs_hook=_object, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise Unreadable(f"the body is not UTF-8 at byte {error.start}") from None
    except RecursionError:
        raise Unreadable("the body is nested too deeply") from None
    except Unreadable:
        raise
    except ValueError as error:
        raise Unreadable(f"the body is not JSON: {error}"[:200]) from None
    if not isinstance(value, dict):
        raise Unreadable("the body is JSON, but not an object")
    return cast(dict[str, Any], value)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise Unreadable("a name stands twice in one object")
    return made


def _refuse_constant(name: str) -> Any:
    raise Unreadable(f"{name} is not JSON")


def check_path(path: str) -> str:
    """Return a path such as $.issue.labels[*].name; raise ValueError with an example when it is none."""
    if not _PATH.fullmatch(path):
        raise ValueError(f"{path!r} is not a path; write one like $.issue.title or $.issue.labels[*].name")
    return path


def is_path(text: str) -> bool:
    """Return whether a text in a rule names a place in the payload; any other text stands for itself."""
    return text.startswith("$")


def find(payload: Any, path: str) -> list[Any]:
    """Return what stands at a path: nothing, one value, or with [*] several."""
    found = [payload]
    for name, index in cast(list[tuple[str, str]], _PART.findall(path)):
        found = [inner for value in found for inner in _inner(value, name, index)][:_MOST_FOUND]
    return found


def _inner(value: Any, name: str, index: str) -> list[Any]:
    if name:
        return [value[name]] if isinstance(value, dict) and name in value else []
    if not isinstance(value, list):
        return []
    items = cast(list[Any], value)
    return items if index == "*" else items[int(index) : int(index) + 1]


def plain_text(value: Any) -> str:
    """Return a string or a number as text that every reader shows alike; anything else as an empty text.

    Characters that nobody sees are dropped: control characters, direction marks, tags, halves of pairs.
    """
    if isinstance(value, bool) or not isinstance(value, str | int):
        return ""
    text = str(value).replace("\r\n", "\n").replace("\r", "\n")
    return "".join(one for one in text if one in _KEPT_CONTROLS or not _is_hidden(one))


def _is_hidden(character: str) -> bool:
    if character.isascii():
        return not character.isprintable()
    category = unicodedata.category(character)
    return category in ("Cc", "Cs", "Cn", "Co") or (category == "Cf" and character not in "\u200c\u200d")
