"""One request as a handler sees it, and what it answers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bench.github_server.description import Operation
from bench.github_server.state import App, Issue, Json, Pull, Repository, World

_RANKS = ("read", "triage", "write", "maintain", "admin")
WRITE_KINDS = frozenset({"write", "maintain", "admin"})


class Problem(Exception):
    """An answer that is an error.

    Args:
        status: its status.
        message: what GitHub says.
        errors: what is wrong with the fields of the request.
    """

    def __init__(self, status: int, message: str, errors: list[Json] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body: Json = {"message": message, "documentation_url": "https://docs.github.com/rest"}
        if errors:
            self.body["errors"] = errors


@dataclass
class Answer:
    """What a handler answers; fields that the description requires and it leaves out are added.

    Args:
        body: JSON value; none: no body.
        status: its status.
        page: name of the list in the body that is given in pages; an empty text: the body is the list.
        location: where the client shall ask instead.
    """

    body: Any = None
    status: int = 200
    page: str | None = None
    location: str = ""


Emit = Callable[[Repository, str, str, Json], None]


@dataclass
class Call:
    """A request with who makes it: a user by `login`, or an app itself."""

    world: World
    operation: Operation
    query: dict[str, str]
    body: Any
    login: str
    app: App | None
    api: str
    web: str
    _emit: Emit
    arguments: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        """Take the arguments out of the path."""
        self.arguments = self.operation.arguments

    @property
    def repository(self) -> Repository:
        """The repository in the path; one that the caller may not see does not exist."""
        found = self.world.find(f"{self.arguments['owner']}/{self.arguments['repo']}")
        if found is None or (found.private and self.app is None and not self.rank(found)):
            raise Problem(404, "Not Found")
        return found

    def rank(self, repository: Repository) -> str:
        """Return the caller's permission on a repository; empty: none."""
        return repository.people.get(self.login, "")

    def need(self, least: str) -> Repository:
        """Return the repository in the path if the caller has at least a permission on it."""
        repository = self.repository
        rank = self.rank(repository) or ("" if repository.private else "read")
        if not rank or _RANKS.index(rank) < _RANKS.index(least):
            bot = self.login.endswith("[bot]")
            text = "Resource not accessible by integration" if bot else "Must have admin rights to Repository."
            raise Problem(403, text)
        if repository.archived and least != "read":
            raise Problem(403, "Repository was archived so is read-only.")
        return repository

    def issue(self, name: str = "issue_number") -> Issue:
        """Return the issue in the path."""
        found = self.repository.issues.get(int(self.arguments[name]))
        if found is None:
            raise Problem(404, "Not Found")
        return found

    def pull(self) -> Pull:
        """Return the pull request in the path."""
        found = self.repository.pulls.get(int(self.arguments["pull_number"]))
        if found is None:
            raise Problem(404, "Not Found")
        return found

    def emit(self, event: str, action: str, payload: Json) -> None:
        """Tell the repository's webhooks; `action` is empty for events without one."""
        body = {"sender": {"login": self.login}, **payload}
        self._emit(self.repository, event, action, body)


Handler = Callable[[Call], Answer]
ROUTES: dict[tuple[str, str], Handler] = {}
"""Every operation that the fake has, by method and path as the description writes it."""


def route(method: str, template: str) -> Callable[[Handler], Handler]:
    """Make a function the handler of an operation."""

    def register(handler: Handler) -> Handler:
        ROUTES[method, template] = handler
        return handler

    return register


def refused(resource: str, message: str, code: str = "custom") -> Problem:
    """Return the error of a request that is understood and cannot be done."""
    return Problem(422, "Validation Failed", [{"resource": resource, "code": code, "message": message}])
