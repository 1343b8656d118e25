"""A pipeline and its steps, with every rule about their shape."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import chain, count
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, model_validator

from contracts.agent import as_object
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
        fields = as_object(value)
        if fields is None or not isinstance(fields.get("steps"), list):
            return value
        given = [raw.model_dump() if isinstance(raw, Step) else raw for raw in cast(list[Any], fields["steps"])]
        taken = [known.get("id") for known in map(as_object, given) if known is not None]
        steps: list[Any] = []
        for step in given:
            known = as_object(step)
            if known is None or known.get("id"):
                steps.append(step)
                continue
            kind = str(known.get("kind", ""))
            names = chain([kind], (f"{kind}-{number}" for number in count(2)))
            taken.append(next(name for name in names if name not in taken))
            steps.append({**known, "id": taken[-1]})
        return {**fields, "steps": steps}

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
        meant = list(_meant(self.enabled))
        kinds = [*_unknown_kinds(self.enabled), *_companions(meant), *_gating(meant), *_closing(meant)]
        return [*_names(self.enabled), *kinds]

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
        if not _ID.fullmatch(step.id) or step.id in RESERVED:
            yield f"step id {step.id!r} cannot be used; write a-z, 0-9 and -, and none of {', '.join(sorted(RESERVED))}"
        if step.approval and step.kind == "merger":
            yield f"step {step.id!r} merges and has an approval; put the approval on the step before {_CLOSING[0]!r}"
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


def _meant(steps: list[Step]) -> Iterator[Step]:
    """The steps with the kinds that were meant, so that one refusal also names what is wrong beside a misspelling."""
    for step in steps:
        kind = step.kind if step.kind in KINDS else nearest(step.kind)
        if kind:
            yield step.model_copy(update={"kind": kind})


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
                order = " → ".join(_CLOSING)
                yield f"step {step.id!r} must close the order {order}; add what is missing right before it"
