"""The journal of a run: the readable keys of its records, and what a restart or a retry takes over.

A record is the persisted result of one Prefect task, or the reply within it. Its key says what it is:

    <run>/<step>/<visit>             outcome of a step
    <run>/<step>.<helper>/<visit>    outcome of a helper's turn
    <run>/<step>.turn/<visit>        reply of an agent, before anything was made of it; `.repair`: of its second turn
    <run>/opening/<attempt>          what the run was opened with
    <run>/ending/<attempt>           how it ended

`visit` counts from 1 over the whole run, so that an attempt after a failure never meets the records of the one
before; how many visits belong to the present attempt is what budgets count.
"""

from __future__ import annotations

import re

from pydantic import BaseModel, ConfigDict, Field

from contracts.forecast import Forecast
from contracts.pipeline import Pipeline
from contracts.policy import Policy
from contracts.work import WorkItem

_KEY = re.compile(r"[A-Za-z0-9-]+/[a-z0-9]+([.-][a-z0-9]+)*/[1-9][0-9]*")


def record_key(run: str, step: str, visit: int) -> str:
    """Return the key of one record; raise ValueError when a part of it could leave the journal's folder."""
    key = f"{run}/{step}/{visit}"
    if not _KEY.fullmatch(key):
        raise ValueError(f"{key!r} is not a key of the journal; it has the parts run/step/visit, visits from 1")
    return key


class Restart(BaseModel):
    """Where a run takes up the work of another one."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    run: str = Field(default="", description="Id of the run whose outcomes are kept; empty: a fresh run.")
    step: str = Field(default="", description="First step that is done again; empty: the step at which it failed.")


FRESH = Restart()
"""A run that takes up nothing."""


class Opening(BaseModel):
    """What an attempt was opened with: with the outcomes, everything that its way depends on."""

    model_config = ConfigDict(frozen=True)

    run: str = Field(description="Id of the run.")
    attempt: int = Field(ge=1, description="1, and one more for each retry after a failure.")
    item: WorkItem = Field(description="The work item.")
    pipeline: Pipeline = Field(description="The pipeline with the whole configuration of its steps.")
    policy: Policy = Field(description="The policy as it was.")
    reference: str = Field(
        default="",
        description="The policy's block, from which budgets are read anew; empty: from the policy as it was.",
    )
    forecast: Forecast | None = Field(default=None, description="What it will cost; none: there was little history.")
    branch: str = Field(description="The run's branch in the forge.")
    issue: str = Field(default="", description="Address of the work's issue in the policy's tracker; empty: none.")
    first: str = Field(default="", description="Step at which the walk begins; empty: the first one.")
    kept: dict[str, str] = Field(default_factory=dict, description="Step → key of the outcome that is kept.")
    used: dict[str, int] = Field(default_factory=dict, description="Step → visits used by earlier attempts.")
    dry_run: bool = Field(default=False, description="Everything but effects outside.")


def short(run: str) -> str:
    """Return the end of a run's id, by which people and names tell it from others.

    Ids of runs that a schedule makes begin with their time, so that a whole batch has one beginning.
    """
    return run[-8:]


def branch_name(item: WorkItem, run: str) -> str:
    """Return the name of a run's branch."""
    return f"delivery/{item.slug}-{short(run)}"
