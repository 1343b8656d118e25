"""Whoever empties the inbox may die anywhere: each delivery starts one run, and none is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest
from prefect.settings import temporary_settings

from blocks.ledger.inbox import Slot
from deployments.intake.launching import Launcher
from deployments.server import Server
from tests.flows.inbox import Inbox, open_inbox
from tests.integration.receiver import labelled

DRAIN = "from deployments.intake.receiving import Receiving, drain; drain(Receiving.from_environment())"


@pytest.fixture
def inbox(server: Server, tmp_path: Path) -> Generator[Inbox]:
    assert server.pid
    with open_inbox(tmp_path) as made:
        yield made


@pytest.mark.parametrize("died", ["before the run", "after the run", "after its record"])
def test_whoever_goes_on_after_a_death_finds_the_run_that_was_made(inbox: Inbox, died: str):
    inbox.arrive("d-1")
    (row,) = inbox.ledger.take(1, 30)
    start = inbox.start("d-1")
    inbox.ledger.occupy(
        Slot(key=start.key, scope=start.scope, source="github", delivery="d-1", taken_at=row.received_at), start.limit
    )
    if died != "before the run":
        launcher = Launcher()
        run = launcher.launch(start)
        launcher.close()
        if died == "after its record":
            inbox.ledger.fill(start.key, run)
    assert inbox.drain.once() == 0, "the lease of the dead one is not over"
    inbox.make_due()
    inbox.drain.once()
    (made,) = inbox.runs()
    assert (inbox.settled("d-1").outcome, inbox.settled("d-1").runs) == ("started", str(made.id))


def test_a_server_that_is_away_keeps_everything_waiting_and_nothing_is_lost(inbox: Inbox):
    for number in range(3):
        inbox.arrive(f"d-{number}", labelled(number=number))
    away = {"api.url": "http://127.0.0.1:9/api", "client.max_retries": 0}
    with temporary_settings(updates=away):  # type: ignore[arg-type]
        assert inbox.drain.once() == 3
    assert inbox.ledger.undelivered() == 3
    assert all("Prefect did not make the run" in inbox.settled(f"d-{number}").reason for number in range(3))
    assert len(inbox.said) == 1, "the trouble is told once"
    inbox.drain.close()  # its client knows one address
    inbox.make_due()
    inbox.drain.once()
    assert {inbox.settled(f"d-{number}").outcome for number in range(3)} == {"started"}
    assert len(inbox.runs()) == 3


def test_however_often_it_is_killed_each_delivery_starts_one_run(inbox: Inbox):
    count, environment = 24, {**os.environ, "DELIVERY_LEDGER_URL": inbox.url}
    environment["DELIVERY_TRIGGERS"] = str(inbox.home / "triggers.yaml")
    for number in range(count):
        inbox.arrive(f"d-{number}", labelled(number=number))

    def left() -> int:
        return inbox.ledger.undelivered()

    for share in (18, 9, 0):
        process = subprocess.Popen([sys.executable, "-c", DRAIN], env=environment, stdout=subprocess.DEVNULL)
        deadline = time.monotonic() + 120
        while left() > share:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL if share else signal.SIGTERM)
        process.wait(60)
        inbox.make_due()
    assert process.returncode == 0
    runs = inbox.runs()
    assert len(runs) == len({run.parameters["item"]["title"] for run in runs}) == count
    assert {row.outcome for row in inbox.ledger.deliveries(100)} == {"started"}
