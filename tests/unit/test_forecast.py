from __future__ import annotations

from decimal import Decimal

import pytest

from contracts.forecast import Forecast, forecast, told


def costs(*values: float) -> list[Decimal]:
    return [Decimal(str(value)) for value in values]


TEN = costs(*range(1, 11))


@pytest.mark.parametrize(
    ("runs", "kinds", "found"),
    [
        ([], {}, None),
        (TEN[:4], {}, None),
        (TEN, {}, Forecast(p50=5, p90=9, runs=10)),
        (TEN, {"coder": TEN}, Forecast(p50=5, p90=9, runs=10)),
        (costs(0, 0, 0, 0, 0), {}, Forecast(p50=0, p90=0, runs=5)),
        (TEN[:4], {"coder": TEN, "reviewer": costs(*[0.5] * 5)}, Forecast(p50=5.5, p90=9.5)),
        ([], {"coder": TEN, "reviewer": TEN[:4]}, None),
    ],
)
def test_a_run_is_told_from_its_pipeline_else_from_its_kinds(
    runs: list[Decimal], kinds: dict[str, list[Decimal]], found: Forecast | None
) -> None:
    assert forecast(runs, kinds) == found


def test_a_forecast_is_told_in_a_line() -> None:
    assert told(None) == "no history yet"
    assert told(Forecast(p50=0.5, p90=1.25, runs=7)) == "0.50 USD (p50) to 1.25 USD (p90), by 7 runs of this pipeline"
    assert told(Forecast(p50=0.5, p90=1.25)).endswith("by turns of the same kinds")
