"""The price list that genai-prices brings along, without a network."""

from __future__ import annotations

from decimal import Decimal

import pytest

from blocks.price_list import list_price
from contracts.agent import Usage

KNOWN = "claude-sonnet-4-5"
"""Any model with prices of its own for cached tokens."""


def cost(**usage: int) -> Decimal:
    found = list_price(Usage(model=KNOWN, **usage))  # pyright: ignore[reportArgumentType] - tokens alone
    assert found is not None
    return found


def test_each_sort_of_token_is_priced_once() -> None:
    sorts = {"input_tokens": 1_000, "output_tokens": 100, "cache_read_tokens": 50_000, "cache_write_tokens": 2_000}
    alone = {name: cost(**{name: count}) for name, count in sorts.items()}
    assert cost(**sorts) == sum(alone.values())
    assert alone["cache_read_tokens"] < cost(input_tokens=50_000) < alone["cache_read_tokens"] * 100
    assert alone["cache_write_tokens"] > cost(input_tokens=2_000)
    assert all(alone.values())


def test_a_model_may_be_named_with_its_provider() -> None:
    assert list_price(Usage(model=f"anthropic/{KNOWN}", input_tokens=1_000)) == cost(input_tokens=1_000)


@pytest.mark.parametrize("model", ["", "nobody-knows-it", "nobody/knows-it", "/", "a/", "/b"])
def test_an_unknown_model_has_no_price(model: str) -> None:
    assert list_price(Usage(model=model, input_tokens=1)) is None
