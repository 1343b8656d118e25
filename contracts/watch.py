"""Gates that watch something outside: one machine for checks and conflicts."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.failure import FailureKind
from contracts.rules import Advance, Ask, AskReason, Fail, Help


class Probe(BaseModel):
    """What a watching gate saw."""

    model_config = ConfigDict(frozen=True)

    state: Literal["pass", "pending", "fail"] = Field(description="What it means for the run.")
    summary: str = Field(description="One sentence.")
    evidence: str = Field(default="", description="What a helper needs to act on a failure.")


class Watch(BaseModel):
    """How a kind of gate handles a failure."""

    model_config = ConfigDict(frozen=True)

    helper: str = Field(description="Kind of the helper that acts on a failure.")
    budget: int = Field(ge=0, description="How many times a helper may try.")
    spent: FailureKind = Field(description="The failure when the budget is spent.")
    asks: bool = Field(default=False, description="Ask a person instead of failing when the budget is spent.")


def decide(watch: Watch, probe: Probe, helped: int) -> Advance | Help | Ask | Fail:
    """Return what follows a probe, after `helped` turns of the helper in this attempt.

    A probe that is still pending when it is handed in has outlasted the wait that the policy grants.
    """
    if probe.state == "pass":
        return Advance(probe.summary)
    if probe.state == "pending":
        return Fail(FailureKind.TIMEOUT, f"the gate was still waiting at the end of its time: {probe.summary}")
    aid = Help(watch.helper, f"{probe.summary}\n\n{probe.evidence}".strip())
    if helped < watch.budget:
        return aid
    message = f"{probe.summary}; {helped} of {watch.budget} attempts of {watch.helper!r} are spent"
    if watch.asks:
        return Ask(AskReason.CONFLICT, message, again=aid)
    return Fail(watch.spent, message, probe.evidence)
