"""Secrets are taken out of every text before it leaves the run."""

from __future__ import annotations

import importlib
import re
from functools import cache, lru_cache
from typing import Any, cast

from detect_secrets.plugins.base import RegexBasedDetector

_PLUGINS = (
    "artifactory",
    "aws",
    "azure_storage_key",
    "basic_auth",
    "discord",
    "github_token",
    "gitlab_token",
    "jwt",
    "mailchimp",
    "npm",
    "openai",
    "pypi_token",
    "sendgrid",
    "slack",
    "square_oauth",
    "stripe",
    "telegram_token",
    "twilio",
)
_OURS = (
    re.compile(
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----.*?(-----END [A-Z0-9 ]*PRIVATE KEY( BLOCK)?-----|\Z)", re.DOTALL
    ),
    re.compile(r"\bsk-(?=[a-z_-]*[A-Z0-9])[A-Za-z0-9_-]{20,}"),
    re.compile(r"\b(?:github_pat_|gh[opsur]_)[A-Za-z0-9_]{20,}"),
    re.compile(r"\beyJ[A-Za-z0-9_=-]{8,}\.eyJ[A-Za-z0-9_=-]{8,}(?:\.[A-Za-z0-9_=-]*)*"),
    re.compile(r"(?i)\bauthorization[\"']?\s*[:=]\s*[\"']?(?:basic|token)\s+[A-Za-z0-9._~+/-]{8,}=*"),
    re.compile(r"(?i)\b(?:authorization:\s*)?bearer\s+[A-Za-z0-9._~+/-]{16,}=*"),
)
"""Shapes that detect-secrets names only by a line, or does not know."""
MASK = "[redacted]"
_SHORT = 2_000


@cache
def _patterns() -> tuple[re.Pattern[str], ...]:
    found: list[re.Pattern[str]] = list(_OURS)
    for name in _PLUGINS:
        module = importlib.import_module(f"detect_secrets.plugins.{name}")
        for value in vars(module).values():
            is_detector = isinstance(value, type) and issubclass(value, RegexBasedDetector)
            if is_detector and value.__module__ == module.__name__:
                found += cast(list[re.Pattern[str]], value().denylist)  # pyright: ignore[reportUnknownMemberType]
    return tuple(found)


def redact_all(value: Any, secrets: tuple[str, ...] = ()) -> Any:
    """Return a value out of JSON with every text in it redacted, see `redact`; keys are left alone."""
    if isinstance(value, str):
        return redact(value, secrets)
    if isinstance(value, list):
        return [redact_all(one, secrets) for one in cast(list[Any], value)]
    if isinstance(value, dict):
        return {key: redact_all(one, secrets) for key, one in cast(dict[str, Any], value).items()}
    return value


def redact(text: str, secrets: tuple[str, ...] = ()) -> str:
    """Return `text` without secrets.

    Args:
        text: any text from outside.
        secrets: values that are known to be secret; those shorter than 6 characters are left alone.

    Known values go first, then everything with the shape of a well-known credential.
    """
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= 6 and secret not in MASK:
            text = text.replace(secret, MASK)
    return _masked_lately(text) if len(text) <= _SHORT else _masked(text)


@lru_cache(maxsize=256)
def _masked_lately(text: str) -> str:
    """The same for a short text, of which a step has the same several times: reply, outcome, state, report."""
    return _masked(text)


def _masked(text: str) -> str:
    """A text without anything that has the shape of a credential."""
    shown = ""
    while shown != text:  # a credential that was glued to another one shows its shape only when that one is gone
        shown = text
        for pattern in _patterns():
            text = pattern.sub(MASK, text)
    return text
