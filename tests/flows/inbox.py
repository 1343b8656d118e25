"""An inbox with rules and a deployment of its own, and whoever empties it."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import Any
from uuid import UUID, uuid4

import yaml
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterId
from prefect.client.schemas.objects import FlowRun
from pydantic import SecretStr
from sqlalchemy import create_engine, text

from blocks.ledger import Ledger
from blocks.ledger.inbox import Delivery
from contracts.intake.starting import Arrival, Start, decide
from contracts.intake.webhook import Source
from deployments.intake.draining import Drain
from deployments.intake.rule_file import RuleFile
from flows.simple import simple
from tests.integration.receiver import labelled


@dataclass
class Inbox:
    """An inbox, a deployment and rules of one test, and whoever empties it."""

    home: Path
    deployment: UUID
    name: str
    url: str

    def __post_init__(self) -> None:
        self.ledger, self.said = Ledger(url=SecretStr(self.url)), list[str]()
        self.rules()
        self.drain = Drain(self.ledger, RuleFile(self.home / "triggers.yaml"), self.said.append)

    def rules(self, **fields: Any) -> None:
        rule: dict[str, Any] = {
            "name": "label",
            "source": "github",
            "event": "issues.labeled",
            "when": [{"path": "$.label.name", "equals": "deliver"}],
            "item": {"repository": {"forge": "local-forge/main"}, "title": "$.issue.title"},
            "deployment": f"simple/{self.name}",
            **fields,
        }
        (self.home / "triggers.yaml").write_text(yaml.safe_dump({"rules": [rule]}))

    def arrive(self, name: str, payload: dict[str, Any] | None = None, **fields: Any) -> None:
        at = datetime.now(UTC) - timedelta(seconds=1)
        body = json.dumps(payload or labelled()).encode()
        values: dict[str, Any] = {"source": "github", "event": "issues", "digest": name, "body": body}
        values |= {"delivery": name, "received_at": at, "next_try_at": at, **fields}
        assert self.ledger.receive([Delivery(**values)]) == [True]

    def start(self, name: str) -> Start:
        decided = decide(self.drain._rules.current(), Arrival(Source.GITHUB, name, "issues", labelled()))  # pyright: ignore[reportPrivateUsage]
        assert isinstance(decided, list)
        return decided[0]

    def settled(self, name: str) -> Delivery:
        row = self.ledger.delivery("github", name)
        assert row is not None
        return row

    def make_due(self) -> None:
        """Let the time pass until whatever waits is tried again."""
        engine = create_engine(self.url)
        with engine.begin() as connection:
            connection.execute(text("UPDATE deliveries SET next_try_at = '2020-01-01 00:00:00.000000'"))
        engine.dispose()

    def run_until(self, done: Callable[[], bool]) -> None:
        """Empty the inbox in a thread, as a process does, until something is so."""
        over = Event()
        thread = Thread(target=self.drain.run, args=(over, Event()))
        thread.start()
        try:
            deadline = time.monotonic() + 60
            while not done():
                assert time.monotonic() < deadline
                time.sleep(0.05)
        finally:
            over.set()
            thread.join(30)

    def runs(self) -> list[FlowRun]:
        wanted = DeploymentFilter(id=DeploymentFilterId(any_=[self.deployment]))
        with get_client(sync_client=True) as client:
            return client.read_flow_runs(deployment_filter=wanted, limit=200)


@contextmanager
def open_inbox(home: Path) -> Generator[Inbox]:
    """Make an inbox in a folder and a deployment of its own, for the time of the block."""
    name = f"triggered-{uuid4().hex[:8]}"
    with get_client(sync_client=True) as client:
        deployment = client.create_deployment(client.create_flow(simple), name, tags=["delivery"])
    made = Inbox(home, deployment, name, f"sqlite:///{home / 'ledger.db'}")
    yield made
    made.drain.close()
    made.ledger.close()
