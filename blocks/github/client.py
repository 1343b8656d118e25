"""GitHub asked with one credential: requests, pages, GraphQL, and tokens for Git."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Any

from blocks.github.connection import GitHubConnection, NotFound, Unaccepted
from contracts.errors import Misconfigured

Json = dict[str, Any]

_MOST_PAGES = 100
_NEVER = datetime.min.replace(tzinfo=UTC)
_RENEW = timedelta(minutes=5)
"""A token of an installation lives an hour; one with less than this left is renewed, so that Git can end its work."""


class GitHubClient:
    """GitHub as one credential sees it; may be used by several threads.

    Every method raises Unavailable when GitHub does not answer or a limit is used up (with `until`), NotFound for what
    is not there, Misconfigured when the credential does not do, and Refused for what GitHub does not want.

    Args:
        connection: address and credential.
        repository: full name of a repository, by which an app finds its installation.
    """

    def __init__(self, connection: GitHubConnection, repository: str) -> None:
        from blocks.github.kit import Bearer, Kit  # noqa: PLC0415 - its library takes long to import

        self._connection = connection
        self._repository = repository
        self._bearer = Bearer()
        self._kit = Kit(connection, self._bearer, lambda: self.secrets)
        self._app = Kit(connection, None, lambda: self.secrets) if connection.app_id else None
        self._expires = _NEVER
        self._login: str | None = None
        self._lock = Lock()

    @property
    def web(self) -> str:
        """Address that people and Git use."""
        return self._connection.web

    @property
    def patience(self) -> float:
        """Longest wait, in seconds."""
        return self._connection.patience_seconds

    @property
    def secrets(self) -> tuple[str, ...]:
        """Values that no text may show."""
        fixed = (self._connection.token, self._connection.private_key)
        return tuple(filter(None, (self._bearer.token, *(one.get_secret_value() for one in fixed))))

    def get(self, path: str, **query: str | int) -> Any:
        """Return what stands at a path, such as /repos/acme/shop."""
        return self._ask("GET", path, params=query).json()

    def find(self, path: str, **query: str | int) -> Any:
        """Return what stands at a path, or none when there is nothing."""
        try:
            return self.get(path, **query)
        except NotFound:
            return None

    def pages(self, path: str, name: str = "", **query: str | int) -> list[Json]:
        """Return a whole list, at most 10,000 entries.

        Args:
            path: where it stands.
            name: name of the list in the answer; empty: the answer is the list.
            query: parameters of the request.
        """
        found: list[Json] = []
        for page in range(1, _MOST_PAGES + 1):
            answer = self._ask("GET", path, params={**query, "per_page": 100, "page": page})
            items: Any = answer.json()
            found += items[name] if name else items
            if 'rel="next"' not in answer.headers.get("link", ""):
                break
        return found

    def text(self, path: str) -> str:
        """Return what stands at a path as text, also where GitHub leads to another server for it."""
        return self._ask("GET", path).text

    def send(self, method: str, path: str, body: Any = None) -> Any:
        """Change something and return what GitHub says of it; none when it says nothing."""
        answer = self._ask(method, path, **({} if body is None else {"json": body}))
        return answer.json() if answer.content else None

    def graphql(self, query: str, **variables: Any) -> Json:
        """Return the data of a query or mutation of the GraphQL interface."""
        self.token()
        return self._kit.graphql(query, variables)

    def login(self) -> str:
        """Return the name under which this credential writes; empty: GitHub does not tell it."""
        if self._login is None:
            try:
                app = self._app.ask("GET", "/app").json() if self._app else None
                self._login = f"{app['slug']}[bot]" if app else str(self.get("/user")["login"])
            except Unaccepted:
                raise
            except Misconfigured:  # the tokens of GitHub Actions are nobody's
                self._login = ""
        return self._login

    def token(self) -> str:
        """Return a token that is good for at least five minutes."""
        if self._app is None:
            self._bearer.token = self._connection.token.get_secret_value()
            return self._bearer.token
        with self._lock:
            if datetime.now(UTC) + _RENEW > self._expires:
                path = f"/app/installations/{self._installation()}/access_tokens"
                issued = self._app.ask("POST", path).json()
                self._bearer.token, self._expires = issued["token"], datetime.fromisoformat(issued["expires_at"])
            return self._bearer.token

    def _installation(self) -> int:
        if self._app is None or self._connection.installation_id:
            return self._connection.installation_id
        try:
            return int(self._app.ask("GET", f"/repos/{self._repository}/installation").json()["id"])
        except NotFound as error:
            app = self._connection.app_id
            text = f"the GitHub App {app!r} is not installed for {self._repository!r}; install it there"
            raise Misconfigured(text, detail=error.detail) from None

    def _ask(self, method: str, path: str, **parts: Any) -> Any:
        token = self.token()
        try:
            return self._kit.ask(method, path, **parts)
        except Unaccepted:
            if self._app is None:
                raise
            with self._lock:  # the app's owner may take a token back at any time
                self._expires = _NEVER if self._bearer.token == token else self._expires
            self.token()
            return self._kit.ask(method, path, **parts)


_clients: dict[tuple[str | int | float, ...], GitHubClient] = {}
_lock = Lock()


def client_of(connection: GitHubConnection, repository: str) -> GitHubClient:
    """Return the client of a credential; one in a process, because it keeps connection, token and what it has seen.

    Args:
        connection: address and credential.
        repository: full name, by whose owner an app without `installation_id` finds its installation.
    """
    secrets = (connection.token.get_secret_value(), connection.private_key.get_secret_value())
    owner = repository.partition("/")[0] if connection.app_id else ""
    settings = (connection.base_url, connection.app_id, connection.installation_id, connection.patience_seconds)
    key = (*settings, owner, *secrets)
    with _lock:
        if key not in _clients:
            _clients[key] = GitHubClient(connection, repository)
        return _clients[key]
