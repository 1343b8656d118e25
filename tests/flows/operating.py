"""Operations on runs, and runs to operate on."""

from __future__ import annotations

from typing import Any

import pytest
from prefect.exceptions import Pause
from prefect.states import Scheduled

from tests.flows.lost import begin, go_on
from tests.flows.shop import Shop

RISKY: dict[str, Any] = {"structured": {"complexity": 0.9, "risk": 0.1, "impact": 0.2, "rationale": "much at once"}}


def do(flow: Any, *arguments: str) -> tuple[str, str]:
    """Run one of the operations; return the type of its state and what it says."""
    state = flow(*arguments, return_state=True)
    return state.type.value, state.message


def waiting(shop: Shop) -> str:
    """A run that waits for a person without a process."""
    shop.policy(attended=True, attentive_minutes=0)
    shop.play(merger=[RISKY])
    run = begin(shop, Scheduled())
    with pytest.raises(Pause):
        go_on(run)
    return run


def failed(shop: Shop) -> str:
    shop.play(merger=[{"text": "no idea"}])
    run = begin(shop, Scheduled())
    assert go_on(run) == "Failed"
    return run
