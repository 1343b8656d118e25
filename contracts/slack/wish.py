"""Work that is asked for in Slack: a title, more words below it, and where it is to be done.

    repo: acme/shop Add a discount to the cart
    It is taken off before the tax.

`repo:` and `base:` may stand anywhere in the first line; the rest of that line is the title.
"""

from __future__ import annotations

import re

from pydantic import Field

from contracts.agent import Frozen
from contracts.markdown import plain

_OPTION = re.compile(r"(?:^|(?<=\s))(repo|repository|base):\s*([A-Za-z0-9][\w./-]{0,199})(?=\s|$)", re.IGNORECASE)
USAGE = (
    "Say what is to be done: `/deliver repo: acme/shop Add a discount to the cart`, with more words on further lines."
)


class Wanted(Frozen):
    """What was asked for."""

    title: str = Field(description="One line that names the work.")
    description: str = Field(default="", description="What was said below it.")
    repository: str = Field(default="", description="Name of the repository; empty: none was named.")
    base: str = Field(default="main", description="Branch that the change is merged into.")


def read_wish(text: str, repository: str = "") -> Wanted | str:
    """Return the work that a text asks for, or what is missing, in words for the person.

    Args:
        text: what was said, without the command or the mention.
        repository: where work is done that names none; empty: it must name one.
    """
    first, _, rest = text.strip().partition("\n")
    options = {name.lower(): value for name, value in _OPTION.findall(first)}
    title = plain(_OPTION.sub(" ", first), 200)
    if not title:
        return USAGE
    named = options.get("repo") or options.get("repository") or repository
    if not named:
        return f"Name the repository, such as `repo: acme/shop`. {USAGE}"
    whole = "" if len(" ".join(first.split())) <= 200 else f"{first}\n"
    return Wanted(title=title, description=f"{whole}{rest}".strip(), repository=named, base=options.get("base", "main"))
