"""Sandboxes on this machine, with bubblewrap and without."""

from __future__ import annotations

from pathlib import Path

import pytest

from blocks.bubblewrap import obstacle
from blocks.local_sandbox import LocalSandbox


@pytest.fixture
def protected() -> LocalSandbox:
    reason = obstacle(network=True) or obstacle(network=False)
    assert not reason, f"these tests need a bubblewrap that works: install the package bubblewrap ({reason})"
    return LocalSandbox(isolation="bubblewrap")


@pytest.fixture(params=["bubblewrap", "process"])
def sandbox(request: pytest.FixtureRequest) -> LocalSandbox:
    if request.param == "bubblewrap":
        protected: LocalSandbox = request.getfixturevalue("protected")
        return protected
    return LocalSandbox(isolation="process")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    directory = tmp_path / "workspace"
    directory.mkdir()
    return directory
