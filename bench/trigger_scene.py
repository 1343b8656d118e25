"""The processes of the trigger measurement, each of which may be killed: a Prefect server and a receiver."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import yaml

from bench.naive_receiver import EVENT
from deployments.server import ADDRESS, CLIENT_SETTINGS, SERVER_SETTINGS, free_port, reachable

SECRET = "secret of the measurement"
FLOW = "triggered"
WARM = -1
"""Number of the delivery that is sent before the measurement."""
_START_SECONDS = 600.0
_OURS = (
    "from deployments.intake.receiving import Receiving, receive; import sys; "
    "receive(Receiving.from_environment(), '127.0.0.1', int(sys.argv[1]), drains=True)"
)


class Process:
    """A process that listens on a port, in a group of its own.

    Args:
        command: program and arguments.
        environment: its environment.
        log: where its output goes.
        port: port that it listens on.
    """

    def __init__(self, command: list[str], environment: dict[str, str], log: Path, port: int) -> None:
        self._command, self._environment, self._log, self.port = command, environment, log, port
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, and return at once."""
        with self._log.open("ab") as output:
            self._process = subprocess.Popen(
                self._command,
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                cwd=self._log.parent,
            )

    def kill(self) -> None:
        """Kill it with all its processes, and return when they are gone."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        """End it in good order."""
        self._end(signal.SIGTERM)

    def listens(self) -> bool:
        """Return whether it accepts connections."""
        with socket.socket() as probe:
            return probe.connect_ex((ADDRESS, self.port)) == 0

    def await_listening(self) -> None:
        """Return when it accepts connections."""
        deadline = time.monotonic() + _START_SECONDS
        while not self.listens():
            if time.monotonic() > deadline:
                raise TimeoutError(f"{self._command[1:3]} did not start: {self._log.read_text()[-2_000:]}")
            time.sleep(0.02)

    def _end(self, how: signal.Signals) -> None:
        if self._process is None or self._process.poll() is not None:
            return
        os.killpg(self._process.pid, how)
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


class Scene:
    """A Prefect server on PostgreSQL with one deployment for each way, and the receivers of both.

    Args:
        home: folder of everything.
        prefect: URL of the server's database, for asyncpg.
        ledger: URL of the ledger.
    """

    def __init__(self, home: Path, prefect: str, ledger: str) -> None:
        self._home, port = home, free_port()
        self.api = f"http://{ADDRESS}:{port}/api"
        own = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        path = str(Path(__file__).resolve().parents[1])
        base = {**own, "PREFECT_HOME": str(home / "prefect"), "PYTHONPATH": path, "DELIVERY_HOME": str(home)}
        settings = {**SERVER_SETTINGS, "PREFECT_API_DATABASE_CONNECTION_URL": prefect}
        start = [sys.executable, "-m", "prefect", "server", "start", "--host", ADDRESS, "--port", str(port)]
        self.server = Process(start, {**base, **settings}, home / "server.log", port)
        client = {**base, **CLIENT_SETTINGS, "PREFECT_API_URL": self.api, "DELIVERY_LEDGER_URL": ledger}
        client |= {"DELIVERY_GITHUB_WEBHOOK_SECRET": SECRET, "DELIVERY_TRIGGERS": str(home / "triggers.yaml")}
        self._client = client
        self._deployments: dict[str, UUID] = {}

    def start_server(self) -> None:
        """Start the server and return when it answers."""
        self.server.start()
        deadline = time.monotonic() + _START_SECONDS
        while not reachable(self.api):
            if time.monotonic() > deadline:
                raise TimeoutError((self._home / "server.log").read_text()[-2_000:])
            time.sleep(0.1)

    def deploy(self) -> None:
        """Make the flow, its deployments, the rule of our way and the automation of the other one."""
        with httpx.Client(base_url=self.api, timeout=60, trust_env=False) as api:
            flow = api.post("/flows/", json={"name": FLOW}).raise_for_status().json()["id"]
            for name in ("ours", "naive"):
                made = api.post(
                    "/deployments/", json={"name": name, "flow_id": flow, "enforce_parameter_schema": False}
                )
                self._deployments[name] = made.raise_for_status().json()["id"]
            api.post("/automations/", json=_automation(str(self._deployments["naive"]))).raise_for_status()
        (self._home / "triggers.yaml").write_text(yaml.safe_dump({"rules": [_RULE]}))

    def receiver(self, way: str) -> Process:
        """Return the receiver of one way, which is not started."""
        port = free_port()
        naive = ["-m", "uvicorn", "bench.naive_receiver:app", "--host", ADDRESS, "--port", str(port)]
        command = ["-c", _OURS, str(port)] if way == "ours" else [*naive, "--no-access-log"]
        return Process([sys.executable, *command], self._client, self._home / f"{way}.log", port)

    def runs(self, way: str, *, warm: bool = False) -> Counter[str]:
        """Return how many runs there are of each delivery's title: of those that count, or of the one before."""
        every = self._counted(way)
        first = f"Change {WARM}"
        return Counter({title: count for title, count in every.items() if (title == first) is warm})

    def _counted(self, way: str) -> Counter[str]:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            try:
                return self._runs(way)
            except httpx.HTTPError:  # a server that works off a burst may answer late
                if time.monotonic() > deadline:
                    raise

    def _runs(self, way: str) -> Counter[str]:
        found: Counter[str] = Counter()
        with httpx.Client(base_url=self.api, timeout=60, trust_env=False) as api:
            while True:
                wanted = {"deployments": {"id": {"any_": [str(self._deployments[way])]}}, "sort": "ID_DESC"}
                page = {**wanted, "limit": 200, "offset": found.total()}
                rows: list[Any] = api.post("/flow_runs/filter", json=page).raise_for_status().json()
                found.update(_title(row["parameters"]) for row in rows)
                if len(rows) < 200:
                    return found


def _title(parameters: dict[str, Any]) -> str:
    return str(parameters["item"]["title"])


def payload(number: int) -> bytes:
    """Return the body of one delivery, as large as GitHub's are."""
    issue = {"number": number, "state": "open", "title": f"Change {number}", "body": 8_000 * "x"}
    repository = {"full_name": "acme/shop", "default_branch": "main"}
    sender = {"login": "ann", "type": "User"}
    label = {"name": "deliver"}
    whole = {"action": "labeled", "label": label, "issue": issue, "repository": repository, "sender": sender}
    return json.dumps(whole).encode()


_RULE: dict[str, Any] = {
    "name": "label",
    "source": "github",
    "event": "issues.labeled",
    "when": [{"path": "$.label.name", "equals": "deliver"}],
    "item": {"repository": {"forge": "local-forge/main"}, "title": "$.issue.title"},
    "deployment": f"{FLOW}/ours",
}


def _automation(deployment: str) -> dict[str, Any]:
    trigger = {"type": "event", "expect": [EVENT], "posture": "Reactive", "threshold": 1, "within": 0}
    action = {
        "type": "run-deployment",
        "source": "selected",
        "deployment_id": deployment,
        "parameters": {"item": {"title": "{{ event.payload.title }}"}},
    }
    return {"name": "naive", "trigger": trigger, "actions": [action], "enabled": True}
