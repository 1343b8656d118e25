"""What the receiver keeps, and what it says when it cannot."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Generator
from pathlib import Path

import httpx
import pytest
from fastapi.testclient import TestClient
from pydantic import SecretStr

from blocks.ledger import Ledger
from contracts.intake.webhook import MOST_BYTES, Source, Trouble
from deployments.intake.keeping import Intake
from deployments.webhooks import build_app
from tests.integration.receiver import PATH, SECRET, Site, labelled, send, signed, site_at

BODY = json.dumps(labelled()).encode()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    with site_at(tmp_path_factory.mktemp("receiver")) as made:
        yield made


def test_a_delivery_is_kept_once_whatever_a_replay_calls_it(site: Site) -> None:
    with httpx.Client(trust_env=False) as client:
        payload = labelled(number=7)
        assert send(client, site.url, payload, "first").status_code == 202
        assert send(client, site.url, payload, "first").json() == {"status": "it came before"}
        assert send(client, site.url, payload, "another-name").status_code == 200
        assert send(client, site.url, labelled(number=8), "first").status_code == 200
    kept = site.ledger.delivery("github", "first")
    assert kept is not None
    assert (kept.count, kept.outcome, kept.event) == (4, "", "issues")
    assert json.loads(kept.body or b"") == payload


def test_a_redelivery_of_what_started_nothing_is_decided_again(site: Site) -> None:
    body = json.dumps(labelled(number=10)).encode()
    statuses: list[int] = []
    for outcome in ("no rule", "refused by limit", "error", "started", "duplicate"):
        statuses.append(site.post(body, signed(body, "again")).status_code)
        row = site.ledger.delivery("github", "again")
        assert row is not None
        assert (row.outcome, row.settled_at, row.body) == ("", None, body)
        site.ledger.settle_delivery(row.model_copy(update={"outcome": outcome}))
        if outcome in ("started", "duplicate"):
            break
    assert statuses == [202, 202, 202, 202]
    assert site.post(body, signed(body, "again")).json() == {"status": "it came before"}
    assert site.ledger.delivery("github", "again").outcome == "started"  # type: ignore[union-attr]


def test_a_forgery_does_not_take_the_place_of_the_delivery_whose_id_it_has(site: Site) -> None:
    assert site.post(BODY, signed(BODY, "stolen", secret="guess")).status_code == 401
    body = json.dumps(labelled(number=9)).encode()
    assert site.post(body, signed(body, "stolen")).status_code == 202
    assert site.ledger.delivery("github", "stolen").body == body  # type: ignore[union-attr]


def test_the_largest_body_is_kept(site: Site) -> None:
    body = b'{"a":"' + (MOST_BYTES - 8) * b"x" + b'"}'
    assert len(body) == 1_048_576
    assert site.post(body, signed(body, "largest")).status_code == 202
    assert site.ledger.delivery("github", "largest").body == body  # type: ignore[union-attr]


def test_the_log_of_the_process_holds_no_secret(site: Site, tmp_path_factory: pytest.TempPathFactory) -> None:
    logs = list(tmp_path_factory.getbasetemp().glob("receiver*/receiver.log"))
    assert logs
    assert all(SECRET not in log.read_text() and "whsec_" not in log.read_text() for log in logs)


def test_a_ledger_that_does_not_answer_is_told_and_nothing_is_lost_in_silence(tmp_path: Path) -> None:
    """Only the sender still has the delivery, so it must learn that it was not kept."""
    ledger = Ledger(url=SecretStr("postgresql+psycopg://nobody:x@127.0.0.1:9/none"))
    with Intake(ledger) as intake, TestClient(build_app(ledger, intake, {Source.GITHUB: [SECRET]})) as client:
        answer = client.post(PATH, content=BODY, headers=signed(BODY, "x"))
        assert answer.status_code == 503
        assert "nobody" in answer.text
        assert client.get("/health").status_code == 503
        assert client.post(PATH, content=BODY, headers=signed(BODY, "x", secret="guess")).status_code == 401


def test_a_sender_that_never_ends_is_told_so_and_logged(tmp_path: Path) -> None:
    ledger = Ledger(url=SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}"))
    given = [(name.encode(), value.encode()) for name, value in signed(BODY, "slow").items()]
    scope = {"type": "http", "method": "POST", "path": PATH, "raw_path": PATH.encode(), "query_string": b""}
    answers: list[dict[str, object]] = []

    async def trickle() -> dict[str, object]:
        await asyncio.sleep(0.01)
        return {"type": "http.request", "body": b" ", "more_body": True}

    async def answer(message: dict[str, object]) -> None:
        answers.append(message)

    with Intake(ledger) as intake:
        app = build_app(ledger, intake, {Source.GITHUB: [SECRET]}, patience=0.1)
        whole = {**scope, "headers": given, "http_version": "1.1", "scheme": "http", "root_path": ""}
        asyncio.run(app(whole, trickle, answer))  # type: ignore[arg-type]
    assert answers[0]["status"] == 408
    assert (b"connection", b"close") in list(answers[0]["headers"])  # type: ignore[call-overload]
    (row,) = ledger.deliveries(10)
    assert (row.outcome, row.reason) == ("refused", f"{Trouble.SLOW.value}: more than 0.1 seconds")
    ledger.close()
