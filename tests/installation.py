"""Fixtures for tests that need a whole installation: a real Prefect server, real Git, real processes."""

from __future__ import annotations

import os
from collections.abc import Generator
from pathlib import Path
from uuid import uuid4

import pytest

import blocks
from deployments.bootstrap import bootstrap, python_folder, save
from deployments.server import Server, local_server
from tests.flows.shop import AGENT, FILES, FINE, FIXED, GOOD, Shop


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Generator[Server]:
    home = tmp_path_factory.mktemp("installation")
    before = os.environ.get("DELIVERY_HOME")
    os.environ["DELIVERY_HOME"] = str(home)
    with local_server(home) as running:
        bootstrap(home)
        save(blocks.LocalSandbox(path=[python_folder()], readable=[AGENT.parent]))
        yield running
    if before is None:
        del os.environ["DELIVERY_HOME"]
    else:
        os.environ["DELIVERY_HOME"] = before


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
