"""Slack reaches a desk, over a socket or at an address."""

from __future__ import annotations

import threading
from collections.abc import Generator
from pathlib import Path

import pytest
import uvicorn
from pydantic import SecretStr
from starlette.applications import Starlette

from bench.slack_server import SlackServer
from blocks.ledger import Ledger
from deployments.slack.desk import Desk
from deployments.slack.http import PATH, routes
from deployments.slack.socket import SlackSocket
from tests.integration.slack.room import Room, soon


@pytest.fixture
def room(tmp_path: Path) -> Generator[Room]:
    ledger = Ledger(url=SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}"))
    with SlackServer() as slack:
        slack.workspace.add_user("U0ADA", "Ada Lovelace")
        yield Room(slack, ledger)
    ledger.close()


@pytest.fixture
def desk(room: Room) -> Generator[Desk]:
    with Desk(room.ledger, room.channel, room.said.append) as made:
        yield made


@pytest.fixture
def connected(room: Room, desk: Desk) -> Generator[Room]:
    """Slack reaches the desk over a socket."""
    with SlackSocket(room.channel.link, SecretStr(room.slack.workspace.app_token), desk.take, room.said.append):
        room.slack.socket.wait_for(1)
        yield room


@pytest.fixture
def served(room: Room, desk: Desk) -> Generator[Room]:
    """Slack reaches the desk at an address."""
    app = Starlette(routes=routes(desk, room.slack.workspace.signing_secret))
    server = uvicorn.Server(uvicorn.Config(app, "127.0.0.1", 0, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run)
    thread.start()
    soon(lambda: server.started)
    port = server.servers[0].sockets[0].getsockname()[1]
    room.slack.request_url = f"http://127.0.0.1:{port}{PATH}"
    yield room
    server.should_exit = True
    thread.join(30)


@pytest.fixture(params=["connected", "served"])
def reached(request: pytest.FixtureRequest) -> Room:
    """Slack reaches the desk, either way."""
    return request.getfixturevalue(request.param)
