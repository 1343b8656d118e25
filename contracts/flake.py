"""Whose fault a failing test is, judged before a fixer is paid."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Literal

from pydantic import AwareDatetime, Field

from contracts.agent import Frozen

Status = Literal["passed", "failed", "error", "skipped", "missing", "unavailable"]
"""How one test ended: missing when the suite did not hold it, unavailable when the suite could not run."""


class FlakeVerdict(StrEnum):
    """What a failing test says about the change."""

    CAUSED = "caused"
    FLAKY = "flaky"
    PREEXISTING = "preexisting"
    INFRASTRUCTURE = "infrastructure"


class Quarantined(Frozen):
    """A flaky test whose failure does not count until a date."""

    test: str = Field(min_length=1, description="Id of the test as the suite prints it.")
    until: AwareDatetime = Field(description="First moment at which its failure counts again.")
    reason: str = Field(min_length=1, description="What was observed.")

    def active(self, now: datetime) -> bool:
        """Return whether the quarantine still holds at `now`, a time with a zone."""
        return now < self.until


def judge(first: Status, alone: Status, base: Status) -> FlakeVerdict:
    """Return whose fault a failing test is.

    Args:
        first: how it ended within the suite on the head tree.
        alone: how it ended when it was run again alone on the same tree.
        base: how it ended on the base tree.

    Only a pass clears the change as flaky, and only a failure both alone and on the base as preexisting; a test
    that was skipped or not found alone, or whose base could not be tested, is caused by the change.
    """
    if "unavailable" in (first, alone):
        return FlakeVerdict.INFRASTRUCTURE
    if alone == "passed":
        return FlakeVerdict.FLAKY
    if alone in {"failed", "error"} and base in {"failed", "error"}:
        return FlakeVerdict.PREEXISTING
    return FlakeVerdict.CAUSED
