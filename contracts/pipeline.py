"""A pipeline and its steps, with every rule about their shape."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

from contracts.errors import Misconfigured
from contracts.estimate import Gating
from contracts.kinds import KINDS, Family, Surface, nearest

_ID = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")
_CLOSING = ("conflicts", "ci", "merger")
RESERVED = frozenset({"opening", "workspace", "report", "ending"})
"""Names in the journal that belong to the run itself."""


class Step(BaseModel):
    """One step of a pipeline."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: str = Field(description="Kind of the step, such as coder; contracts/kinds.py lists them.")
    id: str = Field(default="", description="Name within the pipeline; empty: the kind, then kind-2, kind-3 …")
    enabled: bool = Field(default=True, description="Off: the step is left out of runs but kept in the pipeline.")
    approval: bool = Field(default=False, description="A person must approve the step's result.")
    threshold: float = Field(default=0, ge=0, le=1, description="Companions: passing rating; 0: the policy's.")
    gating: Gating | None = Field(default=None, description="Run the step only when the estimate reaches this.")
    options: dict[str, Any] = Field(default_factory=dict, description="Options handed to the step's agent.")

    @property
    def family(self) -> Family:
        """The machine that runs the step."""
        return KINDS[self.kind].family


class Pipeline(BaseModel):
    """Steps in their order; ids are filled in when the pipeline is made."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(default="custom", description="Name of the pipeline.", min_length=1, max_length=60)
    description: str = Field(default="", description="What it is for.")
    steps: list[Step] = Field(description="Steps in the order in which they run.")

    @model_validator(mode="before")
    @classmethod
    def _fill_ids(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not isinstance(value.get("steps"), list):
            return value
        seen: dict[str, int] = {}
        steps: list[Any] = []
        for raw in value["steps"]:
            step = raw.model_dump() if isinstance(raw, Step) else raw
            if isinstance(step, dict) and not step.get("id"):
                kind = str(step.get("kind", ""))
                seen[kind] = seen.get(kind, 0) + 1
                step = {**step, "id": kind if seen[kind] == 1 else f"{kind}-{seen[kind]}"}
            steps.append(step)
        return {**value, "steps": steps}

    @property
    def enabled(self) -> list[Step]:
        """The steps that a run consists of."""
        return [step for step in self.steps if step.enabled]

    @property
    def touches_repository(self) -> bool:
        """Whether any enabled step needs a checkout."""
        return any(KINDS[step.kind].surface is not Surface.INLINE for step in self.enabled)

    def violations(self) -> list[str]:
        """Return every broken shape rule as a sentence that names the step and says what to do."""
        unknown = list(_unknown_kinds(self.enabled))
        rest = [] if unknown else [*_companions(self.enabled), *_gating(self.enabled), *_closing(self.enabled)]
        return [*_names(self.enabled), *unknown, *rest]

    def check(self) -> None:
        """Raise Misconfigured with every violation when the shape is wrong."""
        broken = self.violations()
        if broken:
            raise Misconfigured(f"pipeline {self.name!r} cannot run: " + "; ".join(broken))


def _names(steps: list[Step]) -> Iterator[str]:
    if not steps:
        yield "it has no enabled step; enable at least one"
    seen: set[str] = set()
    for step in steps:
        if step.id in seen:
            yield f"step id {step.id!r} is used twice; give each step its own"
        if not _ID.match(step.id) or step.id in RESERVED:
            yield f"step id {step.id!r} cannot be used; write a-z, 0-9 and -, and none of {', '.join(sorted(RESERVED))}"
        seen.add(step.id)


def _unknown_kinds(steps: list[Step]) -> Iterator[str]:
    for step in steps:
        if step.kind not in KINDS:
            near = nearest(step.kind)
            yield f"step {step.id!r} has the unknown kind {step.kind!r}; " + (
                f"did you mean {near!r}?" if near else f"known kinds are {', '.join(KINDS)}"
            )
        elif KINDS[step.kind].family in (Family.HELPER, Family.RUN):
            yield f"step {step.id!r} of kind {step.kind!r} is called when it is needed; leave it out of the pipeline"


def _companions(steps: list[Step]) -> Iterator[str]:
    for before, step in zip([None, *steps], steps, strict=False):
        targets = KINDS[step.kind].targets
        if targets and (before is None or before.kind not in targets):
            found = f"follows {before.id!r}" if before else "comes first"
            yield f"companion {step.id!r} {found}; put it right after an enabled {' or '.join(targets)}"
        if step.threshold and not targets:
            yield f"step {step.id!r} has a threshold but grades nothing; remove the threshold"


def _gating(steps: list[Step]) -> Iterator[str]:
    estimated = False
    for step in steps:
        estimated = estimated or step.family is Family.ESTIMATOR
        if step.gating is None:
            continue
        if not KINDS[step.kind].gatable:
            yield f"step {step.id!r} of kind {step.kind!r} cannot be skipped by an estimate; remove its gating"
        if not step.gating.axes:
            yield f"gating of step {step.id!r} sets no axis; set complexity, risk or impact"
        if not estimated:
            yield f"gating of step {step.id!r} has no estimate; put an enabled task-estimator before it"
        if step.approval:
            yield f"step {step.id!r} has both an approval and gating; choose one"


def _closing(steps: list[Step]) -> Iterator[str]:
    for position, step in enumerate(steps):
        if step.family is Family.MERGER:
            before = tuple(earlier.kind for earlier in steps[max(0, position - 2) : position + 1])
            if before != _CLOSING:
                yield f"step {step.id!r} must close the order {' → '.join(_CLOSING)}; add what is missing right before it"
