"""The one server and the one worker of all chaos runs, each of which may be killed, and the sweeps that recover."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import threading
import time
from contextlib import ExitStack
from contextvars import copy_context
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from prefect.client.orchestration import get_client

from bench.chaos_scene import set_up
from blocks.ledger import Ledger
from blocks.loading import load
from deployments.bootstrap import REGISTRY, bootstrap, deploy
from deployments.server import Server, free_port, local_server, local_worker, reachable
from deployments.sweeps import GRACE_SECONDS
from flows.escalate import escalate
from flows.recover import recover
from tasks._overview import LEDGER
from tasks.recovery import due

_LOGGERS = ("prefect", "prefect.flow_runs", "prefect.task_runs")
_LOOK_SECONDS = 1.0
_START_SECONDS = 120.0
_AWAY_SECONDS = 2.0
"""How long a killed server stays away."""


def _rest_schedules() -> None:
    """The sweeps of this process replace those of the worker, as in `delivery up`."""
    with get_client(sync_client=True) as client:
        for deployment in client.read_deployments():
            for schedule in deployment.schedules:
                client.update_deployment_schedule(deployment.id, schedule.id, active=False)


class Services:
    """Everything that a machine runs for deliveries, in one block; `home` is the installation's folder."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.sweeps: list[str] = []
        self._port = free_port()
        self._ending, self._workers = ExitStack(), ExitStack()
        self._over = threading.Event()
        self._server: Server
        self._servers: list[threading.Thread] = []
        self._worker: subprocess.Popen[bytes]

    @property
    def api(self) -> str:
        """Address of the server's API."""
        return self._server.api

    def __enter__(self) -> Services:
        """Start everything."""
        os.environ["DELIVERY_HOME"] = str(self.home)
        for name in _LOGGERS:
            logging.getLogger(name).setLevel(logging.CRITICAL)
        self._server = self._ending.enter_context(local_server(self.home / "server", port=self._port))
        bootstrap(self.home)
        set_up(self.home)
        deploy(Path(__file__).resolve().parent.parent / REGISTRY)
        _rest_schedules()
        self.start_worker()
        self._sweeper = threading.Thread(target=copy_context().run, args=(self._sweep_on,), daemon=True)
        self._sweeper.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End everything."""
        self._over.set()
        self._sweeper.join(60)
        self._workers.close()
        for server in self._servers:
            server.join(60)
        self._ending.close()

    def start_worker(self) -> None:
        """Start a worker beside whatever an earlier one left behind."""
        self._worker = self._workers.enter_context(local_worker(self.home))

    def kill_worker(self) -> None:
        """Kill the worker, and nothing that it has started."""
        self._worker.kill()
        self._worker.wait()

    def kill_server(self) -> None:
        """Kill the server with all its processes."""
        os.killpg(self._server.pid, signal.SIGKILL)
        while reachable(self.api):
            time.sleep(0.05)

    def return_server(self) -> None:
        """Start a server on the database of the one that was killed, after a moment without any."""
        time.sleep(_AWAY_SECONDS)
        ready = threading.Event()

        def serve() -> None:
            with local_server(self.home / "server", port=self._port) as self._server:
                ready.set()
                self._over.wait()

        self._servers.append(threading.Thread(target=copy_context().run, args=(serve,), daemon=True))
        self._servers[-1].start()
        ready.wait(_START_SECONDS)

    def _sweep_on(self) -> None:
        """Do what `delivery up` does, more often: look what is due, and let the two flows do it."""
        while not self._over.wait(_LOOK_SECONDS):
            try:
                self._sweep()
            except Exception as error:  # noqa: BLE001 - the server may be away; the next look sees it again
                self.sweeps.append(f"failed: {type(error).__name__}: {error}"[:300])

    def _sweep(self) -> None:
        if any(one.remedy is not None for one in due(timedelta(seconds=GRACE_SECONDS))):
            self._note("recover", recover(GRACE_SECONDS, return_state=True))
        if load(LEDGER, Ledger).overdue(datetime.now(UTC)):
            self._note("escalate", escalate(return_state=True))

    def _note(self, what: str, state: Any) -> None:
        self.sweeps.append(f"{datetime.now(UTC):%H:%M:%S} {what}: {state.message or state.name}")
