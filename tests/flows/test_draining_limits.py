"""How many runs deliveries start at a time, and what holds no place among them."""

from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from sqlalchemy import create_engine, text

from deployments.server import Server
from flows.simple import simple
from tasks.slots import release_ended
from tests.flows.inbox import Inbox, open_inbox
from tests.integration.receiver import labelled


@pytest.fixture
def inbox(server: Server, tmp_path: Path) -> Generator[Inbox]:
    assert server.pid
    with open_inbox(tmp_path) as made:
        yield made


def test_a_limit_lets_deliveries_wait_until_a_run_is_over(inbox: Inbox):
    inbox.rules(concurrency={"limit": 2})
    for number in range(3):
        inbox.arrive(f"d-{number}", labelled(number=number))
    inbox.drain.once()
    assert [inbox.settled(f"d-{number}").outcome for number in range(3)] == ["started", "started", ""]
    assert "2 runs of 'label local-forge/main:acme/shop' live already" in inbox.settled("d-2").reason
    inbox.ledger.release(inbox.settled("d-0").runs)
    inbox.make_due()
    inbox.drain.once()
    assert inbox.settled("d-2").outcome == "started"


def test_a_limit_refuses_where_the_rule_says_so(inbox: Inbox):
    inbox.rules(concurrency={"limit": 1, "per": "rule", "when_full": "refuse"})
    for number in range(2):
        inbox.arrive(f"d-{number}", labelled(number=number))
    inbox.drain.once()
    assert inbox.settled("d-1").outcome == "refused by limit"
    assert len(inbox.runs()) == 1


def test_a_delivery_that_was_refused_for_lack_of_room_starts_when_it_is_sent_again(inbox: Inbox):
    inbox.rules(concurrency={"limit": 1, "when_full": "refuse"})
    for number in range(2):
        inbox.arrive(f"d-{number}", labelled(number=number))
    inbox.drain.once()
    assert inbox.settled("d-1").outcome == "refused by limit"
    assert "send it again when one of them has ended" in inbox.settled("d-1").reason
    inbox.ledger.release(inbox.settled("d-0").runs)
    for name in ("d-0", "d-1"):
        inbox.ledger.receive([inbox.settled(name).model_copy(update={"next_try_at": datetime.now(UTC)})])
    inbox.drain.once()
    assert [inbox.settled(f"d-{number}").outcome for number in range(2)] == ["started", "started"]
    assert len(inbox.runs()) == 2


def test_a_deployment_that_is_not_there_holds_no_slot(inbox: Inbox):
    limit = {"limit": 1, "when_full": "refuse"}
    inbox.rules(deployment="simple/not-there-yet", concurrency=limit)
    inbox.arrive("d-1")
    inbox.drain.once()
    assert inbox.settled("d-1").outcome == ""
    inbox.rules(concurrency=limit)
    inbox.arrive("d-2", labelled(number=2))
    inbox.drain.once()
    assert inbox.settled("d-2").outcome == "started"


def test_parameters_that_the_deployment_refuses_are_an_error_and_hold_no_slot(inbox: Inbox):
    schema = {"type": "object", "properties": {"item": {"type": "integer"}}, "required": ["item"]}
    with get_client(sync_client=True) as client:
        client.create_deployment(
            client.create_flow(simple),
            f"{inbox.name}-strict",
            parameter_openapi_schema=schema,
            enforce_parameter_schema=True,
        )
    limit = {"limit": 1, "when_full": "refuse"}
    inbox.rules(deployment=f"simple/{inbox.name}-strict", concurrency=limit)
    inbox.arrive("d-1")
    inbox.drain.once()
    row = inbox.settled("d-1")
    assert row.outcome == "error"
    assert "refuses what 'label' makes" in row.reason
    inbox.rules(concurrency=limit)
    inbox.arrive("d-2", labelled(number=2))
    inbox.drain.once()
    assert inbox.settled("d-2").outcome == "started"


def test_slots_and_claims_of_runs_that_are_gone_are_given_back(inbox: Inbox):
    inbox.arrive("gone")
    inbox.arrive("lives", labelled(number=2))
    inbox.drain.once()
    gone, lives = inbox.settled("gone").runs, inbox.settled("lives").runs
    inbox.ledger.claim("item", gone, "acme/shop", "simple", None)
    engine = create_engine(inbox.url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE slots SET taken_at = '2020-01-01 00:00:00.000000'"))
        connection.execute(text("UPDATE claims SET claimed_at = '2020-01-01 00:00:00.000000'"))
    engine.dispose()
    with get_client(sync_client=True) as client:
        client.delete_flow_run(UUID(gone))
    assert release_ended(inbox.ledger) == 1
    assert [one.run for one in inbox.ledger.occupied()] == [lives]
    assert inbox.ledger.live() == []
