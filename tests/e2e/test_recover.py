"""Lost runs under a real worker: they are found, taken up and brought to their end by the deployed sweep."""

from __future__ import annotations

import os
import re
import signal
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pytest
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.objects import FlowRun
from prefect.states import Scheduled

import blocks
from blocks.ledger import Ledger
from deployments.bootstrap import save
from deployments.server import Server, local_worker
from tests.flows import lost
from tests.flows.shop import AGENT, FIXED, Shop

HOLDING = Path(__file__).with_name("holding_agent.py")
Found = TypeVar("Found")


def _until(look: Callable[[], Found | None], what: str, seconds: float = 150) -> Found:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = look()
        if found:
            return found
        time.sleep(0.3)
    pytest.fail(f"{what} did not come within {seconds:.0f} seconds")


def _ended(client: SyncPrefectClient, run: UUID) -> FlowRun:
    def look() -> FlowRun | None:
        flow_run = client.read_flow_run(run)
        return flow_run if flow_run.state is not None and flow_run.state.is_final() else None

    return _until(look, f"the end of {run}")


def _start(client: SyncPrefectClient, deployment: str, **options: Any) -> UUID:
    return client.create_flow_run_from_deployment(client.read_deployment_by_name(deployment).id, **options).id


def _hold(shop: Shop, kind: str) -> str:
    """An agent whose first turn of a kind never ends."""
    shop.open_sandbox()
    command = [sys.executable, "-P", str(HOLDING), kind, str(AGENT), str(shop.folder)]
    return shop.policy(agents={"default": save(blocks.CommandAgent(command=command), f"{shop.name}-holding")})


@pytest.mark.timeout(600)
def test_a_flow_process_killed_in_mid_turn_is_resumed_and_earlier_turns_are_paid_once(deployed: Server, shop: Shop):
    assert deployed.pid
    policy = _hold(shop, "reviewer")
    parameters = {"item": shop.item(title="Lost in review").model_dump(mode="json"), "policy": policy}
    journal = blocks.Journal(folder=shop.home / "journal")
    with local_worker(shop.home), get_client(sync_client=True) as client:
        run = _start(client, "simple/on-demand", parameters=parameters)
        _until((shop.folder / "held").exists, "the turn")
        _until(lambda: lost.heard(str(run)), "a sign of life")
        process = re.match(r"process (\d+) ", journal.owner(str(run)))
        assert process is not None
        os.kill(int(process[1]), signal.SIGKILL)
        _until(lambda: client.read_flow_run(run).state_name == "Crashed", "the worker's report")
        swept = _ended(client, _start(client, "recover/every-minute"))
        assert swept.state is not None
        assert "1 resumed" in str(swept.state.message)
        ended = _ended(client, run)
    assert ended.state_name == "Merged"
    turns = shop.turns()
    assert {kind: turns.count(kind) for kind in set(turns)} == {"coder": 1, "reviewer": 2, "merger": 1}
    assert shop.merges() == 1
    assert shop.file("shop.py") == FIXED.rstrip("\n")
    assert Ledger().attribute(str(run), "reviewer@1") == {"crash": 1}


@pytest.mark.timeout(600)
def test_a_backlog_of_sweeps_ends_without_a_process_for_each(deployed: Server, shop: Shop):
    assert deployed.pid
    with get_client(sync_client=True) as client:
        late = Scheduled(scheduled_time=datetime.now(UTC) - timedelta(minutes=5))
        sweeps = [_start(client, "recover/every-minute", state=late) for _ in range(20)]
        with local_worker(shop.home):
            ended = [_ended(client, sweep) for sweep in sweeps]
    ran = [one for one in ended if "Running" in lost.history(str(one.id))]
    assert [one.state_name for one in ran] == ["Completed"] * len(ran)
    assert 1 <= len(ran) <= 5, [lost.history(str(one.id)) for one in ended]
    assert {one.state_name for one in ended if one not in ran} == {"Cancelled"}
