"""Markdown of messages as Slack's mrkdwn, in which outside text is no link, no mention and no emphasis.

Slack reads `&`, `<` and `>` as signs of its own wherever they stand, and has no way to escape any other sign: an
invisible one beside it keeps a `*` from being emphasis. (Slack, "Formatting text for app surfaces".)
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from contracts.intake.payload import plain_text
from contracts.redaction import redact

MOST_TEXT = 3_000
"""Longest text of a section and of an input field, in characters."""
_JOINER = "\u2060"
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_TOKENS = re.compile(
    r"\\(?P<escaped>[\\`*~\[\]_])"
    r"|\*\*(?P<bold>(?:\\.|[^*\\])+)\*\*"
    r"|\[(?P<words>(?:\\.|[^\[\]\\])+)\]\((?P<address>(?:https?|file)://[^\s()<>|]+)\)"
    r"|`(?P<code>[^`\n]+)`"
    r"|(?P<entity>&(?:amp|lt|gt);)"
    r"|(?P<sign>[&<>])"
    r"|(?P<emoji>:(?=[a-z0-9_+'-]+:))"
    r"|(?P<bullet>^- )",
    re.MULTILINE,
)
_HALF = re.compile(r"(?:&[a-z]{0,3}|<[^>]*)$")
"""An entity or a link that was cut in two."""


def mrkdwn(markdown: str) -> str:
    """Return Markdown of `contracts.message` as mrkdwn, redacted."""
    return _TOKENS.sub(_token, redact(markdown))


def literal(text: str, most: int = MOST_TEXT) -> str:
    """Return outside text as mrkdwn that reads as it was written and does nothing.

    Args:
        text: any text.
        most: characters of it that are kept; a sign tells where it was cut.
    """
    shown = cut(plain_text(redact(text)), most)
    apart = re.sub(r"[*_~`]", rf"{_JOINER}\g<0>{_JOINER}", shown)
    named = re.sub(r"(?<=[@#:])(?=\w|//)|(?<=www)(?=\.)", _JOINER, apart)
    return re.sub("[&<>]", lambda found: _ENTITIES[found[0]], named)


def cut(text: str, most: int) -> str:
    """Return at most so many characters of a text, with a sign where it was cut."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def cut_marked(text: str, most: int) -> str:
    """Return at most so many characters of mrkdwn, and no half of an entity or a link."""
    return text if len(text) <= most else f"{_HALF.sub('', text[: most - 1])}…"


def section(text: str) -> dict[str, Any]:
    """Return a block with mrkdwn in which Slack makes no links and mentions of its own."""
    return {"type": "section", "text": {"type": "mrkdwn", "text": cut_marked(text, MOST_TEXT), "verbatim": True}}


def context(text: str) -> dict[str, Any]:
    """Return a block of small mrkdwn."""
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": cut_marked(text, MOST_TEXT), "verbatim": True}]}


def words(text: str, most: int) -> dict[str, Any]:
    """Return text without any markup, as labels and buttons have it: one line, redacted, no emoji by name."""
    return {"type": "plain_text", "text": cut(" ".join(plain_text(redact(text)).split()), most) or "…", "emoji": False}


def _token(found: re.Match[str]) -> str:
    return _SAID[str(found.lastgroup)](found)


def _escaped(found: re.Match[str]) -> str:
    sign = found["escaped"]
    return f"{_JOINER}{sign}{_JOINER}" if sign in "`*~_" else sign


def _link(found: re.Match[str]) -> str:
    address = re.sub("&(?!amp;)", "&amp;", found["address"])
    return f"<{address}|{mrkdwn(found['words'])}>"


def _code(found: re.Match[str]) -> str:
    return f"`{re.sub('&(?!(?:amp|lt|gt);)|[<>]', lambda sign: _ENTITIES[sign[0]], found['code'])}`"


_SAID: dict[str, Callable[[re.Match[str]], str]] = {
    "escaped": _escaped,
    "bold": lambda found: f"*{mrkdwn(found['bold'])}*",
    "address": _link,
    "code": _code,
    "entity": lambda found: found[0],
    "sign": lambda found: _ENTITIES[found[0]],
    "emoji": lambda _: f":{_JOINER}",
    "bullet": lambda _: "• ",
}
