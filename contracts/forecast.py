"""What a run will cost, told from what runs and turns like it have cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from pydantic import BaseModel, ConfigDict, Field

from contracts.budget import CURRENCY, LITTLE, percentile

NONE_YET = "no history yet"


class Forecast(BaseModel):
    """What a run is expected to cost, in USD."""

    model_config = ConfigDict(frozen=True)

    p50: float = Field(ge=0, description="What half of such runs cost at most.")
    p90: float = Field(ge=0, description="What nine of ten such runs cost at most.")
    runs: int = Field(default=0, ge=0, description="Runs that it is told from; 0: turns of the same kinds.")

    @property
    def basis(self) -> str:
        """What it is told from, in words."""
        return f"{self.runs} runs of this pipeline" if self.runs else "turns of the same kinds"


def forecast(runs: Sequence[Decimal], kinds: Mapping[str, Sequence[Decimal]]) -> Forecast | None:
    """Return what a run will cost; none: there is too little history.

    Args:
        runs: what earlier runs of the pipeline have cost that came to their end.
        kinds: what turns have cost, for each kind of step that the pipeline visits.
    """
    if len(runs) >= LITTLE:
        return Forecast(p50=float(percentile(runs, 0.5)), p90=float(percentile(runs, 0.9)), runs=len(runs))
    if not kinds or any(len(costs) < LITTLE for costs in kinds.values()):
        return None
    low, high = (sum(float(percentile(costs, share)) for costs in kinds.values()) for share in (0.5, 0.9))
    return Forecast(p50=low, p90=high)


def told(found: Forecast | None) -> str:
    """Return a forecast in one line."""
    if found is None:
        return NONE_YET
    return f"{found.p50:.2f} {CURRENCY} (p50) to {found.p90:.2f} {CURRENCY} (p90), by {found.basis}"
