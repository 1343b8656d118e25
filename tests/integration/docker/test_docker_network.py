"""What a command in a container can reach."""

from __future__ import annotations

import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from blocks.docker_sandbox import DockerSandbox
from contracts.errors import Misconfigured
from tests.integration.docker.commands import python
from tests.integration.docker.conftest import Make

GET = """
import urllib.request, urllib.error, sys
try:
    print(urllib.request.urlopen({url!r}, data=b"x" * {size} or None, timeout=10).read().decode())
except urllib.error.HTTPError as error:
    print(error.code, error.read().decode())
except OSError as error:
    print("unreachable", error)
"""
DIRECT = """
import socket
for address in {addresses!r}:
    try:
        socket.create_connection(tuple(address), timeout=2)
        print("reached", address)
    except OSError as error:
        print("unreachable")
"""


class Echo(BaseHTTPRequestHandler):
    """Says which host was asked for, and what was sent."""

    def do_GET(self) -> None:
        self._say(b"")

    def do_POST(self) -> None:
        self._say(self.rfile.read(int(self.headers["Content-Length"])))

    def _say(self, body: bytes) -> None:
        said = f"{self.command} {self.path} {self.headers['Host']} {len(body)}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        """Say nothing."""


@pytest.fixture
def server() -> Generator[int]:
    """Give the port of a server on this machine's loopback."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Echo) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield serving.server_port
        serving.shutdown()
        thread.join()


def get(sandbox: DockerSandbox, folder: Path, url: str, size: int = 0, hosts: list[str] | None = None) -> str:
    result = python(sandbox, folder, GET.format(url=url, size=size), hosts=hosts or [])
    assert result.succeeded, result.stderr
    return result.stdout.strip()


def test_without_a_network_nothing_is_reached(make: Make, tmp_path: Path, server: int) -> None:
    addresses = [("127.0.0.1", server), ("172.17.0.1", server), ("1.1.1.1", 53)]
    result = python(make(), tmp_path, DIRECT.format(addresses=addresses))
    assert result.stdout.split() == ["unreachable"] * 3


def test_a_named_host_is_reached_and_no_other(make: Make, tmp_path: Path, server: int) -> None:
    sandbox = make(network="allow-list")
    named = f"host.docker.internal:{server}"
    assert get(sandbox, tmp_path, f"http://{named}/a?b=c", hosts=[named]) == f"GET /a?b=c {named} 0"
    assert get(sandbox, tmp_path, f"http://{named}/", 300_000, [named]) == f"POST / {named} 300000"
    refused = get(sandbox, tmp_path, f"http://host.docker.internal:{server + 1}/", hosts=[named])
    assert refused.startswith("403 the sandbox does not let this through")
    assert get(sandbox, tmp_path, "https://example.com/", hosts=[named]).startswith("unreachable")


def test_hosts_of_the_block_count_too(make: Make, tmp_path: Path, server: int) -> None:
    named = f"host.docker.internal:{server}"
    sandbox = make(network="allow-list", hosts=[named])
    assert get(sandbox, tmp_path, f"http://{named}/").startswith("GET / ")


def test_the_proxy_cannot_be_gone_round(make: Make, tmp_path: Path, server: int) -> None:
    sandbox = make(network="allow-list", hosts=[f"host.docker.internal:{server}"])
    addresses = [("127.0.0.1", server), ("172.17.0.1", server), ("169.254.169.254", 80), ("1.1.1.1", 53)]
    result = python(sandbox, tmp_path, DIRECT.format(addresses=addresses))
    assert result.stdout.split() == ["unreachable"] * 4


def test_an_allow_list_without_hosts_is_no_network(make: Make, tmp_path: Path, server: int) -> None:
    found = get(make(network="allow-list"), tmp_path, f"http://host.docker.internal:{server}/")
    assert found.startswith("unreachable")


def test_a_host_that_cannot_be_read_is_refused(make: Make, tmp_path: Path) -> None:
    for host in ("http://example.com", "user@example.com", "localhost", "a b"):
        with pytest.raises(Misconfigured, match="hosts"):
            get(make(network="allow-list"), tmp_path, "http://example.com/", hosts=[host])


def test_an_open_network_has_no_proxy(make: Make, tmp_path: Path) -> None:
    script = (
        "import os; print([name for name in os.environ if 'PROXY' in name.upper()], len(os.listdir('/sys/class/net')))"
    )
    assert python(make(network="open"), tmp_path, script).stdout == "[] 2\n"
