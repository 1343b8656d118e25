"""GitHub at the wire: every test ends with the server's own judgement of what was said to it and by it."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from bench.github_server import GitHubServer
from tests.integration.github.place import Place, make_place


@pytest.fixture
def place(tmp_path: Path) -> Generator[Place]:
    with GitHubServer(tmp_path / "github") as server:
        place = make_place(tmp_path, server)
        yield place
        for client in place.people.values():
            client.close()
    assert server.violations == []
