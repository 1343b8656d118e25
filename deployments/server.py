"""A Prefect server and a worker on this machine, started and ended by the process that needs them."""

from __future__ import annotations

import inspect
import os
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import certifi
import httpx
from prefect.context import _temporary_global_settings_context as everywhere  # pyright: ignore[reportPrivateUsage] - threads of Prefect's own read no other
from prefect.context import get_settings_context
from prefect.events.worker import EventsWorker
from prefect.logging.handlers import APILogWorker
from prefect.settings import temporary_settings
from prefect.utilities.asyncutils import run_coro_as_sync

from blocks.durable import write
from contracts.errors import Unavailable

ADDRESS = "127.0.0.1"
SERVER_SETTINGS = {
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "50",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_LATE_RUNS_LOOP_SECONDS": "60",
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
}
"""Measured: with the batches the server spends 0.4 of the CPU time a step that it spends without, and keeps history.

Late runs are marked once a minute: those of a machine that slept are marked all at once, which locks a SQLite
database, and every five seconds again (20 of them: 33 seconds to their end instead of 96).

Leases in files outlast a restart; one in memory is lost with it, and the sweep that had it would be the last.
"""
CLIENT_SETTINGS = {
    "PREFECT_CLIENT_MAX_RETRIES": "8",
    "PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "false",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
}
"""Eight retries outlast 100 seconds without a server, the default loses the run after 62; a process that sends no
sign of life every 30 seconds, the shortest that Prefect allows, is taken for lost."""
_START_SECONDS = 120.0
_ANSWER_SECONDS = 15.0
_MIGRATED = Path(sys.prefix) / "prefect.db"
"""An empty database of a server, made by `make setup`: a first start spends seven seconds of CPU on its migrations."""
_TRUSTS_NOBODY = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For calls without TLS: to load the root certificates takes longer than the call, and is done anew each time."""


class Server(NamedTuple):
    """A running server."""

    api: str
    pid: int

    @property
    def ui(self) -> str:
        """Address of its pages."""
        return self.api.removesuffix("/api")


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind((ADDRESS, 0))
        return int(probe.getsockname()[1])


def reachable(api: str) -> bool:
    """Return whether a Prefect server answers at an API address."""
    verify = _TRUSTS_NOBODY if api.startswith("http:") else True
    try:
        return httpx.get(f"{api}/health", timeout=_ANSWER_SECONDS, trust_env=False, verify=verify).status_code == 200
    except httpx.TransportError:
        return False


@contextmanager
def local_server(home: Path, port: int = 0, database: str = "") -> Generator[Server]:
    """Run a Prefect server for the time of the block, and point this process at it.

    Args:
        home: folder of its database and log.
        port: port; 0: a free one.
        database: URL of its database; empty: SQLite in `home`.

    Raises:
        Unavailable: it did not answer within two minutes; the message names its log.
    """
    home.mkdir(parents=True, exist_ok=True)
    port = port or free_port()
    address = f"http://{ADDRESS}:{port}/api"
    settings = {**SERVER_SETTINGS, "PREFECT_HOME": str(home / "prefect"), "PREFECT_UI_API_URL": address}
    settings["PREFECT_API_DATABASE_CONNECTION_URL"] = database or f"sqlite+aiosqlite:///{database_file(home)}"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", ADDRESS, "--port", str(port)]
    with _process(command, home / "server.log", settings) as server:
        _await(server, address, home / "server.log")
        with pointed_at(address, home / "prefect"):
            yield Server(api=address, pid=server.pid)


def database_file(home: Path) -> Path:
    """Return the SQLite database of a home; a new one begins as the migrated one, which a newer server migrates on."""
    file = home / "prefect.db"
    if not file.exists() and _MIGRATED.exists():
        write(file, _MIGRATED.read_bytes())
    return file


@contextmanager
def local_worker(home: Path, pool: str = "delivery") -> Generator[subprocess.Popen[bytes]]:
    """Run a process worker on a work pool for the time of the block, in an empty folder of its own; yield it."""
    folder = home / "worker"
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "prefect", "worker", "start", "--pool", pool, "--type", "process"]
    with _process(command, home / "worker.log", {"PREFECT_WORKER_QUERY_SECONDS": "1"}, folder) as worker:
        yield worker


@contextmanager
def _process(
    command: list[str], log: Path, settings: dict[str, str], folder: Path | None = None
) -> Generator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            env={**os.environ, **settings},
            cwd=folder or log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _await(server: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if reachable(address):
            return
        time.sleep(0.1)
    raise Unavailable(f"the Prefect server did not start; read {str(log)!r}")


@contextmanager
def pointed_at(address: str, prefect_home: Path, auth: str = "") -> Generator[None]:
    """Make this process, and those that it starts, clients of the server for the time of the block.

    Args:
        address: address of its API.
        prefect_home: folder of what Prefect keeps for its clients.
        auth: credential of a server that has one, which then demands tokens against forged requests as well.
    """
    values = {**CLIENT_SETTINGS, "PREFECT_API_URL": address, "PREFECT_HOME": str(prefect_home)}
    updates: dict[str, object] = {"api.url": address, "home": prefect_home, "client.max_retries": 8}
    updates |= {"flows.heartbeat_frequency": 30, "client.csrf_support_enabled": bool(auth)}
    if address.startswith(f"http://{ADDRESS}:"):
        values["PREFECT_API_SSL_CERT_FILE"] = updates["api.ssl_cert_file"] = one_root(prefect_home)
    if auth:
        values |= {"PREFECT_CLIENT_CSRF_SUPPORT_ENABLED": "true", "PREFECT_API_AUTH_STRING": auth}
        updates["api.auth_string"] = auth
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        with temporary_settings(updates=updates), everywhere(get_settings_context()):  # pyright: ignore[reportArgumentType] - names of settings are accepted
            yield
            _drain()
    finally:
        os.environ.update({name: value for name, value in before.items() if value is not None})
        for name in [name for name, value in before.items() if value is None]:
            del os.environ[name]


def one_root(folder: Path) -> str:
    """Return a file with one root certificate: without TLS, too, each client loads all it is given, in 20 ms."""
    first, end, _ = Path(certifi.where()).read_text().partition("-----END CERTIFICATE-----\n")
    write(folder / "one-root.pem", (first + end).encode(), lasting=False)
    return str(folder / "one-root.pem")


def _drain() -> None:
    """Send what is left of logs and events while the server is there; afterwards this process would wait for ever."""

    async def drain() -> None:
        for service in (APILogWorker, EventsWorker):
            waiting = service.drain_all()
            if inspect.isawaitable(waiting):
                await waiting

    run_coro_as_sync(drain())
