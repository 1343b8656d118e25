"""Fixtures for tests that need a whole installation: a real Prefect server, real Git, real processes."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from uuid import uuid4

import pytest
from prefect.client.orchestration import get_client

import blocks
from deployments.bootstrap import REGISTRY, bootstrap, deploy, python_folder, save
from deployments.server import Server, local_server
from tests.flows.shop import AGENT, FILES, FINE, FIXED, GOOD, Shop

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    home = tmp_path_factory.mktemp("installation")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("DELIVERY_HOME", str(home))
        environment.setenv("PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS", "5")
        with local_server(home) as running:
            bootstrap(home)
            save(blocks.LocalSandbox(path=[python_folder()], readable=[AGENT.parent]))
            yield running


@pytest.fixture(scope="session")
def deployed(server: Server) -> Server:
    """The server with every deployment; sweeps begin when a test says so."""
    deploy(ROOT / REGISTRY)
    with get_client(sync_client=True) as client:
        for sweep in [one for one in client.read_deployments() if one.schedules]:
            client.pause_deployment(sweep.id)
    return server


@pytest.fixture
def installation(server: Server) -> Path:
    assert server.pid
    return Path(os.environ["DELIVERY_HOME"])


@pytest.fixture
def shop(installation: Path, tmp_path: Path) -> Shop:
    made = Shop(installation, tmp_path, f"shop-{uuid4().hex[:8]}")
    made.folder.mkdir()
    made.seed(FILES)
    made.play(
        bug_investigator=[{"text": "off by one"}],
        clarity_review=[{"structured": {"findings": []}}],
        coder=[{"files": {"shop.py": FIXED}}],
        reviewer=[GOOD],
        merger=[FINE],
    )
    made.policy()
    return made
