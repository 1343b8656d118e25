"""Git over HTTP: `git http-backend` on the repositories of the fake, behind a token."""

from __future__ import annotations

import base64
import os
import subprocess
from dataclasses import dataclass
from urllib.parse import unquote

from bench.github_server.state import Repository, World

_SERVICES = ("/info/refs", "/git-upload-pack", "/git-receive-pack")
_WRITERS = frozenset({"write", "maintain", "admin"})


@dataclass(frozen=True)
class GitRequest:
    """A request of a Git program.

    Args:
        name: full name of the repository, as it was asked for.
        service: path below it.
    """

    name: str
    service: str
    method: str
    query: str
    headers: dict[str, str]
    body: bytes

    @property
    def writes(self) -> bool:
        """Whether it is about to push."""
        return "receive-pack" in self.service + self.query


@dataclass(frozen=True)
class GitAnswer:
    """What the Git program gets."""

    status: int
    headers: dict[str, str]
    body: bytes = b""


def git_request(method: str, path: str, query: str, headers: dict[str, str], body: bytes) -> GitRequest | None:
    """Return a request as one of Git, or none when it is not."""
    for service in _SERVICES:
        if path.endswith(service):
            name = path.removesuffix(service).strip("/").removesuffix(".git")
            return GitRequest(unquote(name), service, method, query, headers, body)
    return None


def serve(world: World, asked: GitRequest) -> GitAnswer:
    """Answer a Git program: 401 without a credential that is valid, 403 where it may not write, 404 and 301."""
    if renamed := world.renamed.get(asked.name.lower()):
        query = f"?{asked.query}" if asked.query else ""
        return GitAnswer(301, {"location": f"/{renamed}.git{asked.service}{query}"})
    login = pusher(world, asked)
    repository = world.find(asked.name)
    if login is None:
        return GitAnswer(401, {"www-authenticate": 'Basic realm="GitHub"'}, b"Invalid username or token.")
    if repository is None or (repository.private and login not in repository.people):
        return GitAnswer(404, {}, b"Repository not found.")
    if asked.writes and (repository.archived or repository.people.get(login) not in _WRITERS):
        return GitAnswer(403, {}, f"Permission to {repository.full_name}.git denied to {login}.".encode())
    return _backend(world, repository, asked, login)


def pusher(world: World, asked: GitRequest) -> str | None:
    """Return who a Git program works for; none: nobody that is known."""
    return world.whose(_password(asked.headers))


def _password(headers: dict[str, str]) -> str:
    kind, _, value = headers.get("authorization", "").partition(" ")
    if kind.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value).decode().partition(":")[2]
    except ValueError:
        return ""


def _backend(world: World, repository: Repository, asked: GitRequest, login: str) -> GitAnswer:
    settings = {"http.receivepack": "true", "safe.directory": "*", "receive.advertisePushOptions": "true"}
    pairs = enumerate(settings.items())
    config = {
        f"GIT_CONFIG_{kind}_{at}": text for at, pair in pairs for kind, text in zip(("KEY", "VALUE"), pair, strict=True)
    }
    environment = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_COUNT": str(len(settings)),
        **config,
        "GIT_PROJECT_ROOT": str(world.root),
        "GIT_HTTP_EXPORT_ALL": "1",
        "PATH_INFO": f"/{repository.full_name}.git{asked.service}",
        "REQUEST_METHOD": asked.method,
        "QUERY_STRING": asked.query,
        "CONTENT_TYPE": asked.headers.get("content-type", ""),
        "CONTENT_LENGTH": str(len(asked.body)),
        "HTTP_CONTENT_ENCODING": asked.headers.get("content-encoding", ""),
        "GIT_PROTOCOL": asked.headers.get("git-protocol", ""),
        "REMOTE_USER": login,
        "REMOTE_ADDR": "127.0.0.1",
    }
    done = subprocess.run(["git", "http-backend"], input=asked.body, capture_output=True, env=environment, check=False)
    head, _, body = done.stdout.partition(b"\r\n\r\n")
    headers = dict(line.split(": ", 1) for line in head.decode().splitlines() if ": " in line)
    status = int(headers.pop("Status", "200 OK" if done.returncode == 0 else "500").split()[0])
    return GitAnswer(status, headers, body)
