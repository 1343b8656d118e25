"""A GitHub on this machine with one repository, a person who works on it, and a run."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from pydantic import SecretStr

from bench.github_server import App, GitHubServer, Repository
from blocks.forge import PullRequest, PullRequestOptions
from blocks.git import init_bare
from blocks.github_forge import GitHubForge

NAME = "acme/shop"
BRANCH = "delivery/one"
OPTIONS = PullRequestOptions(draft=True)


@dataclass
class Place:
    """A server with `acme/shop`, the forge of a bot with write access, and the bare repository of a run."""

    server: GitHubServer
    repository: Repository
    forge: GitHubForge
    token: str
    run: Path
    people: dict[str, httpx.Client]

    def commit(self, files: dict[str, str], parent: str = "", message: str = "change") -> str:
        """Make a commit in the run's repository; files that the parent has stay."""
        git = init_bare(self.run)
        entries = [git.run("ls-tree", "-r", parent)] if parent else []
        blobs = {name: git.run("hash-object", "-w", "--stdin", stdin=text) for name, text in files.items()}
        kept = [line for text in entries for line in text.splitlines() if line.split("\t")[1] not in blobs]
        rows = [*kept, *(f"100644 blob {sha}\t{name}" for name, sha in blobs.items())]
        tree = git.run("mktree", stdin="".join(f"{row}\n" for row in sorted(rows)))
        return git.run("commit-tree", tree, *(["-p", parent] if parent else []), stdin=message)

    def main(self) -> str:
        """Return the tip of the base."""
        return self.repository.tip("main")

    def change(self, files: dict[str, str], branch: str = BRANCH, parent: str = "") -> str:
        """Push a commit on top of the base, or of `parent`, to a delivery branch."""
        self.forge.fetch(NAME, self.run)
        sha = self.commit(files, parent or self.main())
        self.forge.push(NAME, self.run, branch, sha)
        return sha

    def advance(self, files: dict[str, str]) -> str:
        """Move the base as somebody else would."""
        self.forge.fetch(NAME, self.run)
        sha = self.commit(files, self.main(), "somebody else")
        self.repository.git.run("fetch", "--quiet", str(self.run), f"+{sha}:refs/heads/main")
        return sha

    def open(self, branch: str = BRANCH, options: PullRequestOptions | None = None) -> PullRequest:
        """Open the pull request of a branch."""
        return self.forge.open_pull_request(
            NAME, branch, "main", "Add a thing", "What and why.", options or PullRequestOptions()
        )

    def person(self, login: str = "ada", permission: str = "write") -> httpx.Client:
        """Return the client of a person."""
        if login not in self.people:
            self.people[login] = self.server.person(login, NAME, permission)
        return self.people[login]

    def say(self, method: str, path: str, login: str = "ada", **body: Any) -> Any:
        """Do something as a person, and return what GitHub says of it."""
        answer = self.person(login).request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def asked(self, method: str, ending: str) -> int:
        """Return how many requests of a kind came in."""
        return sum(one.method == method and one.path.endswith(ending) for one in self.server.requests)


def make_place(tmp_path: Path, server: GitHubServer) -> Place:
    repository = server.world.create(NAME)
    repository.private = True
    repository.people["robot"] = "write"
    token = server.world.token("robot")
    forge = GitHubForge(base_url=server.api, token=SecretStr(token), patience_seconds=5)
    place = Place(server, repository, forge, token, tmp_path / "run.git", {})
    first = place.commit({"a.txt": "1\n2\n3\n"}, message="first")
    repository.git.run("fetch", "--quiet", str(place.run), f"{first}:refs/heads/main")
    return place


def make_app(place: Place, **settings: Any) -> tuple[App, GitHubForge]:
    """Install an app for the repository's owner, and return it with a forge that works as it."""
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2_048)
    form = serialization.Encoding.PEM
    public = key.public_key().public_bytes(form, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    private = key.private_bytes(form, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()).decode()
    app = App(len(place.server.world.apps) + 7, "deliverer", public, {70: "acme"})
    place.server.world.apps[app.id] = app
    given: dict[str, Any] = {"app_id": str(app.id), "private_key": SecretStr(private), **settings}
    return app, GitHubForge(base_url=place.server.api, patience_seconds=5, **given)
