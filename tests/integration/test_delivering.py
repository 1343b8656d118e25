"""The commands about deliveries, and the processes that receive and empty."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from blocks.ledger import Ledger
from blocks.ledger.inbox import Delivery
from contracts.errors import Misconfigured
from contracts.intake.webhook import Source
from deployments.intake.delivering import app
from deployments.intake.receiving import Receiving, receive
from deployments.intake.rule_file import DEFAULT, read_rule_file
from tests.integration.receiver import labelled


def say(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, list(words))
    return result.exit_code, result.output


@pytest.fixture
def payload(tmp_path: Path) -> Path:
    file = tmp_path / "payload.json"
    file.write_text(json.dumps(labelled()))
    return file


def test_a_rule_is_tried_without_starting_anything(payload: Path) -> None:
    code, said = say("trigger", "test", str(DEFAULT), str(payload))
    assert code == 0
    assert said.startswith("label-build starts build/on-demand with delivery-policy/main\n")
    assert '"title": "Total 42 is off by one"' in said
    code, said = say("trigger", "test", str(DEFAULT), str(payload), "--event", "push")
    assert (code, said) == (1, "push.labeled starts nothing: no rule is about 'push.labeled' of github\n")
    code, said = say("trigger", "test", str(DEFAULT), str(payload), "--source", "generic", "--event", "x")
    assert code == 1


def test_every_error_of_a_file_is_said_at_once(payload: Path, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text("rules: [{name: A, source: x}]\nmore: 1\n")
    code, said = say("trigger", "test", str(rules), str(payload))
    assert code == 1
    for place in ("more", "rules[0].name", "rules[0].source", "rules[0].event", "rules[0].item", "rules[0].deployment"):
        assert f"\n{place}: " in said or f" {place}: " in said


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("rules: [", "cannot be read"),
        ("rules: []\nrules: []\n", "'rules' stands twice in one mapping at line 1"),
        ("- !!python/object:os.system {}\n", "cannot be read"),
        ("", "should be a valid dictionary"),
    ],
)
def test_a_file_that_is_no_rules_is_refused(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "rules.yaml").write_text(text)
    with pytest.raises(Misconfigured, match=why.replace("[", r"\[")):
        read_rule_file(tmp_path / "rules.yaml")
    with pytest.raises(Misconfigured, match="cannot be read"):
        read_rule_file(tmp_path / "none.yaml")


def test_deliveries_are_listed_with_what_became_of_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    monkeypatch.setenv("DELIVERY_LEDGER_URL", url)
    assert say("deliveries") == (0, "no delivery came\n")
    ledger, at = Ledger(url=SecretStr(url)), datetime(2026, 5, 1, 12, tzinfo=UTC)
    values: dict[str, Any] = {
        "source": "github",
        "event": "issues",
        "received_at": at,
        "next_try_at": at,
        "body": b"{}",
    }
    started: dict[str, Any] = {"outcome": "started", "runs": "a-run", "reason": "label: build/on-demand", "count": 3}
    later: dict[str, Any] = {**values, "received_at": at + timedelta(1), "reason": "away"}
    ledger.receive(
        [
            Delivery(**values, delivery="d-1", digest="1", **started),
            Delivery(**later, delivery="d-2", digest="2"),
        ]
    )
    code, said = say("deliveries")
    assert code == 0
    assert "2026-05-02 12:00:00  github  issues  d-2\n    waiting, 0 tries: away" in said
    assert "2026-05-01 12:00:00  github  issues  d-1 ×3\n    started: label: build/on-demand\n" in said
    assert said.index("d-2") < said.index("d-1")
    assert "a-run" in said
    assert "d-1" not in say("deliveries", "--outcome", "waiting")[1]
    assert "d-2" not in say("deliveries", "--outcome", "started")[1]
    assert say("deliveries", "--outcome", "won")[0] == 1
    ledger.close()


def test_secrets_come_from_the_environment_or_from_files_and_are_never_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "secrets").write_text("old-secret\n\nnew-secret\n")
    monkeypatch.setenv("DELIVERY_GITHUB_WEBHOOK_SECRET_FILE", str(tmp_path / "secrets"))
    monkeypatch.setenv("DELIVERY_WEBHOOK_SECRET", "other-secret")
    monkeypatch.setenv("DELIVERY_LEDGER_URL", "postgresql+psycopg://user:password@host/name")
    found = Receiving.from_environment()
    assert found.secrets[Source.GITHUB] == ["old-secret", "new-secret"]
    assert found.secrets[Source.GENERIC] == ["other-secret"]
    assert found.secrets[Source.GITLAB] == []
    assert "secret" not in repr(found).replace("SecretStr", "")
    assert "password" not in repr(found)
    monkeypatch.setenv("DELIVERY_GITHUB_WEBHOOK_SECRET_FILE", str(tmp_path / "none"))
    with pytest.raises(Misconfigured, match="GITHUB_WEBHOOK_SECRET_FILE names cannot be read: No such file"):
        Receiving.from_environment()


def test_a_receiver_that_would_accept_nothing_does_not_start(tmp_path: Path) -> None:
    settings = Receiving(SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}"), DEFAULT)
    with pytest.raises(Misconfigured, match="set one of DELIVERY_GITHUB_WEBHOOK_SECRET"):
        receive(settings, "127.0.0.1", 1, drains=False)
