"""What turns cost is in the ledger, in the report and in `delivery spend`, and what nobody can price is marked."""

from __future__ import annotations

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from blocks.ledger import Ledger
from contracts.pipeline import Pipeline, Step
from contracts.report import render
from deployments.command_line import app
from flows.custom import custom
from tests.flows.shop import Shop


def said(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["spend", *arguments])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture
def spent(shop: Shop) -> str:
    unknown = {"model": f"model of {shop.name}", "input_tokens": 900_000, "cache_read_tokens": 100_000}
    foreign = {"model": "m", "cost": 0.5, "currency": "EUR"}
    asked: list[dict[str, Any]] = [{"text": "found", "reply": {"usage": unknown}}]
    shop.play(bug_investigator=asked, coder=[{**shop.script["coder"][0], "reply": {"usage": foreign}}])
    shop.policy(default_price=2)
    steps = [Step(kind="bug-investigator"), Step(kind="coder")]
    return render(shop.run(custom, pipeline=Pipeline(name=f"pipeline-{shop.name}", steps=steps)))


def test_a_turn_without_a_price_is_charged_the_default_and_marked_everywhere(shop: Shop, spent: str):
    assert Ledger().spend(repository=shop.name) == {"USD": 2.0, "EUR": 0.5}
    assert "| `bug-investigator` | 1 | ≈2.0000 USD |" in spent
    assert "1 of 2 turns at the policy's default price" in spent
    assert "EUR counts to no budget." in spent
    assert "Forecast: no history yet." in spent
    rows = json.loads(said("--by", "model", "--json"))["rows"]
    (row,) = [one for one in rows if one["group"] == f"model of {shop.name}"]
    assert (row["cost"], row["unpriced"], row["input_tokens"]) == (2.0, 1, 1_000_000)


@pytest.mark.parametrize(("by", "name"), [("repository", "{}"), ("pipeline", "pipeline-{}")])
def test_a_month_is_shown_in_groups(shop: Shop, spent: str, by: str, name: str):
    lines = said("--by", by).splitlines()
    (dollars,) = [line for line in lines if line.split()[:1] == [name.format(shop.name)] and "USD" in line]
    assert dollars.split()[-3:] == ["2.0000", "USD", "1"]
    assert said("--month", "2020-01") == "2020-01: no turn was charged\n"


def test_what_is_no_month_is_refused(shop: Shop):
    result = CliRunner().invoke(app, ["spend", "--month", "soon"])
    assert (result.exit_code, "'soon' is no month" in result.output) == (1, True)
