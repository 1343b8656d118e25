"""Socket Mode: a WebSocket over which Slack sends envelopes, each of which the app must acknowledge."""

from __future__ import annotations

import json
import secrets
import socket
import threading
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import uuid4

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

from bench.slack_server.workspace import Json

CONNECT_SECONDS = 60.0
"""How long an envelope waits for a connection."""


class SocketMode:
    """The connections of one app.

    Args:
        app: id of the app.
    """

    def __init__(self, app: str) -> None:
        self._app = app
        self._tickets: set[str] = set()
        self._open: list[ServerConnection] = []
        self._changed = threading.Condition()
        self._acks: dict[str, Json] = {}
        self.greeted = 0
        self._server: Server = serve(self._hold, "127.0.0.1", 0)
        self._thread = threading.Thread(target=self._server.serve_forever, name="socket mode")

    def start(self) -> None:
        """Take connections."""
        self._thread.start()

    def stop(self) -> None:
        """Close every connection."""
        self._server.shutdown()
        with self._changed:
            mine = list(self._open)
        for one in mine:
            one.close()
        self._thread.join()

    def issue(self) -> str:
        """Return an address that one connection can be made to."""
        ticket = secrets.token_hex(12)
        self._tickets.add(ticket)
        port = self._server.socket.getsockname()[1]
        return f"ws://127.0.0.1:{port}/link/?ticket={ticket}&app_id={self._app}"

    def refresh(self) -> None:
        """Tell the app that its connections end, and end them, as Slack does every few hours."""
        with self._changed:
            mine = list(self._open)
        for one in mine:
            one.send(json.dumps({"type": "disconnect", "reason": "refresh_requested", "debug_info": {"host": "a"}}))

    def cut(self) -> None:
        """Lose the connections without a word."""
        with self._changed:
            mine = list(self._open)
        for one in mine:
            one.socket.shutdown(socket.SHUT_RDWR)

    def wait_for(self, count: int, seconds: float = CONNECT_SECONDS) -> None:
        """Wait until so many connections were greeted since the beginning."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.greeted >= count, seconds), f"{self.greeted} connections"

    def send(self, sort: str, payload: Any, *, envelope: str = "", seconds: float = CONNECT_SECONDS) -> Json | None:
        """Send an envelope over the newest connection and return what the app acknowledges; none: nothing in time."""
        name = envelope or str(uuid4())
        frame: Json = {"envelope_id": name, "type": sort, "payload": payload}
        frame |= {"accepts_response_payload": sort != "events_api"}
        if sort == "events_api":
            frame |= {"retry_attempt": 0, "retry_reason": ""}
        with self._changed:
            self._acks.pop(name, None)
            assert self._changed.wait_for(lambda: bool(self._open), seconds), "the app is not connected"
            connection = self._open[-1]
        connection.send(json.dumps(frame))
        with self._changed:
            self._changed.wait_for(lambda: name in self._acks, seconds)
            return self._acks.pop(name, None)

    def _hold(self, connection: ServerConnection) -> None:
        path = connection.request.path if connection.request else ""
        ticket = parse_qs(urlsplit(path).query).get("ticket", [""])[0]
        if ticket not in self._tickets:
            connection.close(4001, "invalid ticket")
            return
        self._tickets.discard(ticket)
        connection.send(json.dumps(self._hello()))
        with self._changed:
            self._open.append(connection)
            self.greeted += 1
            self._changed.notify_all()
        try:
            for raw in connection:
                self._heard(json.loads(raw))
        except (ConnectionClosed, OSError, ValueError):
            pass
        finally:
            with self._changed:
                self._open.remove(connection)

    def _heard(self, ack: Json) -> None:
        with self._changed:
            self._acks[str(ack.get("envelope_id"))] = ack.get("payload") or {}
            self._changed.notify_all()

    def _hello(self) -> Json:
        debug = {"host": "applink-1", "build_number": 1, "approximate_connection_time": 18_060}
        return {"type": "hello", "num_connections": 1, "debug_info": debug, "connection_info": {"app_id": self._app}}
