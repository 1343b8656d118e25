"""What a step and a run end with."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.agent import Prior, Usage
from contracts.failure import Failure
from contracts.forecast import Forecast
from contracts.merger import Hold


class Outcome(BaseModel):
    """What one visit of a step ended with: a record of the journal."""

    model_config = ConfigDict(frozen=True)

    run: str = Field(description="Id of the run that made it; a restart keeps outcomes of another run.")
    step: str = Field(description="Id of the step, or step.helper.")
    kind: str = Field(description="Kind of the step or helper.")
    visit: int = Field(ge=1, description="Number of the visit within the run.")
    status: Literal["done", "asked", "skipped", "helper failed"] = Field(default="done", description="How it ended.")
    output: str = Field(default="", description="Its output as text.")
    data: dict[str, Any] = Field(default_factory=dict, description="Its output by the kind's contract, as JSON.")
    base: str = Field(default="", description="Commit of the base, when the step moved it.")
    commit: str = Field(default="", description="Commit that the step made.")
    tree: str = Field(default="", description="Tree sha that the step produced or judged.")
    no_change: str = Field(default="", description="Why the agent says that no change is needed.")
    agent: str = Field(default="", description="Reference of the agent; empty when none took part.")
    usage: list[Usage] = Field(default_factory=list[Usage], description="One entry a turn, with what it is charged.")
    unpriced: int = Field(default=0, ge=0, description="Turns charged by the policy's default, as no price is known.")
    started: datetime = Field(description="When it began, UTC.")
    seconds: float = Field(default=0, ge=0, description="Wall clock.")

    @property
    def prior(self) -> Prior:
        """The outcome as later steps see it."""
        return Prior(step=self.step, kind=self.kind, output=self.output, data=self.data)


class DeliveryStatus(StrEnum):
    """How a run ended."""

    MERGED = "merged"
    AWAITING_MERGE = "awaiting merge"
    AWAITING_PERSON = "awaiting a person"
    NO_CHANGE_NEEDED = "no change needed"
    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"


RESUMABLE = frozenset({DeliveryStatus.FAILED, DeliveryStatus.STOPPED})
"""Ends after which a retry goes on; every other end is for good."""


class Delivery(BaseModel):
    """What a run ended with, and everything that its report shows."""

    model_config = ConfigDict(frozen=True)

    run: str = Field(description="Id of the run.")
    attempt: int = Field(default=1, ge=1, description="Which attempt ended.")
    title: str = Field(description="Title of the work item.")
    repository: str = Field(description="Name of the repository.")
    pipeline: str = Field(description="Name of the pipeline.")
    status: DeliveryStatus = Field(description="How it ended.")
    reason: str = Field(default="", description="Why, in one sentence.")
    failure: Failure | None = Field(default=None, description="The failure, when it failed.")
    hold: Hold | None = Field(default=None, description="Why it was not merged by itself.")
    branch: str = Field(default="", description="The run's branch.")
    pull_request: str = Field(default="", description="Where the pull request is.")
    base: str = Field(default="", description="Commit of the base.")
    head: str = Field(default="", description="Commit at the tip of the change.")
    merge_commit: str = Field(default="", description="Commit that merged it.")
    forecast: Forecast | None = Field(default=None, description="What it was expected to cost; none: nobody knew.")
    stat: str = Field(default="", description="The diff, a line a file.")
    timeline: list[Outcome] = Field(default_factory=list[Outcome], description="Every visit, in order.")
