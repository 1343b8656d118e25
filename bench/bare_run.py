"""The measure of a load: a Prefect flow of a number of tasks, each with a persisted JSON result, and nothing else."""

from __future__ import annotations

from prefect import flow

from bench.bare import step


@flow(name="bare-run", persist_result=True)
def bare_run(steps: int) -> int:
    """Run so many tasks one after another; return how many."""
    return len([step(number) for number in range(steps)])
