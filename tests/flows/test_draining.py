"""Deliveries become flow runs of a real Prefect server, or say why not."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from deployments.server import Server
from tests.flows.inbox import Inbox, open_inbox
from tests.integration.receiver import labelled


@pytest.fixture
def inbox(server: Server, tmp_path: Path) -> Generator[Inbox]:
    assert server.pid
    with open_inbox(tmp_path) as made:
        yield made


def test_a_delivery_starts_the_deployment_of_its_rule_with_its_work_item(inbox: Inbox):
    inbox.arrive("d-1")
    assert inbox.drain.once() == 1
    (run,) = inbox.runs()
    assert run.state_name == "Scheduled"
    assert set(run.tags) == {"delivery", "triggered"}
    assert run.parameters["item"]["title"] == "Total 42 is off by one"
    assert run.parameters["item"]["repository"] == {"forge": "local-forge/main", "name": "acme/shop"}
    assert run.parameters["policy"] == "delivery-policy/main"
    row = inbox.settled("d-1")
    assert (row.outcome, row.runs, row.reason) == ("started", str(run.id), f"label: simple/{inbox.name}")
    assert inbox.drain.once() == 0


def test_what_starts_nothing_says_why(inbox: Inbox):
    inbox.arrive("other", labelled(label="bug"))
    inbox.arrive("no title", labelled(issue={"title": " "}))
    inbox.arrive("no rule", event="push")
    inbox.arrive("damaged", body=b"{")
    inbox.drain.once()
    assert inbox.runs() == []
    assert {name: inbox.settled(name).outcome for name in ("other", "no title", "no rule", "damaged")} == {
        "other": "no rule",
        "no title": "error",
        "no rule": "no rule",
        "damaged": "error",
    }
    assert inbox.settled("other").reason == "label: $.label.name is 'bug', not 'deliver'"


def test_a_second_delivery_that_asks_for_the_same_is_a_duplicate_with_the_run_of_the_first(inbox: Inbox):
    inbox.rules(dedupe=["$.issue.number"])
    inbox.arrive("first")
    inbox.arrive("second", labelled(action="labeled", extra=1))
    inbox.drain.once()
    (run,) = inbox.runs()
    assert inbox.settled("first").outcome == "started"
    second = inbox.settled("second")
    assert (second.outcome, second.runs) == ("duplicate", str(run.id))
    assert "'first' asked for the same" in second.reason


def test_a_deployment_that_is_not_there_yet_is_waited_for(inbox: Inbox):
    inbox.rules(deployment="simple/not-there-yet")
    inbox.arrive("d-1")
    inbox.arrive("old", labelled(number=2), received_at=datetime.now(UTC) - timedelta(days=2))
    inbox.drain.once()
    assert inbox.settled("d-1").outcome == ""
    assert "there is no deployment 'simple/not-there-yet'" in inbox.settled("d-1").reason
    assert inbox.settled("old").outcome == "error"
    inbox.rules()
    inbox.make_due()
    inbox.drain.once()
    assert inbox.settled("d-1").outcome == "started"


def test_rules_follow_their_file_and_wrong_ones_change_nothing(inbox: Inbox):
    (inbox.home / "triggers.yaml").write_text("rules:\n- name: x\n  name: y\n")
    inbox.arrive("d-1")
    inbox.run_until(lambda: bool(inbox.settled("d-1").outcome and inbox.said))
    assert inbox.settled("d-1").outcome == "started"
    assert "'name' stands twice in one mapping at line 2" in inbox.said[-1]


def test_what_is_past_retention_is_forgotten_by_whoever_empties_the_inbox(inbox: Inbox):
    old: dict[str, Any] = {"received_at": datetime.now(UTC) - timedelta(days=31), "settled_at": datetime.now(UTC)}
    inbox.arrive("kept", labelled(number=1), outcome="no rule", **old)
    inbox.arrive("dropped", labelled(number=2), outcome="refused", **old)
    inbox.arrive("new", labelled(number=3))
    inbox.run_until(lambda: bool(inbox.settled("new").outcome) and inbox.ledger.delivery("github", "dropped") is None)
    assert inbox.settled("kept").body is None
    assert inbox.settled("new").body is not None
