"""Git with a repository on GitHub: the token stands in the environment of the Git process and nowhere else."""

from __future__ import annotations

import base64
import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from blocks.git import Git, GitFailed
from blocks.github.client import GitHubClient
from blocks.github.connection import Declined, NotFound, Unaccepted
from contracts.errors import DeliveryError, Unavailable
from contracts.redaction import redact

_PASSED_ON = ("https_proxy", "HTTPS_PROXY", "http_proxy", "no_proxy", "NO_PROXY")
"""How this machine reaches others; Git is told nothing else of the caller's environment."""
_NO_CREDENTIAL = re.compile(r"could not read Username|Authentication failed|Invalid username or|returned error: 401")
_NO_REPOSITORY = re.compile(r"Repository not found|repository '[^']*' not found|returned error: 404")
_FORBIDDEN = re.compile(r"returned error: 403|Permission to .* denied")
_REJECTED = re.compile(r"remote rejected|GH0\d\d|hook declined|protected branch")


def fetch(client: GitHubClient, repository: str, directory: Path) -> None:
    """Bring all branches to `refs/remotes/origin/*` of the bare repository at `directory`, and drop gone ones."""
    always = ("--quiet", "--no-tags", "--no-recurse-submodules", "--prune", "--no-write-fetch-head")
    refspec = "+refs/heads/*:refs/remotes/origin/*"
    _run(client, repository, directory, "fetch", *always, _url(client, repository), refspec)


def push(client: GitHubClient, repository: str, directory: Path, branch: str, commit: str) -> None:
    """Put `commit` at the tip of `branch`, whatever it was.

    Raises:
        Declined: a rule of the repository does not allow it.
    """
    refspec = f"+{commit}:refs/heads/{branch}"
    _run(client, repository, directory, "push", "--quiet", "--no-verify", _url(client, repository), refspec)


def _run(client: GitHubClient, repository: str, directory: Path, *arguments: str) -> None:
    environment = _environment(client)
    try:
        Git(directory).run(*arguments, env=environment)
    except GitFailed as error:
        raise _told(error, f"git {arguments[0]} of {repository!r}", client.secrets) from None


def _url(client: GitHubClient, repository: str) -> str:
    return f"{client.web}/{repository}.git"


def _environment(client: GitHubClient) -> dict[str, str]:
    """Settings of one Git process; a command line or a file with the token could be read by others."""
    basic = base64.b64encode(f"x-access-token:{client.token()}".encode()).decode()
    settings = {
        f"http.{client.web}/.extraHeader": f"Authorization: Basic {basic}",
        "http.lowSpeedLimit": "1000",  # a connection that gives less than this for a minute is dead
        "http.lowSpeedTime": "60",
    }
    named = {f"GIT_CONFIG_KEY_{place}": key for place, key in enumerate(settings)}
    values = {f"GIT_CONFIG_VALUE_{place}": text for place, text in enumerate(settings.values())}
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    trusted = {"GIT_SSL_CAINFO": file} if (file := os.environ.get("SSL_CERT_FILE")) else {}
    allowed = {"GIT_ALLOW_PROTOCOL": urlsplit(client.web).scheme}
    return {"GIT_CONFIG_COUNT": str(len(settings)), **named, **values, **passed, **trusted, **allowed}


def _told(error: GitFailed, doing: str, secrets: tuple[str, ...]) -> DeliveryError:
    detail = redact(error.detail, secrets)
    said = redact(error.message, secrets)
    if _NO_CREDENTIAL.search(detail):
        return Unaccepted(f"GitHub does not accept the credential for {doing}; renew it", detail=detail)
    if _NO_REPOSITORY.search(detail):
        return NotFound(f"GitHub finds no repository for {doing}; correct its name, or let the credential see it")
    if _FORBIDDEN.search(detail):
        text = f"GitHub forbids {doing}; give the credential the permission to write contents"
        return Unaccepted(text, detail=detail)
    if _REJECTED.search(detail):
        lines = [line.strip() for line in detail.splitlines() if _REJECTED.search(line)]
        text = f"GitHub refused {doing}: {lines[0][:300]}; change the repository's rules or the change"
        return Declined(text, status=0, said=lines[0], detail=detail)
    return Unavailable(f"{doing} failed: {said}; try again later", detail=detail)
