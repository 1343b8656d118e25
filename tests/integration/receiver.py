"""A receiver in a process of its own, as an installation has it, and deliveries that are signed as their senders do."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from blocks.ledger import Ledger
from deployments.server import ADDRESS, free_port

SECRET = "a secret of the tests"
PATH = "/webhooks/github"
NOWHERE = "http://127.0.0.1:9/api"
"""A Prefect server that is never there."""
SERVE = """
from deployments.intake.receiving import Receiving, receive
import sys
receive(Receiving.from_environment(), "127.0.0.1", int(sys.argv[1]), drains=len(sys.argv) > 2)
"""


def labelled(number: int = 42, label: Any = "deliver", **fields: Any) -> dict[str, Any]:
    """The payload of a label that was set on an issue."""
    issue = {"number": number, "state": "open", "title": f"Total {number} is off by one", "body": "See the test."}
    linked = {"html_url": f"https://forge.example/{number}", "labels": [{"name": label}]}
    return {
        "action": "labeled",
        "label": {"name": label},
        "issue": {**issue, **linked},
        "repository": {"full_name": "acme/shop", "default_branch": "main"},
        "sender": {"login": "ann", "type": "User"},
        **fields,
    }


def signed(body: bytes, name: str, event: str = "issues", secret: str = SECRET) -> dict[str, str]:
    """Headers of a delivery of GitHub."""
    return {
        "content-type": "application/json",
        "x-github-delivery": name,
        "x-github-event": event,
        "x-hub-signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest(),
    }


def send(client: httpx.Client, url: str, payload: dict[str, Any], name: str, event: str = "issues") -> httpx.Response:
    """Send a signed delivery."""
    body = json.dumps(payload).encode()
    return client.post(f"{url}/webhooks/github", content=body, headers=signed(body, name, event))


@contextmanager
def receiver(
    home: Path, ledger: str, environment: dict[str, str], port: int = 0, *, drains: bool = False
) -> Generator[tuple[str, subprocess.Popen[bytes]]]:
    """Run a receiver for the time of the block; yield its address and its process.

    Args:
        home: folder of its log.
        ledger: URL of its ledger.
        environment: more variables.
        port: port; 0: a free one.
        drains: it empties the inbox as well.
    """
    port = port or free_port()
    given = {**os.environ, "DELIVERY_LEDGER_URL": ledger, "DELIVERY_GITHUB_WEBHOOK_SECRET": SECRET, **environment}
    command = [sys.executable, "-c", SERVE, str(port), *(["drains"] if drains else [])]
    log = home / "receiver.log"
    with log.open("ab") as output:
        process = subprocess.Popen(command, env=given, stdout=output, stderr=subprocess.STDOUT)
    try:
        _await(port, process, log)
        yield f"http://{ADDRESS}:{port}", process
    finally:
        process.terminate()
        process.wait(60)


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, log.read_text()[-3_000:]
        with socket.socket() as probe:
            if probe.connect_ex((ADDRESS, port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(log.read_text()[-3_000:])


@dataclass
class Site:
    """A receiver and the ledger that it writes."""

    url: str
    ledger: Ledger

    def post(self, body: bytes | Iterator[bytes], headers: dict[str, str], path: str = PATH) -> httpx.Response:
        """Send a body as it is, and headers in UTF-8."""
        sent = [(name.encode(), value.encode()) for name, value in headers.items()]
        return httpx.post(f"{self.url}{path}", content=body, headers=sent, timeout=30, trust_env=False)

    def raw(self, data: bytes) -> bytes:
        """Send bytes past any client, close, and return what was answered."""
        place = urlsplit(self.url)
        with socket.create_connection((str(place.hostname), place.port or 0), timeout=30) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            return connection.makefile("rb").read()

    def log(self) -> Counter[str]:
        """Return how often the log has each reason of a refusal."""
        total: Counter[str] = Counter()
        for row in self.ledger.deliveries(1_000, "refused"):
            total[row.reason.partition(":")[0]] += row.count
        return total


@contextmanager
def site_at(home: Path, *, drains: bool = False) -> Generator[Site]:
    """Run a receiver whose Prefect server is away, for the time of the block."""
    url = f"sqlite:///{home / 'ledger.db'}"
    more = {"DELIVERY_GITLAB_WEBHOOK_TOKEN": "token", "DELIVERY_WEBHOOK_SECRET": "whsec_c2VjcmV0"}
    with receiver(home, url, {"PREFECT_API_URL": NOWHERE, **more}, drains=drains) as (address, _):
        ledger = Ledger(url=SecretStr(url))
        yield Site(address, ledger)
        ledger.close()
