"""The library that speaks with GitHub, set up: one connection that is kept, answers that are looked at again."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Any, TypeVar

import httpx
from githubkit import GitHub, Response
from githubkit.auth import AppAuthStrategy, BaseAuthStrategy
from githubkit.cache import MemCacheStrategy
from githubkit.exception import GitHubException

from blocks.github.connection import GitHubConnection
from blocks.github.errors import patience, translate

Result = TypeVar("Result")
Secrets = Callable[[], tuple[str, ...]]
_TIMEOUT = httpx.Timeout(30.0, connect=10.0)
_HEADERS = {"X-GitHub-Api-Version": "2022-11-28"}
"""Version of the interface that github.com and every GitHub Enterprise Server in support speak."""


class Bearer(BaseAuthStrategy, httpx.Auth):
    """Sends the token that it holds at the time; the library's own token strategy holds one for ever."""

    def __init__(self) -> None:
        self.token = ""

    def get_auth_flow(self, github: Any) -> httpx.Auth:
        """Return what adds the token to requests."""
        return self

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Add the token to a request."""
        request.headers["Authorization"] = f"Bearer {self.token}"
        yield request


class Kit:
    """The library with one way to authenticate.

    Args:
        connection: where GitHub is.
        bearer: holds the token; none: requests are signed with the key of the connection's app.
        secrets: gives the values that no error may show.
    """

    def __init__(self, connection: GitHubConnection, bearer: Bearer | None, secrets: Secrets) -> None:
        auth = bearer or AppAuthStrategy(connection.app_id, connection.private_key.get_secret_value())
        self._secrets = secrets
        self._github = _Kept(
            auth,
            base_url=connection.base_url,
            user_agent="prefect-delivery",
            timeout=_TIMEOUT,
            cache_strategy=MemCacheStrategy(),  # the library's default one is shared by all credentials
            auto_retry=patience(connection.patience_seconds),
        )

        self._request: Callable[..., Response[Any]] = self._github.request  # pyright: ignore[reportUnknownMemberType]

    def ask(self, method: str, path: str, **parts: Any) -> Response[Any]:
        """Return the answer to a request, which is no error; see `GitHubClient` for what is raised."""
        url = path.removeprefix("/")
        return self._told(f"{method} {path}", lambda: self._request(method, url, headers=_HEADERS, **parts))

    def graphql(self, query: str, variables: dict[str, Any]) -> dict[str, Any]:
        """Return the data of a query."""
        name = query.split("(", maxsplit=1)[0].strip()
        return self._told(name, lambda: self._github.graphql.request(query, variables))

    def _told(self, doing: str, ask: Callable[[], Result]) -> Result:
        try:
            return ask()
        except GitHubException as error:
            raise translate(error, doing, self._secrets()) from None  # the cause holds the request with its token


class _Kept(GitHub[Any]):
    """Keeps one client; the library makes one for each request, with a connection and a set of certificates each."""

    _client: httpx.Client | None = None

    @contextmanager
    def get_sync_client(self) -> Generator[httpx.Client]:
        """Give the client that all requests share."""
        if self._client is None:
            self._client = self._create_sync_client()
        yield self._client
