"""The checks of a commit, and what they say together."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.watch import Probe

PASSING = frozenset({"success", "neutral", "skipped", "stale"})
"""Conclusions that let a change pass; every other one, also one that is unknown, fails."""


class Check(BaseModel):
    """One check of a commit."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="Name of the check.")
    status: Literal["queued", "in_progress", "completed"] = Field(description="How far it is.")
    conclusion: str = Field(default="", description="How it ended; empty while it runs.")
    summary: str = Field(default="", description="What it printed, cut to what a fixer can read.")
    url: str = Field(default="", description="Where a person reads it.")


def aggregate(checks: list[Check], required: list[str], settled: bool) -> Probe:
    """Return what the checks of the head commit say together.

    Args:
        checks: all checks of the head commit.
        required: names that the policy wants to see.
        settled: whether the forge has had its time to register checks.

    Failed dominates pending; a required check that is absent is pending; no checks at all pass only when the
    time is over and the policy names none.
    """
    failed = [check for check in checks if check.status == "completed" and check.conclusion not in PASSING]
    if failed:
        names = ", ".join(f"{check.name} ({check.conclusion or 'no conclusion'})" for check in failed)
        evidence = "\n\n".join(f"## {check.name}\n{check.summary}".strip() for check in failed)
        return Probe(state="fail", summary=f"{len(failed)} of {len(checks)} checks failed: {names}", evidence=evidence)
    missing = sorted(set(required) - {check.name for check in checks})
    if missing:
        return Probe(state="pending", summary=f"waiting for required checks: {', '.join(missing)}")
    running = [check.name for check in checks if check.status != "completed"]
    if running:
        return Probe(state="pending", summary=f"waiting for: {', '.join(running)}")
    if not checks and not settled:
        return Probe(state="pending", summary="no check is registered yet")
    summary = f"{len(checks)} checks passed" if checks else "the repository has no checks and the policy requires none"
    return Probe(state="pass", summary=summary)
