"""The measure: a Prefect flow of as many tasks, each with a persisted JSON result, and nothing else."""

from __future__ import annotations

import os
import time
from pathlib import Path

from prefect import flow, task

STEPS = 10


@task(persist_result=True, result_serializer="json")
def step(number: int) -> dict[str, object]:
    """Return about as much as a step of the pipeline returns."""
    return {"step": number, "at": time.time(), "output": "x" * 300}


@flow(name="bare", persist_result=True)
def bare_flow(run: str) -> list[float]:
    """Run the tasks of a run one after another."""
    assert run
    return [float(str(step(number)["at"])) for number in range(STEPS)]


def bare(run: str) -> list[float]:
    """Run the flow once; return when each task began, in seconds."""
    return bare_flow.with_options(result_storage=Path(os.environ["DELIVERY_HOME"]) / "bare")(run)
