"""What a run will cost, from the ledger's history, before it starts."""

from __future__ import annotations

from prefect import get_run_logger

from blocks.ledger import Ledger
from blocks.loading import load
from contracts.forecast import forecast, told
from contracts.journal import Opening
from contracts.kinds import KINDS


def with_forecast(opening: Opening) -> Opening:
    """Return an opening with what the run will cost by the history of its ledger, and tell that in the log."""
    pipeline = opening.pipeline
    kinds = {step.kind for step in pipeline.enabled if KINDS[step.kind].needs_agent}
    found = forecast(*load(opening.policy.ledger, Ledger).costs(pipeline.name, sorted(kinds)))
    get_run_logger().info("forecast: %s", told(found))
    return opening.model_copy(update={"forecast": found})
