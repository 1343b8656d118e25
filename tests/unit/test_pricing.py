from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from contracts.agent import Usage
from contracts.pricing import MOST, Price, charged, price, tokens

MILLION: dict[str, Any] = {
    "input_tokens": 400_000,
    "output_tokens": 100_000,
    "cache_read_tokens": 300_000,
    "cache_write_tokens": 200_000,
}


def listed(usage: Usage) -> Decimal | None:
    return Decimal("0.25") if usage.model == "known" else None


def nobody(_: Usage) -> Decimal | None:
    raise AssertionError("the list was asked although the agent gives a cost, or nothing to price")


@pytest.mark.parametrize(
    ("usage", "made"),
    [
        (Usage(cost=0.1, model="known", input_tokens=9), Price(Decimal("0.1"), "USD", priced=True)),
        (Usage(cost=0.0, model="known", input_tokens=9), Price(Decimal(0), "USD", priced=True)),
        (Usage(cost=2, currency="EUR"), Price(Decimal(2), "EUR", priced=True)),
        (Usage(cost=1e12), Price(MOST, "USD", priced=True)),
        (Usage(model="known"), Price(Decimal(0), "USD", priced=False)),
        (Usage(**MILLION), Price(Decimal(10), "USD", priced=False)),
    ],
)
def test_the_figure_of_the_agent_stands_and_the_list_is_not_asked(usage: Usage, made: Price) -> None:
    assert price(usage, nobody, 10) == made


@pytest.mark.parametrize(
    ("usage", "default", "made"),
    [
        (Usage(model="known", input_tokens=1), 10, Price(Decimal("0.25"), "USD", priced=True)),
        (Usage(model="known", input_tokens=1, currency="EUR"), 10, Price(Decimal("0.25"), "USD", priced=True)),
        (Usage(model="other", **MILLION), 10, Price(Decimal(10), "USD", priced=False)),
        (Usage(model="other", **MILLION), 0.3, Price(Decimal("0.3"), "USD", priced=False)),
        (Usage(model="other", **MILLION), 0, Price(Decimal(0), "USD", priced=False)),
        (Usage(model="other", output_tokens=10**18), 10, Price(MOST, "USD", priced=False)),
    ],
)
def test_without_a_figure_the_list_or_the_default_is_charged(usage: Usage, default: float, made: Price) -> None:
    assert price(usage, listed, default) == made


def test_a_charged_turn_says_what_it_cost() -> None:
    usage = Usage(model="other", currency="EUR", **MILLION)
    made = charged(usage, price(usage, listed, 10))
    assert (made.cost, made.currency, tokens(made)) == (10.0, "USD", 1_000_000)
