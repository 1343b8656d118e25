"""What a turn is charged: the agent's own figure, else a list price, else the policy's default, which is flagged."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from contracts.agent import Usage
from contracts.budget import CURRENCY

MOST = Decimal(1_000_000_000)
"""Most that one turn is charged: whatever it claims beyond that is a mistake, and no reason to lose the turn."""
_MILLION = Decimal(1_000_000)


class Price(NamedTuple):
    """What a turn is charged.

    Args:
        cost: amount.
        currency: ISO 4217.
        priced: false: nobody knows the price, and the default was charged.
    """

    cost: Decimal
    currency: str
    priced: bool


def price(usage: Usage, listed: Callable[[Usage], Decimal | None], default: float) -> Price:
    """Return what a turn is charged.

    Args:
        usage: what it consumed.
        listed: looks a price up in USD; none: the model is not known there. It is only asked without a cost.
        default: USD for a million tokens of any sort when nobody knows the price.
    """
    if usage.cost is not None:
        return Price(min(Decimal(str(usage.cost)), MOST), usage.currency, priced=True)
    known = listed(usage) if usage.model and tokens(usage) else None
    if known is not None:
        return Price(min(known, MOST), CURRENCY, priced=True)
    return Price(min(tokens(usage) * Decimal(str(default)) / _MILLION, MOST), CURRENCY, priced=False)


def tokens(usage: Usage) -> int:
    """Return how many tokens of any sort a turn consumed."""
    return usage.input_tokens + usage.output_tokens + usage.cache_read_tokens + usage.cache_write_tokens


def charged(usage: Usage, made: Price) -> Usage:
    """Return the usage with what it is charged."""
    return usage.model_copy(update={"cost": float(made.cost), "currency": made.currency})
