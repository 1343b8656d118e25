"""The server: GitHub as its clients see it, on this machine only."""

from __future__ import annotations

import json
import socket
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from bench.closing_server import ClosingServer
from bench.github_server.changes import tell
from bench.github_server.description import description
from bench.github_server.exchange import Asked, Exchange, Reply
from bench.github_server.faults import Fault, Faults
from bench.github_server.git_http import git_request, pusher, serve
from bench.github_server.graphql import run_queue
from bench.github_server.hooks import Hooks
from bench.github_server.state import Repository, World

_API = "/api/v3"
_LOGS = "/_logs/"


class GitHubServer:
    """A GitHub Enterprise Server in threads of this process, as a context manager.

    `api` is what clients take as its address, `web` where Git and people go. Requests that GitHub would not know, and
    answers that are not as GitHub describes them, stand in `violations`.

    Args:
        root: folder for its repositories.
    """

    def __init__(self, root: Path) -> None:
        self.world = World(root)
        self.violations: list[str] = []
        self.requests: list[Asked] = []
        self.queued = threading.Event()
        """Set as soon as a pull request stands in a merge queue."""
        self.faults = Faults()
        self.hooks = Hooks(description(), self.violations)
        self._exchange = Exchange(self.world, self.hooks, description(), self.violations)
        self._server = ClosingServer(("127.0.0.1", 0), partial(_Connection, self))
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="github")
        self._exchange.web = self.web
        self._exchange.api = self.api

    @property
    def web(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    @property
    def api(self) -> str:
        """Address of its REST interface."""
        return f"{self.web}{_API}"

    @property
    def used(self) -> int:
        """How many requests were counted against the hourly limit; those to which nothing had changed are not."""
        return self._exchange.used

    def __enter__(self) -> GitHubServer:
        self.hooks.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close every connection and end every thread."""
        self._server.shutdown()
        self._thread.join()
        self._server.hang_up()
        self._server.server_close()
        self.hooks.stop()

    def person(self, login: str, full_name: str, permission: str = "write") -> httpx.Client:
        """Return the client of a person with a permission on a repository; the caller closes it."""
        repository = self.world.find(full_name)
        if repository is not None and permission:
            repository.people[login] = permission
        headers = {"authorization": f"Bearer {self.world.token(login)}"}
        return httpx.Client(base_url=f"{self.api}/repos/{full_name}", headers=headers, trust_env=False)

    def run_queue(self, full_name: str) -> None:
        """Merge what stands in a repository's merge queue."""
        with self.world.lock:
            bot, repository = "github-merge-queue[bot]", self.world.repositories[full_name.lower()]
            repository.people[bot] = "write"
            run_queue(self._exchange.call_as(bot), repository)

    def answer(self, asked: Asked) -> Reply:
        """Answer a request to the interface."""
        self.requests.append(asked)
        reply = self._exchange.answer(asked)
        if any(pull.queued for one in list(self.world.repositories.values()) for pull in list(one.pulls.values())):
            self.queued.set()
        return reply

    def pushed(self, repository: Repository, login: str) -> None:
        """Take note of branches that a push moved."""
        with self.world.lock:
            call = self._exchange.call_as(login)
            call.arguments = {"owner": repository.owner, "repo": repository.name}
            for pull in repository.pulls.values():
                tip = repository.tip(pull.head)
                if pull.issue.state == "open" and tip and tip != pull.head_sha:
                    before, pull.head_sha, pull.looks = pull.head_sha, tip, 0
                    tell(call, repository, pull.issue, "synchronize", before=before, after=tip)

    def log(self, path: str) -> bytes | None:
        """Return the log of a job at an address that needs no credential."""
        name, _, number = path.removeprefix(_LOGS).rpartition("/")
        found = self.world.find(name)
        return found.logs.get(int(number), "").encode() if found else None


class _Connection(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"

    def __init__(self, owner: GitHubServer, *args: Any) -> None:
        self._owner = owner
        super().__init__(*args)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
        """Say nothing: the server keeps every request."""

    def handle_any(self) -> None:
        """Answer a request."""
        url, body = urlsplit(self.path), self._content()
        headers = {name.lower(): value for name, value in self.headers.items()}
        fault = self._owner.faults.take(self.command, self.path)
        if fault is not None and fault.meanwhile is not None:
            fault.meanwhile()
            fault = None
        if fault is not None and not fault.late:
            self._fail(fault)
            return
        git = git_request(self.command, url.path, url.query, headers, body)
        if git is not None:
            done = serve(self._owner.world, git)
            found = self._owner.world.find(git.name)
            if git.writes and done.status == 200 and found is not None:
                self._owner.pushed(found, pusher(self._owner.world, git) or "")
            status, shown, content = done.status, done.headers, done.body
        elif url.path.startswith(_LOGS):
            log = self._owner.log(url.path)
            status, shown, content = (404, {}, b"") if log is None else (200, {"content-type": "text/plain"}, log)
        else:
            path = url.path.removeprefix(_API).replace("/api/graphql", "/graphql")
            given = json.loads(body) if body else None
            reply = self._owner.answer(Asked(self.command, path, url.query, headers, given))
            status, shown, content = reply.status, reply.headers, reply.content
        if fault is not None:
            self._fail(fault)
            return
        self._send(status, shown, content)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any  # noqa: N815 - the names are the library's

    def _fail(self, fault: Fault) -> None:
        if fault.status == 0:
            self.close_connection = True
            self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._send(fault.status, fault.headers, fault.body)

    def _send(self, status: int, headers: dict[str, str], content: bytes) -> None:
        self.send_response(status)
        given = {name.lower(): value for name, value in headers.items()}
        for name, value in ({"content-type": "application/json"} | given).items():
            self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("content-length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _content(self) -> bytes:
        if self.headers.get("transfer-encoding", "").lower() == "chunked":
            return b"".join(iter(self._chunk, b""))
        return self.rfile.read(int(self.headers.get("content-length") or 0))

    def _chunk(self) -> bytes:
        size = int(self.rfile.readline().strip() or b"0", 16)
        chunk = self.rfile.read(size)
        self.rfile.readline()
        return chunk
