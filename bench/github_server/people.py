"""People and a build machine on a GitHub: they see what it tells them by webhook, and act on it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

from bench.github_server.hooks import Hook
from bench.github_server.server import GitHubServer
from bench.github_server.state import Repository
from blocks.git import Git, init_bare
from blocks.github_forge import GitHubForge

NAME = "acme/shop"
Reaction = Callable[["GitHub", dict[str, Any]], None]


@dataclass
class GitHub:
    """A server with one repository, and who works there; `reactions`: event and action → what they do."""

    server: GitHubServer
    repository: Repository
    token: str
    ada: httpx.Client
    reactions: dict[str, Reaction] = field(default_factory=dict[str, Reaction])
    seen: list[str] = field(default_factory=list[str])

    def forge(self, **settings: Any) -> GitHubForge:
        """Return the forge of a bot that may write."""
        return GitHubForge(base_url=self.server.api, token=SecretStr(self.token), patience_seconds=10, **settings)

    def say(self, method: str, path: str, **body: Any) -> Any:
        """Do something as Ada."""
        answer = self.ada.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def green(self, sha: str, context: str = "build") -> None:
        """Let the build machine say that a commit is good."""
        self.say("POST", f"/statuses/{sha}", state="success", context=context)


@contextmanager
def github(folder: Path, files: dict[str, str]) -> Generator[GitHub]:
    """Give a GitHub whose repository holds these files; at the end nothing it was asked for or said may be amiss."""
    with GitHubServer(folder) as server:
        repository = server.world.create(NAME)
        repository.people["robot"] = "write"
        _seed(repository.git, folder / "seed", files)
        ada = server.person("ada", NAME, "write")
        made = GitHub(server, repository, server.world.token("robot"), ada)
        with _receiver(made) as url:
            server.hooks.registered.append(Hook(NAME, url, "secret"))
            yield made
            server.hooks.drain()
        ada.close()
    assert server.violations == []


def _seed(git: Git, tree: Path, files: dict[str, str]) -> None:
    for path, content in files.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(content)
    filled = Git(init_bare(git.directory).directory, tree)
    filled.run("add", "--all")
    filled.run("update-ref", "refs/heads/main", filled.run("commit-tree", filled.run("write-tree"), "-m", "first"))


@contextmanager
def _receiver(place: GitHub) -> Generator[str]:
    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            payload = json.loads(self.rfile.read(int(self.headers["content-length"])))
            name = ".".join(filter(None, (self.headers["x-github-event"], payload.get("action"))))
            place.seen.append(name)
            reaction = place.reactions.get(name)
            if reaction is not None:
                reaction(place, payload)
            self.send_response(202)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
