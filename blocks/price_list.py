"""List prices of models: the data that genai-prices brings along; nothing is fetched, and no model is named here."""

from __future__ import annotations

from decimal import Decimal

from contracts.agent import Usage


def list_price(usage: Usage) -> Decimal | None:
    """Return what a turn costs by the list, in USD; none: the list does not know its model.

    A model may be named with its provider before a slash.
    """
    # The list takes two seconds to load, and most agents give their own figure.
    from genai_prices import Usage as Counted  # noqa: PLC0415
    from genai_prices import calc_price  # noqa: PLC0415

    cached = usage.cache_read_tokens + usage.cache_write_tokens
    counted = Counted(
        input_tokens=usage.input_tokens + cached,  # the list counts what a cache served as input, too
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cache_read_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    provider, slash, model = usage.model.partition("/")
    for name, of in [(usage.model, None), *([(model, provider)] if slash else [])]:
        try:
            return calc_price(counted, name, provider_id=of).total_price
        except (LookupError, ValueError):
            continue
    return None
