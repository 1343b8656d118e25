"""A run as a person follows it in a terminal: a line for each step as it ends, then the report."""

from __future__ import annotations

import time
from typing import Any
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId, FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun, TaskRun
from prefect.client.schemas.sorting import ArtifactSort, TaskRunSort
from prefect.deployments import run_deployment

from contracts.delivery import DeliveryStatus
from contracts.markdown import seconds
from contracts.work import WorkItem

_POLL_SECONDS = 0.5
_LAG_SECONDS = 2.0
"""The server records the ends of steps in batches, up to a second after they happened."""


def start(deployment: str, item: WorkItem) -> str:
    """Start a run of a deployment, flow/name, for a work item; return the run's id."""
    run: Any = run_deployment(deployment, parameters={"item": item.model_dump()}, timeout=0, as_subflow=False)
    return str(run.id)


def follow(run: str) -> tuple[str, bool]:
    """Print each step of a run as it ends; return the report and whether the change was merged.

    Args:
        run: id of the flow run; it may not have begun yet.
    """
    seen: set[UUID] = set()
    with get_client(sync_client=True) as client:
        while True:
            flow_run = client.read_flow_run(UUID(run))
            final = flow_run.state is not None and flow_run.state.is_final()
            if final:
                time.sleep(_LAG_SECONDS)
            for step in _ended(client, run):
                if step.id not in seen:
                    seen.add(step.id)
                    print(_line(step), flush=True)
            if flow_run.state is not None and final:
                print(_last_line(flow_run), flush=True)
                return _report(client, run), flow_run.state.name == DeliveryStatus.MERGED.value.capitalize()
            time.sleep(_POLL_SECONDS)


def _ended(client: SyncPrefectClient, run: str) -> list[TaskRun]:
    steps = client.read_task_runs(
        flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[UUID(run)])), sort=TaskRunSort.END_TIME_DESC, limit=200
    )
    return [step for step in reversed(steps) if step.state is not None and step.state.is_final()]


def _line(step: TaskRun) -> str:
    done = step.state is not None and step.state.is_completed()
    said = (step.state.message if step.state is not None else "") or ""
    took = seconds(step.total_run_time.total_seconds())
    return f"  {'✓' if done else '✗'} {step.name:<22} {took:>8}  {said}".rstrip()


def _last_line(flow_run: FlowRun) -> str:
    state = flow_run.state
    message = f": {state.message}" if state is not None and state.message else ""
    return f"  → {state.name if state else 'unknown'}{message}"


def _report(client: SyncPrefectClient, run: str) -> str:
    found = client.read_artifacts(
        artifact_filter=ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[UUID(run)])),
        sort=ArtifactSort.UPDATED_DESC,
    )
    reports = [artifact for artifact in found if artifact.type == "markdown"]
    return str(reports[0].data) if reports else "The run wrote no report; read its log in the Prefect UI."
