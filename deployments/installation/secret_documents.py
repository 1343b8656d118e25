"""Documents of blocks with their secrets: each secret goes into a field that keeps secrets, or nowhere."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

from prefect.blocks.core import Block
from pydantic import BaseModel, ValidationError

import blocks
from contracts.errors import Misconfigured
from deployments.installation.document import Document
from deployments.installation.references import named, refers, resolve


def make(document: Document) -> Block:
    """Return the block that a document describes, with its secrets in it.

    Raises:
        Misconfigured: there is no such type, a field does not fit, a secret is missing, or one would stand in a field
            that everybody can read; no message holds a secret.
    """
    slug = document.block.partition("/")[0]
    known = {getattr(blocks, name).get_block_type_slug(): getattr(blocks, name) for name in blocks.__all__}
    if slug not in known:
        raise Misconfigured(f"there is no block type {slug!r}; choose one of {', '.join(sorted(known))}")
    secrets: list[str] = []
    values = _resolved(document.fields, secrets)
    try:
        made: Block = known[slug](**values)
    except ValidationError as error:
        raise Misconfigured(
            f"the document of {document.block!r} does not fit; correct what the detail names",
            detail=_hidden(_errors(error), secrets),
        ) from None
    unknown = sorted(set(document.fields) - set(known[slug].model_fields))
    if unknown:
        raise Misconfigured(f"{document.block!r} has no fields {unknown!r}; leave them out")
    readable = [place for place, text in _readable(made) if any(secret in text for secret in secrets)]
    if readable:
        raise Misconfigured(
            f"{', '.join(readable)} of {document.block!r} can be read by everybody; name secrets in secret fields only"
        )
    return made


def content(block: Block) -> dict[str, Any]:
    """Return the fields of a block, to be compared and never shown."""
    return block.model_dump(include=set(type(block).model_fields))


def _resolved(value: Any, secrets: list[str]) -> Any:
    """The same with every reference resolved; what they name is added to `secrets`."""
    if isinstance(value, dict):
        return {name: _resolved(one, secrets) for name, one in cast(dict[str, Any], value).items()}
    if isinstance(value, list):
        return [_resolved(one, secrets) for one in cast(list[Any], value)]
    if not isinstance(value, str) or not refers(value):
        return value
    secrets += named(value)
    return resolve(value)


def _readable(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a block that is no secret, with its place."""
    if isinstance(value, BaseModel):
        value = {name: getattr(value, name) for name in type(value).model_fields}
    if isinstance(value, dict):
        for name, one in cast(dict[Any, Any], value).items():
            yield place or str(name), str(name)
            yield from _readable(one, f"{place}.{name}".strip("."))
    elif isinstance(value, (list, tuple, set, frozenset)):
        for one in cast(list[Any], value):
            yield from _readable(one, place)
    else:
        yield place, str(value)  # a secret shows its mask


def _errors(error: ValidationError) -> str:
    return "\n".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())


def _hidden(text: str, secrets: list[str]) -> str:
    for secret in secrets:
        text = text.replace(secret, "…").replace(repr(secret)[1:-1], "…")
    return text
