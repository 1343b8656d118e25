"""One visit of a step: everything that its task is given. Two visits with one key are the same visit."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from contracts.agent import Decision, Prior, Revision
from contracts.journal import Opening
from contracts.pipeline import Step


class Position(BaseModel):
    """Where the change stands: commits in the run's repository."""

    model_config = ConfigDict(frozen=True)

    base: str = Field(default="", description="Commit of the base that the change is measured against.")
    head: str = Field(default="", description="Commit at the tip of the change.")

    @property
    def changed(self) -> bool:
        """Whether there is any commit of the run."""
        return bool(self.head) and self.head != self.base


class Visit(BaseModel):
    """One visit of a step."""

    model_config = ConfigDict(frozen=True)

    key: str = Field(description="Key of its record in the journal.")
    label: str = Field(description="Name of its task run: step and visit.")
    opening: Opening = Field(description="What the run was opened with.")
    step: Step = Field(description="The step, or for a helper a step of the helper's kind.")
    round: int = Field(ge=1, description="How many times the step was begun in this attempt, this one included.")
    position: Position = Field(default=Position(), description="Where the change stands.")
    prior: list[Prior] = Field(default_factory=list[Prior], description="What earlier steps produced.")
    target: Prior | None = Field(default=None, description="What a companion grades.")
    earlier: list[dict[str, Any]] = Field(
        default_factory=list[dict[str, Any]], description="Data of this step's earlier visits in this attempt."
    )
    revision: Revision | None = Field(default=None, description="Feedback to act on.")
    decisions: list[Decision] = Field(default_factory=list[Decision], description="Decisions taken so far.")
