"""The server: Web API over HTTP, envelopes over WebSocket, or signed requests to the app's own address."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
import time
from collections.abc import Iterable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, cast
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from bench.slack_server.socket_mode import SocketMode
from bench.slack_server.trouble import Drop, Fail, Limit, Trouble
from bench.slack_server.web_api import WebApi
from bench.slack_server.workspace import Json, Workspace

_PLAIN: Any = {"timeout": 30, "trust_env": False, "verify": False}


class Called(NamedTuple):
    """One call of the Web API."""

    method: str
    given: Json


class SlackServer:
    """Slack in threads of this process, as a context manager.

    Args:
        workspace: the state; none: a fresh workspace.
    """

    def __init__(self, workspace: Workspace | None = None) -> None:
        self.workspace = workspace or Workspace()
        self.socket = SocketMode(self.workspace.app)
        self.api = WebApi(self.workspace, self.socket.issue)
        self.calls: list[Called] = []
        self.request_url = ""
        """Address of the app; empty: Socket Mode."""
        self._troubles: dict[str, list[Trouble]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Exchange, self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="slack")

    @property
    def url(self) -> str:
        """Address of the Web API."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/api/"

    def __enter__(self) -> SlackServer:
        self._thread.start()
        self.socket.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End every connection and thread."""
        self.socket.stop()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def trouble(self, method: str, *troubles: Trouble) -> None:
        """Let the next calls of a method go wrong."""
        self._troubles.setdefault(method, []).extend(troubles)

    def next_trouble(self, method: str) -> Trouble | None:
        """Return what goes wrong with this call."""
        waiting = self._troubles.get(method)
        return waiting.pop(0) if waiting else None

    def called(self, method: str) -> list[Json]:
        """Return what a method was called with."""
        return [one.given for one in self.calls if one.method == method]

    def deliver(self, sort: str, payload: Json, *, envelope: str = "") -> Json | None:
        """Bring the app what a person did, and return what it acknowledges; none: nothing in time.

        Args:
            sort: interactive, slash_commands or events_api.
            payload: what happened.
            envelope: id of the envelope; the same once more when Slack delivers it again.
        """
        if not self.request_url:
            return self.socket.send(sort, payload, envelope=envelope)
        body, kind = _body(sort, payload)
        answer = self.request(body, {"content-type": kind})
        return cast(Json, answer.json()) if answer.content and answer.is_success else {}

    def request(self, body: bytes, headers: Json | None = None, at: float | None = None) -> httpx.Response:
        """Send the app a signed request; given headers outweigh those that Slack sends.

        Args:
            body: the body.
            headers: further headers.
            at: time that the signature states, in seconds; none: now.
        """
        stamp = str(int(time.time() if at is None else at))
        signed = {"x-slack-request-timestamp": stamp, "x-slack-signature": self.signature(body, stamp)}
        return httpx.post(self.request_url, content=body, headers=signed | (headers or {}), **_PLAIN)

    def signature(self, body: bytes, stamp: str) -> str:
        """Return what Slack signs a request with."""
        key = self.workspace.signing_secret.encode()
        return "v0=" + hmac.new(key, f"v0:{stamp}:".encode() + body, hashlib.sha256).hexdigest()


class _Exchange(BaseHTTPRequestHandler):
    """One connection of the app."""

    protocol_version = "HTTP/1.1"

    def __init__(self, owner: SlackServer, *args: Any) -> None:
        self._owner = owner
        super().__init__(*args)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
        """Say nothing."""

    def do_POST(self) -> None:
        """Answer a call of the Web API, or take what the app sends to a response_url."""
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        address = urlsplit(self.path)
        given = dict(parse_qsl(address.query)) | self._given(raw)
        if address.path.startswith("/response/"):
            self._owner.workspace.responses.append({"url": address.path, **given})
            self._send(200, {"ok": True})
            return
        method = address.path.removeprefix("/api/")
        self._owner.calls.append(Called(method, given))
        trouble = self._owner.next_trouble(method)
        if isinstance(trouble, Limit):
            self._send(429, {"ok": False, "error": "ratelimited"}, [("Retry-After", str(trouble.seconds))])
        elif isinstance(trouble, Fail):
            self._send(trouble.status, {"ok": False, "error": trouble.error})
        else:
            self._answer(method, given, trouble)

    def _answer(self, method: str, given: Json, trouble: Drop | None) -> None:
        token = (self.headers.get("authorization") or "").removeprefix("Bearer ")
        answer = self._owner.api.answer(method, token, given) if trouble is None or trouble.done else {}
        if trouble is None:
            self._send(200, answer)
        else:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)

    def _given(self, raw: bytes) -> Json:
        if not raw:
            return {}
        if "json" in (self.headers.get("content-type") or ""):
            return cast(Json, json.loads(raw))
        return dict(parse_qsl(raw.decode()))

    def _send(self, status: int, answer: Json, headers: Iterable[tuple[str, str]] = ()) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in [("Content-Type", "application/json"), ("Content-Length", str(len(body))), *headers]:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)


def _body(sort: str, payload: Json) -> tuple[bytes, str]:
    """How Slack sends what happened over HTTP: events as JSON, the rest as forms."""
    if sort == "events_api":
        return json.dumps(payload).encode(), "application/json"
    form = payload if sort == "slash_commands" else {"payload": json.dumps(payload)}
    return urlencode(form).encode(), "application/x-www-form-urlencoded"
