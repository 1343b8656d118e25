"""The measure of waiting: a Prefect flow that suspends itself for an answer and notes when it goes on."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

from prefect import flow, suspend_flow_run, task
from prefect.input import RunInput


class Approval(RunInput):
    """As many fields as a gate of ours has."""

    decision: Literal["approve", "reject"]
    your_name: str
    comment: str = ""


@task
def go_on(mark: str) -> None:
    """Note the time at which the step after the answer runs."""
    Path(mark).write_text(str(time.time()))


@flow(name="bare-gate", persist_result=True)
def bare_gate(mark: str) -> None:
    """Wait for an answer without a process, then run one step.

    Args:
        mark: file that holds the time at which the step ran.
    """
    suspend_flow_run(wait_for_input=Approval, key="gate", timeout=86_400)
    go_on(mark)
