"""One request to the REST interface: who asks, what for, whether request and answer are as described."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from bench.github_server import accounts, checks, issues, pulls, repositories
from bench.github_server.accounts import app_of
from bench.github_server.call import ROUTES, Answer, Call, Problem
from bench.github_server.description import Description, Json, Operation
from bench.github_server.graphql import execute
from bench.github_server.hooks import Hooks
from bench.github_server.shapes import Shapes
from bench.github_server.state import App, World

ROOMS = (accounts, checks, issues, pulls, repositories)
"""Modules whose import registers their operations."""
VERSIONS = frozenset({"2022-11-28", "2026-03-10"})
_LIMIT = 5_000
_OPEN: Json = {"type": "object"}


@dataclass(frozen=True)
class Asked:
    """A request as it came; header names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: Any


@dataclass
class Reply:
    """What goes back."""

    status: int
    body: Any = None
    headers: dict[str, str] = field(default_factory=dict[str, str])

    @property
    def content(self) -> bytes:
        """The body as bytes."""
        return b"" if self.body is None else json.dumps(self.body).encode()


class Exchange:
    """Answers requests one after the other.

    Args:
        world: what there is.
        hooks: who is told of changes.
        description: what requests and answers must look like.
        violations: where it is written what does not.
    """

    def __init__(self, world: World, hooks: Hooks, description: Description, violations: list[str]) -> None:
        self.world = world
        self.api = self.web = ""
        self.used = 0
        self._hooks, self._description, self._violations = hooks, description, violations

    def answer(self, asked: Asked) -> Reply:
        """Return the answer to a request."""
        with self.world.lock:
            reply = self._answered(asked)
        if asked.method == "GET" and reply.status == 200:
            tag = f'W/"{hashlib.sha256(reply.content).hexdigest()}"'
            reply.headers |= {"etag": tag, "cache-control": "private, max-age=60, s-maxage=60"}
            reply.headers["vary"] = "Accept, Authorization, Cookie, X-GitHub-OTP"
            if asked.headers.get("if-none-match") == tag:
                reply.status, reply.body = 304, None
        self.used += reply.status != 304
        reset = str(int(time.time()) + 3_600)
        limits = {"limit": str(_LIMIT), "used": str(self.used), "remaining": str(_LIMIT - self.used), "reset": reset}
        reply.headers |= {f"x-ratelimit-{name}": text for name, text in limits.items()}
        return reply

    def _answered(self, asked: Asked) -> Reply:
        try:
            login, app = self._who(asked)
            if asked.path == "/graphql":
                return self._graphql(asked, login)
            path = self._present(asked.path)
            if redirect := self._redirect(asked, path):
                return redirect
            operation = self._description.operation(asked.method, path)
            if operation is None or (asked.method, operation.template) not in ROUTES:
                self._violations.append(f"{asked.method} {asked.path}: GitHub, or the fake, has no such operation")
                raise Problem(404, "Not Found")
            return self._operate(asked, operation, login, app)
        except Problem as problem:
            return Reply(problem.status, problem.body)

    def _who(self, asked: Asked) -> tuple[str, App | None]:
        if "user-agent" not in asked.headers:
            raise Problem(403, "Request forbidden by administrative rules. Please make sure it has a User-Agent header")
        version = asked.headers.get("x-github-api-version", "2022-11-28")
        if version not in VERSIONS:
            raise Problem(400, f"Version {version} is not supported")
        token = asked.headers.get("authorization", "").partition(" ")[2]
        if app := app_of(self.world, token):
            return "", app
        login = self.world.whose(token)
        if login is None:
            raise Problem(401, "Bad credentials" if token else "Requires authentication")
        return login, None

    def _present(self, path: str) -> str:
        """Return the path by the repository's name of one that names it by its id."""
        parts = path.split("/", 3)
        if parts[1] != "repositories":
            return path
        found = next((one for one in self.world.repositories.values() if str(one.id) == parts[2]), None)
        return "/".join(["/repos", found.full_name if found else "none/none", *parts[3:]])

    def _redirect(self, asked: Asked, path: str) -> Reply | None:
        parts = path.split("/", 4)
        renamed = self.world.renamed.get("/".join(parts[2:4]).lower()) if parts[1] == "repos" else None
        found = self.world.find(renamed) if renamed else None
        if found is None:
            return None
        rest = f"/{parts[4]}" if len(parts) > 4 else ""
        query = f"?{asked.query}" if asked.query else ""
        target = f"{self.api}/repositories/{found.id}{rest}{query}"
        permanent = asked.method in ("GET", "HEAD")
        message = "Moved Permanently" if permanent else "Temporary Redirect"
        return Reply(301 if permanent else 307, {"message": message, "url": target}, {"location": target})

    def _operate(self, asked: Asked, operation: Operation, login: str, app: App | None) -> Reply:
        query = dict(parse_qsl(asked.query, keep_blank_values=True))
        wrong = self._description.request(operation, query, asked.body)
        self._record(asked, operation, wrong)
        if wrong:
            raise Problem(422, f"Invalid request.\n\n{wrong[0]}")
        call = self._call(operation, query, asked.body, login, app)
        try:
            answer = ROUTES[asked.method, operation.template](call)
            reply = self._shown(operation, answer, query)
        except Problem as problem:
            answer = Answer(problem.body, problem.status)
            reply = Reply(problem.status, problem.body)
        if answer.page is not None:
            _turn(reply, answer.page, query, f"{self.api}{asked.path}")
        self._record(asked, operation, self._description.answer(operation, reply.status, reply.body))
        return reply

    def _shown(self, operation: Operation, answer: Answer, query: Json) -> Reply:
        headers = {"location": answer.location} if answer.location else {}
        content = operation.spec["responses"].get(str(answer.status), {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", _OPEN)
        return Reply(answer.status, self._description.complete(schema, answer.body), headers)

    def _call(self, operation: Operation, query: dict[str, str], body: Any, login: str, app: App | None = None) -> Call:
        def emit(repository: Any, event: str, action: str, payload: Json) -> None:
            shown = Shapes(self.world, self.api, self.web)
            sender = shown.user(payload["sender"]["login"])
            whole = {**payload, "sender": sender, "repository": shown.repository(repository)}
            self._hooks.happened(repository.full_name, event, action, whole)

        return Call(self.world, operation, query, body, login, app, self.api, self.web, emit)

    def _graphql(self, asked: Asked, login: str) -> Reply:
        call = self.call_as(login)
        answer, wrong = execute(call, asked.body)
        self._violations += [f"POST /graphql: {one}" for one in wrong]
        return Reply(200, answer)

    def call_as(self, login: str) -> Call:
        """Return a call of a user that belongs to no operation of the REST interface."""
        return self._call(Operation("POST", "/graphql", {}, {}), {}, None, login)

    def _record(self, asked: Asked, operation: Operation, wrong: list[str]) -> None:
        self._violations += [f"{asked.method} {asked.path} ({operation.name}): {one}" for one in wrong]


def _turn(reply: Reply, name: str, query: Mapping[str, str], url: str) -> None:
    """Leave one page in a reply, with links to the others."""
    size, page = min(int(query.get("per_page", 30)), 100), max(int(query.get("page", 1)), 1)
    items: list[Any] = reply.body[name] if name else reply.body
    last = max(-(-len(items) // size), 1)
    kept = items[(page - 1) * size : page * size]
    reply.body = {**reply.body, name: kept} if name else kept
    others = {"prev": page - 1, "next": page + 1, "first": 1, "last": last}
    wanted = {
        rel for rel in others if (rel in ("prev", "first") and page > 1) or (rel in ("next", "last") and page < last)
    }
    links = [f'<{url}?{urlencode({**query, "page": others[rel]})}>; rel="{rel}"' for rel in others if rel in wanted]
    if links:
        reply.headers["link"] = ", ".join(links)
