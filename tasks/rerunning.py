"""A run is done again: the same run where it was, or a new one from a step of an old one."""

from __future__ import annotations

import json
import shlex
from typing import Any
from uuid import UUID

from prefect.client.schemas.objects import FlowRun
from prefect.states import AwaitingRetry

from blocks.ledger import Ledger
from blocks.loading import load
from contracts.delivery import RESUMABLE
from contracts.errors import Refused, Unavailable
from contracts.journal import Opening, Restart, short
from contracts.kinds import KINDS
from tasks._standing import Standing, prefect_client, standing
from tasks.opening import restart_point

_LEASE_SECONDS = 30.0


def retry_run(run: str) -> None:
    """Put a failed, crashed or stopped run back, so that a worker takes it up at the first step without an outcome.

    The run is admitted anew by its own flow. Retrying one state of a run twice puts it back once. A run that waits for
    budget or a quota looks at once whether there is some; the person knows better than what its agents said.

    Args:
        run: id of the flow run.

    Raises:
        Refused: it is in another state, it has no deployment, or it is being put back already.
        Unavailable: Prefect did not take the new state.
    """
    found = standing(run)
    flow_run = _flow_run(found)
    if not found.parked:
        _check_retry(found)
    elif found.opening is not None:
        load(found.ledger, Ledger).replenish(_agents(found.opening))
    _check_deployment(found, flow_run, "")
    ledger, key = load(found.ledger, Ledger), f"{run}/retry/{flow_run.state_id}"
    effect = ledger.intend(key, run, "retry", found.state, ended=True)
    if effect.result is not None or not ledger.hold(key, _LEASE_SECONDS):
        raise Refused(f"run {run!r} is being retried already; look at it with `delivery show {short(run)}`")
    with prefect_client() as client:
        result = client.set_flow_run_state(flow_run.id, AwaitingRetry(message="Retried by a person."), force=True)
    state = result.state
    if state is None or not state.is_scheduled():
        raise Unavailable(f"Prefect did not take the retry of run {run!r}; try again")
    ledger.confirm(key, str(state.id))


def restart_run(run: str, step: str) -> tuple[str, str]:
    """Start a new run that keeps what an old one recorded before a step; return its id and the step.

    Args:
        run: id of the old run, which must not be going on any more.
        step: first step that is done again; empty: the step at which it failed.

    Raises:
        Refused: the old run is not known, has no deployment, is still going on, or has no such step.
    """
    found = standing(run)
    flow_run = _flow_run(found)
    if found.live:
        raise Refused(f"run {run!r} is {_doing(found)}; stop it first: `delivery stop {short(run)}`")
    _, first = restart_point(Restart(run=run, step=step))
    deployment = _check_deployment(found, flow_run, first)
    parameters: dict[str, Any] = {**flow_run.parameters, "restart_from": {"run": run, "step": first}}
    with prefect_client() as client:
        started = client.create_flow_run_from_deployment(deployment, parameters=parameters)
    return str(started.id), first


def _agents(opening: Opening) -> list[str]:
    """References of the agents that may take a turn of the run."""
    policy = opening.policy
    kinds = {kind for step in opening.pipeline.enabled for kind in (step.kind, KINDS[step.kind].helper) if kind}
    return sorted({agent for kind in kinds for agent in policy.candidates(kind)})


def _flow_run(found: Standing) -> FlowRun:
    if found.flow_run is None:
        raise Refused(
            f"Prefect has forgotten run {found.run!r}; start a new one of its deployment with the same work item and "
            f"restart_from {{'run': {found.run!r}, 'step': …}}"
        )
    return found.flow_run


def _check_retry(found: Standing) -> None:
    run = found.run
    if found.going:
        raise Refused(
            f"run {run!r} is {_doing(found)}; only failed, crashed and stopped runs are retried: answer it, wait for "
            f"it, or stop it first with `delivery stop {short(run)}`"
        )
    if found.ending is not None and found.ending.status not in RESUMABLE:
        raise Refused(
            f"run {run!r} ended as {found.ending.status.value!r}; only failed, crashed and stopped runs are retried: "
            f"to do a step again, use `delivery restart {short(run)} --from STEP`"
        )


def _doing(found: Standing) -> str:
    """What a run that goes on is doing, in words."""
    if found.waiting:
        return f"waiting for a person at {found.waiting[-1].step!r}"
    return found.state if found.going else f"not over ({found.state})"


def _check_deployment(found: Standing, flow_run: FlowRun, step: str) -> UUID:
    """The deployment of a run; without one no worker can take it up."""
    if flow_run.deployment_id is not None:
        return flow_run.deployment_id
    name = found.pipeline.replace("_", "-")
    item = found.opening.item.model_dump(mode="json", exclude_defaults=True) if found.opening else {}
    restart = {"item": item, "restart_from": {"run": found.run, "step": step}}
    raise Refused(
        f"run {found.run!r} was started without a deployment, so that no worker can take it up; start a new one that "
        f"keeps what is recorded: prefect deployment run {name}/on-demand --params {shlex.quote(json.dumps(restart))}"
    )
