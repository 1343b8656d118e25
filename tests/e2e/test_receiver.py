"""The receiver as an installation has it: killed after it has answered, and everything is started all the same."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun
from pydantic import SecretStr

from blocks.ledger import Ledger
from deployments.server import Server
from flows.simple import simple
from tests.integration.receiver import labelled, receiver, send

COUNT = 20


def rules(deployment: str) -> str:
    rule: dict[str, Any] = {
        "name": "label",
        "source": "github",
        "event": "issues.labeled",
        "item": {"repository": {"forge": "local-forge/main"}, "title": "$.issue.title"},
        "deployment": deployment,
    }
    return yaml.safe_dump({"rules": [rule]})


def test_what_was_answered_is_started_once_though_the_receiver_is_killed(server: Server, tmp_path: Path):
    name, url = f"received-{uuid4().hex[:8]}", f"sqlite:///{tmp_path / 'ledger.db'}"
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(client.create_flow(simple), name, tags=["delivery"])

        def runs() -> list[FlowRun]:
            wanted = DeploymentFilter(id=DeploymentFilterId(any_=[deployment]))
            return client.read_flow_runs(deployment_filter=wanted, limit=200)

        (tmp_path / "triggers.yaml").write_text(rules(f"simple/{name}"))
        given = {"PREFECT_API_URL": os.environ["PREFECT_API_URL"], "DELIVERY_TRIGGERS": str(tmp_path / "triggers.yaml")}
        with receiver(tmp_path, url, given, drains=True) as (address, process), httpx.Client(trust_env=False) as sender:
            answers = [send(sender, address, labelled(number=n), f"d-{n}").status_code for n in range(COUNT)]
            process.kill()
        assert answers == [202] * COUNT

        with receiver(tmp_path, url, given, drains=True) as (address, _), httpx.Client(trust_env=False) as sender:
            again = [send(sender, address, labelled(number=n), f"d-{n}").status_code for n in range(COUNT)]
            ledger, deadline = Ledger(url=SecretStr(url)), time.monotonic() + 200
            while ledger.undelivered():
                assert time.monotonic() < deadline, (tmp_path / "receiver.log").read_text()
                time.sleep(0.1)
        assert again == [200] * COUNT
        assert sorted(str(one.parameters["item"]["title"]) for one in runs()) == sorted(
            f"Total {n} is off by one" for n in range(COUNT)
        )
        assert {(row.outcome, row.count) for row in ledger.deliveries(100)} == {("started", 2)}
    ledger.close()
    assert server.pid
