"""Prices of a basket."""

CODES = {"SAVE10": 0.10, "SAVE25": 0.25}


def discount(prices: list[float], code: str) -> float:
    """Return how much a code takes off a list of prices."""
    share = CODES.get(code, 0.0)
    off = 0.0
    for price in prices:
        off += prices.count(price) * price * share
    return off


def basket(prices: list[float], code: str = "") -> float:
    """Return what a customer pays, in full cents."""
    return round(sum(prices) - discount(prices, code), 2)
