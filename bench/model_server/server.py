"""The server: takes requests on this machine only, and answers as its script says."""

from __future__ import annotations

import gzip
import json
import socket
import threading
import zlib
from functools import partial
from http.server import BaseHTTPRequestHandler
from typing import Any, cast

from bench.closing_server import ClosingServer
from bench.model_server.anthropic_messages import AnthropicMessages
from bench.model_server.dialect import Dialect, Json, Reply
from bench.model_server.gemini import Gemini
from bench.model_server.moves import Dead, Drop, Fail, Garbage, Move, Quota, Slow
from bench.model_server.openai_chat import OpenAiChat
from bench.model_server.openai_responses import OpenAiResponses
from bench.model_server.script import Asked, Script

_DIALECTS: tuple[Dialect, ...] = (AnthropicMessages(), OpenAiResponses(), OpenAiChat(), Gemini())
_GARBAGE = b"\x00\xff\xfe<html>this is no answer of a model</html>\n\n"
_LOOK_SECONDS = 0.05
"""How often a late answer looks whether the server is being closed."""


class ModelServer:
    """A provider of models in threads of this process, as a context manager.

    It speaks Anthropic Messages, OpenAI Responses, OpenAI Chat Completions and Gemini on one port. `url` is what
    Anthropic's and Google's programs take as their address; OpenAI's take `url` with /v1.

    Args:
        script: what it answers.
        host: address that it listens on.
        port: 0: any that is free.
    """

    def __init__(self, script: Script, host: str = "127.0.0.1", port: int = 0) -> None:
        self.script = script
        self._closing = threading.Event()
        self._server = ClosingServer((host, port), partial(_Exchange, self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="model server")

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """Its address without a path."""
        return f"http://{self._server.server_address[0]}:{self.port}"

    @property
    def closing(self) -> threading.Event:
        """Set when it is being closed: whoever waits for anything gives up."""
        return self._closing

    def __enter__(self) -> ModelServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close every connection and end every thread."""
        self._closing.set()
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()


class _Exchange(BaseHTTPRequestHandler):
    """One connection of a program."""

    protocol_version = "HTTP/1.1"

    def __init__(self, owner: ModelServer, *args: Any) -> None:
        self._owner = owner
        super().__init__(*args)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
        """Say nothing: the script keeps every request."""

    def do_HEAD(self) -> None:
        """Answer a probe."""
        self._send(Reply(b""))

    def do_GET(self) -> None:
        """Answer a question for models with none but a scripted one, anything else with an empty object."""
        self._owner.script.ask(self._asked({}), main=False)
        models: Json = {"object": "list", "data": [{"id": "scripted", "object": "model"}], "models": []}
        self._send(Reply(json.dumps(models if self.path.partition("?")[0].endswith("/models") else {}).encode()))

    def do_POST(self) -> None:
        """Answer as the script says."""
        body = _object(self._content())
        dialect = next((one for one in _DIALECTS if one.serves(self.path)), None)
        main = dialect is not None and dialect.is_main(self.path, body)
        move = self._owner.script.ask(self._asked(body), main=main)
        if dialect is None:
            self._send(Reply(b"{}"))
        elif move is None:
            self._send(dialect.aside(self.path, body))
        else:
            self._do(move, dialect, body)

    def _do(self, move: Move, dialect: Dialect, body: Json) -> None:
        match move:
            case Slow():
                if not self._waited(move):
                    self._do(move.then, dialect, body)
            case Dead():
                self._owner.closing.wait()
                self.close_connection = True
            case Drop():
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
            case Garbage():
                self._send(Reply(_GARBAGE, stream=bool(body.get("stream")) or "stream" in self.path))
            case Quota():
                self._do(dialect.used_up(move), dialect, body)
            case Fail():
                refused = json.dumps(move.body or dialect.refusal(move)).encode()
                self._send(Reply(refused, status=move.status, headers=move.headers))
            case _:
                self._send(dialect.answer(move, self.path, body))

    def _waited(self, move: Slow) -> bool:
        """Wait for a late answer's time; return whether the server is being closed instead."""
        left = move.seconds
        while left > 0 and not (move.until and move.until.is_set()):
            if self._owner.closing.wait(min(_LOOK_SECONDS, left)):
                self.close_connection = True
                return True
            left -= _LOOK_SECONDS
        return False

    def _send(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("content-type", "text/event-stream" if reply.stream else "application/json")
        self.send_header("content-length", str(len(reply.body)))
        for name, value in reply.headers.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(reply.body)

    def _asked(self, body: Json) -> Asked:
        headers = {name.lower(): value for name, value in self.headers.items()}
        return Asked(self.command, self.path, headers, body)

    def _content(self) -> bytes:
        """Return the body of a request, unpacked."""
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            raw = b"".join(iter(self._chunk, b""))
        else:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        return gzip.decompress(raw) if self.headers.get("content-encoding") == "gzip" else raw

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline().strip() or b"0", 16)
        chunk = self.rfile.read(size)
        self.rfile.readline()
        return chunk


def _object(raw: bytes) -> Json:
    try:
        value: Any = json.loads(raw or b"{}")
    except (ValueError, zlib.error):
        return {}
    return cast(Json, value) if isinstance(value, dict) else {}
