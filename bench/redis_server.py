"""A real Redis server for the time of a block, from the program that Debian's package installs."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from contracts.errors import Unavailable

_START_SECONDS = 30.0


class Redis(NamedTuple):
    """A running server.

    Args:
        host: address that it listens on.
        port: its port.
        password: what clients must say.
        pid: its process.
    """

    host: str
    port: int
    password: str
    pid: int


@contextmanager
def redis_server(password: str) -> Generator[Redis]:
    """Run Redis on 127.0.0.1 in a temporary folder, with an append-only file; its settings come by standard input.

    Raises:
        Unavailable: it is not installed or did not become ready.
    """
    if shutil.which("redis-server") is None:
        raise Unavailable("the program redis-server is not on PATH; install the package 'redis-server'")
    with tempfile.TemporaryDirectory(prefix="delivery-redis-") as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        probe.close()
        settings = f"""
bind 127.0.0.1
port {port}
requirepass {password}
appendonly yes
maxmemory-policy noeviction
dir {folder}
"""
        server = subprocess.Popen(["redis-server", "-"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, cwd=folder)
        assert server.stdin is not None
        with server.stdin as said:
            said.write(settings.encode())
        try:
            _await(server, port, Path(folder))
            yield Redis("127.0.0.1", port, password, server.pid)
        finally:
            server.terminate()
            server.wait(timeout=30)


def _await(server: subprocess.Popen[bytes], port: int, folder: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    raise Unavailable(f"Redis did not become ready in {str(folder)!r}")
