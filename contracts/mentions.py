"""Text from outside on its way to a forge: it must not call people, close issues or skip checks by what it says."""

from __future__ import annotations

import re

_CODE = re.compile(
    r"(^ {0,3}```[^`\n]*\n.*?(?:^ {0,3}```+[ \t]*$|\Z)|(?<![`\\])`[^`\n]+`(?!`))", re.DOTALL | re.MULTILINE
)
_MENTION = re.compile(r"(?<![A-Za-z0-9])@(?=[A-Za-z0-9])")
_ENTITY = re.compile(r"&(?=#0*(?:64|35);|#x0*(?:40|23);|commat;|num;)", re.IGNORECASE)
"""An encoded @ or #, which the forge decodes before it looks for names and keywords."""
_CLOSING = re.compile(
    r"(?<![A-Za-z0-9])(close[sd]?|fix(?:e[sd])?|resolve[sd]?)"
    r"(?=[\W_]{1,9}?(?:(?:[\w.-]+/[\w.-]+)?#\d|GH-\d|https?://))",
    re.IGNORECASE,
)
_SKIPPING = re.compile(
    r"(?<=\[)(?=(?:skip|no)[ -]\w+\]|\w+[ -]skip\])|(?<=\*\*\*)(?=NO_CI\*\*\*)|(?<=skip)(?=-checks:)", re.IGNORECASE
)
"""(GitHub, "Skipping workflow runs"; other build services read words of the same forms.)"""
_NOTHING = "\u200b"
"""A sign without width: people read the same text, the forge reads no name and no keyword."""


def quiet(text: str) -> str:
    """Return Markdown in which `@name` calls nobody, `fixes #1` closes nothing and `[skip ci]` skips nothing.

    Names in code stay as they are. Keywords do not even there, because a text can look like code here and not be code
    to the forge, and because a commit message has no code.
    """
    text = _CLOSING.sub(lambda found: f"{found[1][0]}{_NOTHING}{found[1][1:]}", text)
    text = _ENTITY.sub(f"&{_NOTHING}", _SKIPPING.sub(_NOTHING, text))
    parts = _CODE.split(text)
    return "".join(part if place % 2 else _MENTION.sub(f"@{_NOTHING}", part) for place, part in enumerate(parts))
