"""The estimate of a work item before the work, and the steps that run only when it is large enough."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field

from contracts.agent import Frozen

AXES: tuple[str, ...] = ("complexity", "risk", "impact")
"""What an estimate and an assessment rate, each 0 (none) to 1 (extreme)."""

RATIONALE = 2_000
"""Most characters of a rationale that are kept."""


class Estimate(Frozen):
    """How large the work is expected to be."""

    complexity: float = Field(ge=0, le=1, description="How hard it is, 0 to 1.")
    risk: float = Field(ge=0, le=1, description="How likely it breaks something, 0 to 1.")
    impact: float = Field(ge=0, le=1, description="How much depends on it, 0 to 1.")
    rationale: str = Field(default="", description="Why, in at most 2,000 characters.")


class Gating(Frozen):
    """When a step runs, by the estimate. Threshold 0 is a threshold that is not set."""

    min_complexity: float = Field(default=0, ge=0, le=1, description="Run from this complexity on; 0: not set.")
    min_risk: float = Field(default=0, ge=0, le=1, description="Run from this risk on; 0: not set.")
    min_impact: float = Field(default=0, ge=0, le=1, description="Run from this impact on; 0: not set.")
    on_missing: Literal["run", "skip"] = Field(default="run", description="What happens without an estimate.")

    @property
    def axes(self) -> dict[str, float]:
        """The thresholds that are set, by axis."""
        thresholds = {"complexity": self.min_complexity, "risk": self.min_risk, "impact": self.min_impact}
        return {axis: least for axis, least in thresholds.items() if least > 0}


def read_estimate(data: Mapping[str, Any] | None) -> Estimate | None:
    """Return the estimate in an agent's structured output, each axis clamped to 0..1.

    None when an axis is absent or not a finite number: an earlier estimate then stays as it is.
    """
    axes = {axis: _clamp((data or {}).get(axis)) for axis in AXES}
    known = {axis: value for axis, value in axes.items() if value is not None}
    if data is None or len(known) < len(AXES):
        return None
    rationale = data.get("rationale")
    return Estimate(**known, rationale=rationale.strip()[:RATIONALE] if isinstance(rationale, str) else "")


def runs(gating: Gating | None, estimate: Estimate | None) -> bool:
    """Return whether a step runs: any axis at its threshold or above is enough.

    A step without a gating, or with one that sets no threshold, always runs; without an estimate
    `gating.on_missing` decides.
    """
    if gating is None or not gating.axes:
        return True
    if estimate is None:
        return gating.on_missing == "run"
    rated = {"complexity": estimate.complexity, "risk": estimate.risk, "impact": estimate.impact}
    return any(rated[axis] >= least for axis, least in gating.axes.items())


def _clamp(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return float(min(max(value, 0), 1))
