"""A run without quota under a real worker: it waits without a process, says so, and is taken up when its time comes."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from playwright.sync_api import expect
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun

from blocks.journal import Journal
from blocks.ledger import Ledger
from contracts.parking import PARKED, SPREAD_SECONDS
from deployments.server import Server, local_worker
from tests.e2e.browser import opened, picture
from tests.flows.shop import FIXED, Shop

_QUOTA_SECONDS = 65.0
"""Longer than a worker needs to start a run, which must still find the quota used up."""
_PATIENCE = _QUOTA_SECONDS + SPREAD_SECONDS + 150


def _named(run: UUID, *names: str) -> FlowRun:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        with get_client(sync_client=True) as client:
            flow_run = client.read_flow_run(run)
        if flow_run.state_name in names:
            return flow_run
        time.sleep(0.3)
    pytest.fail(f"the run did not become {' or '.join(names)}")


@pytest.mark.timeout(600)
def test_a_worker_takes_a_parked_run_up_when_its_quota_is_there_again(deployed: Server, shop: Shop):
    resets = datetime.now(UTC) + timedelta(seconds=_QUOTA_SECONDS)
    trouble = {"kind": "quota", "message": "the quota of the hour is used up", "resets_at": resets.isoformat()}
    shop.play(coder=[{"reply": {"trouble": trouble, "usage": {"input_tokens": 9, "model": "m"}}}])
    shop.open_sandbox()
    parameters = {"item": shop.item(title="Waits for a quota").model_dump(mode="json"), "policy": shop.policy()}
    with local_worker(shop.home), get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("simple/on-demand").id
        run = client.create_flow_run_from_deployment(deployment, parameters=parameters).id
        parked = _named(run, PARKED)
        shop.play(coder=[{"files": {"shop.py": FIXED}}])
        assert not Journal(folder=shop.home / "journal").owner(str(run))
        with opened(1440, 1000) as page:
            page.goto(f"{deployed.ui}/runs/flow-run/{run}")
            expect(page.get_by_text(PARKED, exact=True).first).to_be_visible()
            picture(page, "parked")
        ended = _named(run, "Merged", "Failed")
    assert ended.state_name == "Merged", ended.state
    assert parked.next_scheduled_start_time is not None
    assert ended.state is not None
    assert ended.state.timestamp > parked.next_scheduled_start_time >= resets
    assert shop.turns() == ["coder", "coder", "reviewer", "merger"]
    assert shop.messages(str(run)) == ["parked", "delivered"]
    assert Ledger().run(str(run)).status == "merged"  # type: ignore[union-attr]
