"""Blocks by their references. Flows and tasks pass references; the task that needs a block loads it here."""

from __future__ import annotations

import time
from typing import TypeVar

import httpx
from prefect.blocks.core import Block
from prefect.settings import get_current_settings
from pydantic import ValidationError

from contracts.errors import Misconfigured, Unavailable

Kind = TypeVar("Kind", bound=Block)

FRESH_SECONDS = 60.0
"""How long a loaded block is used again in one process: a load costs about as much as ten steps."""
_loaded: dict[tuple[str | None, str], tuple[float, Block]] = {}
"""Address of the API and reference → when the block was read, and the block."""


def load(reference: str, kind: type[Kind], *, fresh: bool = False) -> Kind:
    """Return the block of a reference.

    Args:
        reference: type/name.
        kind: class that it must be of.
        fresh: read it from the server even if it was read a moment ago.

    Raises:
        Misconfigured: there is no such block, it cannot be read, or it is of another kind.
        Unavailable: the Prefect API did not answer.
    """
    place = get_current_settings().api.url, reference
    at, block = _loaded.get(place, (0.0, None))
    if block is None or fresh or time.monotonic() - at > FRESH_SECONDS:
        block = _read(reference)
        _loaded[place] = (time.monotonic(), block)
    if not isinstance(block, kind):
        raise Misconfigured(f"block {reference!r} is a {type(block).__name__}; a {kind.__name__} is needed here")
    return block


def _read(reference: str) -> Block:
    try:
        return Block.load(reference, _sync=True)  # type: ignore[call-arg, return-value]
    except (ValueError, KeyError, RuntimeError) as error:
        raise _unusable(reference, error) from None  # the cause quotes the document, with its secrets
    except (OSError, httpx.HTTPError) as error:
        raise Unavailable(
            f"block {reference!r} could not be read, because the Prefect API did not answer; see to its server",
            detail=str(error)[:500],
        ) from error


def _unusable(reference: str, error: Exception) -> Misconfigured:
    invalid = error if isinstance(error, ValidationError) else error.__cause__
    if isinstance(invalid, ValidationError):
        fields = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in invalid.errors()[:5])
        return Misconfigured(f"block {reference!r} cannot be used: {fields}; correct it in the Prefect UI")
    return Misconfigured(
        f"there is no usable block {reference!r}; create it in the Prefect UI or with `delivery setup`",
        detail=str(error)[:500],
    )
