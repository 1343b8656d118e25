"""A team's installation without containers: the processes and settings of deployments/compose.yaml on this machine.

PostgreSQL and Redis come from Debian's packages; server, background services, workers and receiver are real processes
that start as their containers do, by `deployments.entry`, and each of them can be killed and started again.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import URL

from bench.installed_service import Service
from bench.postgres import postgres_server
from bench.redis_server import Redis, redis_server
from contracts.errors import Unavailable
from deployments.server import ADDRESS, free_port, pointed_at, reachable

ROOT = Path(__file__).resolve().parent.parent
COMPOSE = ROOT / "deployments/compose.yaml"
_SECRETS_SCRIPT = ROOT / "deployments/compose/secrets.sh"
_DATABASES_SCRIPT = ROOT / "deployments/compose/databases.sh"
_START_SECONDS = 180.0


class Installation:
    """The processes of an installation on one machine.

    Args:
        home: folder of everything.
        database: URL of PostgreSQL's superuser.
        redis: the Redis server.
    """

    def __init__(self, home: Path, database: URL, redis: Redis) -> None:
        self.home, self.database, self.redis = home, database, redis
        self.secrets = home / "secrets"
        (home / "tmp").mkdir(parents=True, exist_ok=True)
        self.port, self.receiving = free_port(), free_port()
        self.server = self.service("prefect-server", port=self.port)
        self.services = self.service("prefect-services")
        self.workers: list[Service] = []

    @property
    def api(self) -> str:
        """Address of the Prefect API."""
        return f"http://{ADDRESS}:{self.port}/api"

    @property
    def ledger(self) -> str:
        """URL of the ledger's database."""
        return self.own_database("delivery").render_as_string(hide_password=False)

    def secret(self, name: str) -> str:
        """Return a secret of this installation."""
        return (self.secrets / name).read_text().rstrip("\n")

    def own_database(self, name: str) -> URL:
        """Return the URL of a database for its own user."""
        return self.database.set(username=name, password=self.secret(f"{name}_password"), database=name)

    def service(self, name: str, port: int = 0, **further: str) -> Service:
        """Return a service of compose.yaml, not yet started.

        Args:
            name: its name there.
            port: where it listens instead; 0: it does not.
            further: variables beside those that it has there.
        """
        command: list[str] = [str(word) for word in _compose()["services"][name]["command"]]
        if port:
            command[command.index("--port") + 1] = str(port)
            command[command.index("--host") + 1] = ADDRESS
        return self.process(name, command, {**self.settings_of(name), **further})

    def process(self, name: str, command: list[str], settings: dict[str, str]) -> Service:
        """Return a process with only what a container would have in its environment, not yet started."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "DELIVERY_"))}
        path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
        return Service(name, command, {**kept, "PATH": path, **settings}, self.home / "services" / name)

    def worker(self, query_seconds: float = 1) -> Service:
        """Start one more process worker and return it."""
        name = f"worker-{len(self.workers) + 1}"
        command = ["prefect", "worker", "start", "--pool", "delivery", "--type", "process"]
        settings = {**self.settings_of("worker"), "PREFECT_WORKER_QUERY_SECONDS": str(query_seconds)}
        self.workers.append(self.process(name, command, settings).start())
        return self.workers[-1]

    def receiver(self, rules: Path) -> Service:
        """Return the receiver of webhooks, not yet started; it will listen on the port `receiving` of 127.0.0.1.

        Args:
            rules: file with the rules.
        """
        return self.service("receiver", self.receiving, DELIVERY_TRIGGERS=str(rules))

    def await_server(self) -> None:
        """Return when the API answers.

        Raises:
            Unavailable: it does not within three minutes.
        """
        _await(self.api, self.server)

    def await_receiver(self, receiver: Service) -> None:
        """Return when the receiver takes deliveries; GitHub sends one once, so what comes before is lost.

        Raises:
            Unavailable: it does not within three minutes.
        """
        _await(f"http://{ADDRESS}:{self.receiving}", receiver)

    def settings_of(self, name: str) -> dict[str, str]:
        """Return the variables of a service in compose.yaml, with this machine's addresses and folders in them."""
        places = {
            "${DELIVERY_URL:?address that people open, such as https://delivery.example.org}": f"http://{ADDRESS}",
            "$$": "$",
            "/tmp/": f"{self.home}/",
            "/run/secrets/": f"{self.secrets}/",
            "/var/lib/delivery": str(self.home),
            "http://prefect-server:4200": f"http://{ADDRESS}:{self.port}",
            "@redis:6379": f"@{self.redis.host}:{self.redis.port}",
            "@postgres:5432": f"@{self.database.host}:{self.database.port}",
        }
        own = {
            "PREFECT_SERVER_DATABASE_HOST": str(self.database.host),
            "PREFECT_SERVER_DATABASE_PORT": str(self.database.port),
            "PREFECT_REDIS_MESSAGING_HOST": self.redis.host,
            "PREFECT_REDIS_MESSAGING_PORT": str(self.redis.port),
        }
        written: dict[str, str] = _compose()["services"][name]["environment"]
        return {key: own.get(key) or _replaced(str(value), places) for key, value in written.items()}


def _await(address: str, service: Service) -> None:
    """Return when a service answers `/health` at an address with 200.

    Raises:
        Unavailable: it does not within three minutes.
    """
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if reachable(address):
            return
        time.sleep(0.1)
    raise Unavailable(f"{service.name} did not start; read {str(service.log)!r}")


def _compose() -> dict[str, Any]:
    return yaml.safe_load(COMPOSE.read_text())


def _replaced(text: str, places: dict[str, str]) -> str:
    for old, new in places.items():
        text = text.replace(old, new)
    return text


@contextmanager
def installation(home: Path, workers: int = 2) -> Generator[Installation]:
    """Run an installation for the time of the block, and point this process at it.

    Args:
        home: an empty folder.
        workers: how many process workers; their pool must exist before they start, so 0 starts none.

    Raises:
        Unavailable: a part of it did not start; the message names its log.
    """
    with ExitStack() as ending:
        database = ending.enter_context(postgres_server())
        secrets = home / "secrets"
        subprocess.run([_SECRETS_SCRIPT, secrets], check=True)
        redis = ending.enter_context(redis_server((secrets / "redis_password").read_text()))
        made = Installation(home, database, redis)
        make_databases(database, secrets)
        made.service("prefect-schema").run()
        for service in (made.services, made.server):
            ending.callback(service.stop)
            service.start()
        made.await_server()
        ending.callback(lambda: [one.stop() for one in made.workers])
        ending.enter_context(pointed_at(made.api, home / "prefect", auth=made.secret("prefect_auth")))
        for _ in range(workers):
            made.worker()
        yield made


def make_databases(database: URL, secrets: Path) -> None:
    """Make the databases and their users as PostgreSQL's container does at its first start."""
    variables = {
        "PGHOST": str(database.host),
        "PGPORT": str(database.port),
        "PGPASSWORD": str(database.password),
        "SECRETS": str(secrets),
    }
    subprocess.run([_DATABASES_SCRIPT], env={**os.environ, **variables}, check=True)
