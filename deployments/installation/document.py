"""The document of an installation: what shall be on its Prefect server, with secrets named and never written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from contracts.errors import Misconfigured
from contracts.work import check_reference
from deployments.installation.references import refers


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Queue(_Part):
    """A queue of a work pool."""

    name: str = Field(min_length=1, description="Name of the queue.")
    priority: int | None = Field(default=None, ge=1, description="1 is served first; none: as Prefect numbers them.")
    concurrency_limit: int | None = Field(default=None, ge=0, description="Most runs at once; none: the pool's.")


class Pool(_Part):
    """A work pool; how many runs go on at once is bounded here, not at the workers."""

    name: str = Field(min_length=1, description="Name of the pool.")
    type: str = Field(default="process", description="What its workers make: process, docker, kubernetes.")
    description: str | None = Field(default=None, description="What it is for.")
    concurrency_limit: int | None = Field(default=None, ge=0, description="Most runs at once; none: no limit.")
    base_job_template: Path | None = Field(
        default=None, description="JSON file beside the document; none: the type's own, which Prefect brings along."
    )
    queues: list[Queue] = Field(default=[], description="Queues beside the default one, or its limits.")


class Limit(_Part):
    """A global concurrency limit."""

    name: str = Field(min_length=1, description="Name of the limit.")
    limit: int = Field(ge=0, description="How many slots it has.")
    slot_decay_per_second: float = Field(default=0, ge=0, description="Slots that come free each second; 0: none.")


class Document(_Part):
    """A document of a block type; its fields may name secrets where the block takes a secret."""

    block: str = Field(description="Reference that it gets, type/name.")
    fields: dict[str, Any] = Field(default={}, description="Fields of the block; the others keep their defaults.")

    _reference = field_validator("block")(check_reference)


class Installation(_Part):
    """Everything that a set-up puts on a server; what it does not name is left as it is."""

    work_pools: list[Pool] = Field(default=[Pool(name="delivery")], description="Work pools with their queues.")
    limits: list[Limit] = Field(default=[], description="Global concurrency limits.")
    variables: dict[str, Any] = Field(default={}, description="Variables of Prefect; everybody can read them.")
    blocks: list[Document] = Field(default=[], description="Documents of blocks.")
    automations: list[dict[str, Any]] = Field(default=[], description="Automations, as Prefect's API takes them.")
    registries: list[Path] = Field(
        default=[], description="Further files like prefect.yaml, beside the document; ours is always applied."
    )
    paused: list[str] = Field(default=[], description="Deployments whose schedules rest, flow/name.")

    @model_validator(mode="after")
    def _each_once(self) -> Installation:
        names = {
            "work pool": [one.name for one in self.work_pools],
            "limit": [one.name for one in self.limits],
            "block": [one.block for one in self.blocks],
            "automation": [str(one.get("name")) for one in self.automations],
        }
        twice = [
            f"{kind} {name!r}" for kind, all_ in names.items() for name, count in Counter(all_).items() if count > 1
        ]
        if twice:
            raise ValueError(f"named more than once: {', '.join(twice)}")
        return self

    @model_validator(mode="after")
    def _secrets_in_blocks_only(self) -> Installation:
        rest = self.model_dump(mode="json", exclude={"blocks"})
        found = [place for place, text in _texts(rest) if refers(text)]
        if found:
            raise ValueError(f"secrets may be named in fields of blocks only, not in {', '.join(found)}")
        return self


def read_installation(file: Path) -> Installation:
    """Return the document of a YAML file.

    Raises:
        Misconfigured: it cannot be read, or does not fit; the detail has every error.
    """
    try:
        content: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise Misconfigured(f"the file {str(file)!r} cannot be read as YAML; correct it", detail=str(error)) from None
    try:
        return Installation.model_validate(content or {})
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, one['loc'])) or 'document'}: {one['msg']}" for one in error.errors()]
        raise Misconfigured(
            f"the file {str(file)!r} does not describe an installation; correct what the detail names",
            detail="\n".join(lines),
        ) from None


def _texts(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Every text of a document with the place where it stands, keys included."""
    if isinstance(value, dict):
        for name, one in cast(dict[str, Any], value).items():
            yield f"{place}.{name}".strip("."), name
            yield from _texts(one, f"{place}.{name}".strip("."))
    elif isinstance(value, list):
        for index, one in enumerate(cast(list[Any], value)):
            yield from _texts(one, f"{place}.{index}".strip("."))
    elif isinstance(value, str):
        yield place, value
