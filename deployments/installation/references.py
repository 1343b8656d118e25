"""Secrets are named, not written: `${file:/run/secrets/name}` and `${env:NAME}` in settings and in documents."""

from __future__ import annotations

import os
import re
from pathlib import Path

from contracts.errors import Misconfigured

_REFERENCE = re.compile(r"\$\{(file|env):([^{}]*)\}")


def refers(text: str) -> bool:
    """Return whether a text names a secret."""
    return _REFERENCE.search(text) is not None


def named(text: str) -> list[str]:
    """Return what the references of a text name, in order; raises what `resolve` raises."""
    return [_read(found[1], found[2]) for found in _REFERENCE.finditer(text)]


def resolve(text: str) -> str:
    """Return a text with what its references name put in their places; the end of a file's last line is left out.

    Raises:
        Misconfigured: a file or variable is absent, cannot be read, or is empty; the message names it, not its content.
    """
    return _REFERENCE.sub(lambda found: _read(found[1], found[2]), text)


def _read(kind: str, name: str) -> str:
    if kind == "env":
        value = os.environ.get(name, "")
        said = f"the variable {name!r} is not set or empty; set it"
    else:
        try:
            value = Path(name).read_text(encoding="utf-8").rstrip("\r\n")
        except (OSError, UnicodeDecodeError) as error:
            said = type(error).__name__ if isinstance(error, UnicodeDecodeError) else str(error.strerror)
            raise Misconfigured(f"the secret {name!r} cannot be read ({said}); put it there as text") from None
        said = f"the secret {name!r} is empty; write it into the file"
    if not value:
        raise Misconfigured(said)
    return value
