"""How a run fails: one kind, one message, one hint that says what to do next."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field


class FailureKind(StrEnum):
    """Why a run failed. Every kind has a hint in `HINTS`."""

    PREFLIGHT = "preflight"
    AGENT = "agent"
    PROVIDER = "provider"
    QUOTA = "quota"
    TIMEOUT = "timeout"
    STALLED = "stalled"
    EVICTED = "evicted"
    TESTS_RED = "tests_red"
    CI_RED = "ci_red"
    CONFLICT = "conflict"
    COMPANION_UNREADABLE = "companion_unreadable"
    REJECTED = "rejected"
    BUDGET = "budget"
    CANCELLED = "cancelled"
    ENVIRONMENT = "environment"
    JOURNAL = "journal"
    UNKNOWN = "unknown"


HINTS: dict[FailureKind, str] = {
    FailureKind.PREFLIGHT: "Nothing was changed. Correct what the message names and start the run again.",
    FailureKind.AGENT: "Read the agent's reply below, sharpen the work item or change the agent, then retry the run.",
    FailureKind.PROVIDER: "Check the model provider's status and the agent's credential, then retry the run.",
    FailureKind.QUOTA: "Wait until the quota resets or choose another agent in the policy, then retry the run.",
    FailureKind.TIMEOUT: "Raise the limit in the policy or make the work item smaller, then retry the run.",
    FailureKind.STALLED: "The agent stopped producing output. Look at its last log lines, then retry the run.",
    FailureKind.EVICTED: "The sandbox was lost. Check the host's memory and disk, then retry the run.",
    FailureKind.TESTS_RED: "Read the failing tests below, change the agent or its policy and retry: it resumes at the "
    "tester; or finish the branch by hand and merge it.",
    FailureKind.CI_RED: "Read the failing checks below and retry: it resumes at the checks; or finish the "
    "branch by hand and merge it.",
    FailureKind.CONFLICT: "Merge the base into the branch by hand and merge the branch, or retry the run.",
    FailureKind.COMPANION_UNREADABLE: "The grader gave no readable verdict twice. Read its reply below, "
    "change the grader, then retry.",
    FailureKind.REJECTED: "A person rejected the change. Start a new run with a changed work item.",
    FailureKind.BUDGET: "Raise the budget in the policy or wait for the next period, then retry the run.",
    FailureKind.CANCELLED: "The run was stopped by a person. The branch and the journal are kept; it can be retried.",
    FailureKind.ENVIRONMENT: "Check that the forge, the disk and the sandbox are reachable, then retry the run.",
    FailureKind.JOURNAL: "A record of this run is damaged and was not run again, so that no paid turn repeats. "
    "Restore the file from a backup, or restart from the step before it.",
    FailureKind.UNKNOWN: "Read the detail below and the flow run's log; please report it if it looks like a defect.",
}


class Failure(BaseModel):
    """A run's terminal failure, as the report, the message and the retry see it."""

    model_config = ConfigDict(frozen=True)

    kind: FailureKind = Field(description="Why the run failed.")
    message: str = Field(description="The observed fact and what to do, in one sentence.")
    detail: str = Field(default="", description="Evidence, redacted, at most 8,000 characters.", max_length=8_000)
    step: str = Field(default="", description="Id of the step at which it failed; empty before the first step.")
    resumable: bool = Field(
        default=True,
        description="The step has no outcome: a retry does it again. Otherwise its outcomes are forgotten.",
    )
    at: datetime = Field(description="When it failed, UTC.")

    @property
    def hint(self) -> str:
        """What to do next."""
        return HINTS[self.kind]
