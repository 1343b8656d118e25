from __future__ import annotations

import json
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.actions import DeploymentScheduleCreate
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.schedules import CronSchedule

from deployments.server import Server, local_worker
from tests.flows.shop import FIXED, Shop

FLOWS = ("build", "simple", "bugfix", "tech-debt", "dependency-updates", "custom")


def _await(client: SyncPrefectClient, run: UUID) -> FlowRun:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        flow_run = client.read_flow_run(run)
        if flow_run.state is not None and flow_run.state.is_final():
            return flow_run
        time.sleep(0.5)
    pytest.fail(f"run {run} did not end")


def test_every_pipeline_is_deployed_with_a_module_entrypoint_and_a_form(deployed: Server):
    assert deployed.pid
    with get_client(sync_client=True) as client:
        for flow in FLOWS:
            deployment = client.read_deployment_by_name(f"{flow}/on-demand")
            module = flow.replace("-", "_")
            assert deployment.entrypoint == f"flows.{module}.{module}"
            assert not deployment.pull_steps
            form = cast(dict[str, Any], deployment.parameter_openapi_schema)["properties"]
            assert {"item", "policy", "restart_from", "dry_run"} <= set(form)
            assert form["item"]["description"].startswith("What is to be delivered")


def test_a_run_of_a_deployment_goes_through_a_worker_to_a_merge(deployed: Server, shop: Shop):
    assert deployed.pid
    item, policy = shop.item().model_dump_json(), json.dumps(f"delivery-policy/{shop.name}")
    parameters = ["--param", f"item={item}", "--param", f"policy={policy}"]
    command = [sys.executable, "-m", "prefect", "deployment", "run", "simple/on-demand", *parameters]
    with local_worker(shop.home), get_client(sync_client=True) as client:
        started = subprocess.run(command, capture_output=True, text=True, check=False)
        assert started.returncode == 0, started.stdout + started.stderr
        run = next(word for word in started.stdout.split() if word.count("-") == 4 and len(word) == 36)
        flow_run = _await(client, UUID(run))
    assert flow_run.state is not None
    assert flow_run.state.name == "Merged"
    assert flow_run.name == "Total is off by one"
    assert shop.file("shop.py") == FIXED.rstrip("\n")


def test_the_locked_set_of_packages_creates_runs_of_a_cron(deployed: Server):
    assert deployed.pid
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("tech-debt/on-demand").id
        schedule = DeploymentScheduleCreate(schedule=CronSchedule(cron="0 5 * * 1", timezone="Europe/Berlin"))
        created = client.create_deployment_schedules(deployment, [(schedule.schedule, True)])
        try:
            run = _first_scheduled(client, deployment)
        finally:
            client.delete_deployment_schedule(deployment, created[0].id)
    assert run.expected_start_time is not None
    assert datetime.now(UTC) < run.expected_start_time < datetime.now(UTC) + timedelta(days=8)


def _first_scheduled(client: SyncPrefectClient, deployment: UUID) -> FlowRun:
    wanted = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        runs = client.read_flow_runs(deployment_filter=wanted)
        scheduled = [run for run in runs if run.auto_scheduled]
        if scheduled:
            return min(scheduled, key=lambda run: str(run.expected_start_time))
        time.sleep(0.5)
    pytest.fail("the scheduler created no run; the pinned packages do not work together")
