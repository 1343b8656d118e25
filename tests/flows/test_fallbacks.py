"""When the provider of an agent fails, another agent takes the turn; what an agent itself did wrong stays its own."""

from __future__ import annotations

import json
import sys
from typing import Any

import pytest
from prefect import Flow

import blocks
from blocks.ledger import Ledger
from contracts.delivery import Delivery, DeliveryStatus
from contracts.failure import FailureKind
from contracts.pipeline import Pipeline, Step
from flows.custom import custom
from tests.flows.documents import put
from tests.flows.shop import AGENT, FIXED, Shop

STEPS = Pipeline(name="short", steps=[Step(kind="coder")])
FLOW: Flow[..., Delivery] = custom


def other(shop: Shop, *plays: dict[str, Any]) -> str:
    """A second agent with a script of its own; return its reference."""
    folder = shop.folder / "other"
    folder.mkdir()
    (folder / "script.json").write_text(json.dumps({"coder": list(plays)}))
    return put(blocks.CommandAgent(command=[sys.executable, str(AGENT), str(folder)]), f"{shop.name}-other")


def troubled(kind: str) -> dict[str, Any]:
    return {"reply": {"trouble": {"kind": kind, "message": "come back later"}, "usage": {"cost": 0.1}}}


@pytest.mark.parametrize("kind", ["provider", "quota"])
def test_the_next_agent_takes_the_turn_when_a_provider_fails(shop: Shop, kind: str):
    shop.play(coder=[troubled(kind)])
    paid = {"files": {"shop.py": FIXED}, "reply": {"usage": {"cost": 0.2}}}
    second = other(shop, paid)
    shop.policy(fallbacks={"coder": [second]})
    delivery = shop.run(FLOW, pipeline=STEPS)
    assert delivery.status is DeliveryStatus.AWAITING_MERGE
    assert [one.agent for one in delivery.timeline if one.kind == "coder"] == [second]
    assert Ledger().spend(run=delivery.run)["USD"] == pytest.approx(0.3)


def test_a_failure_of_the_agent_itself_goes_to_no_other(shop: Shop):
    shop.play(coder=[troubled("agent")])
    shop.policy(fallbacks={"default": [other(shop, {"files": {"shop.py": FIXED}})]})
    delivery = shop.run(FLOW, pipeline=STEPS)
    assert delivery.failure is not None
    assert delivery.failure.kind is FailureKind.AGENT
    assert not (shop.folder / "other/turns.log").exists()


def test_the_failure_of_the_last_agent_is_the_runs(shop: Shop):
    shop.play(coder=[troubled("quota")])
    shop.policy(fallbacks={"coder": [other(shop, troubled("provider"))]})
    delivery = shop.run(FLOW, pipeline=STEPS)
    assert delivery.failure is not None
    assert delivery.failure.kind is FailureKind.PROVIDER
    assert Ledger().spend(run=delivery.run)["USD"] == pytest.approx(0.2)


def test_an_agent_that_is_missing_is_told_before_any_turn_even_if_it_only_helps_out(shop: Shop):
    missing = put(blocks.CommandAgent(command=["no-such-agent"]), f"{shop.name}-missing")
    shop.policy(fallbacks={"coder": [missing]})
    delivery = shop.run(FLOW, pipeline=STEPS)
    assert delivery.failure is not None
    assert delivery.failure.kind is FailureKind.PREFLIGHT
    assert "'no-such-agent' is not in the sandbox" in delivery.reason
    assert shop.turns() == []
