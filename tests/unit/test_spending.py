from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from contracts.errors import Misconfigured
from contracts.spending import Grouping, Spending, Spent, read_month, spending_text

NOW = datetime(2026, 11, 22, tzinfo=UTC)


def spent(group: str, cost: str, currency: str = "USD", unpriced: int = 0, title: str = "") -> Spent:
    values = {"turns": 3, "input_tokens": 1000, "output_tokens": 20}
    return Spent(group=group, title=title, cost=Decimal(cost), currency=currency, unpriced=unpriced, **values)


def month(*rows: Spent, merged: int = 2) -> Spending:
    total = [spent("all", "3"), spent("all", "1", "EUR")]
    return Spending(month="2026-11", by=Grouping.KIND, rows=list(rows), total=total, merged=merged)


@pytest.mark.parametrize(
    ("words", "begin", "end"),
    [
        ("", (2026, 11), (2026, 12)),
        ("2026-01", (2026, 1), (2026, 2)),
        (" 2025-12 ", (2025, 12), (2026, 1)),
    ],
)
def test_a_month_is_read(words: str, begin: tuple[int, int], end: tuple[int, int]) -> None:
    assert read_month(words, NOW) == (datetime(*begin, 1, tzinfo=UTC), datetime(*end, 1, tzinfo=UTC))


@pytest.mark.parametrize("words", ["2026", "2026-13", "2026-00", "11-2026", "2026-1", "0000-01", "9999-12", "now"])
def test_what_is_no_month_is_refused(words: str) -> None:
    with pytest.raises(Misconfigured, match="is no month; write it as YYYY-MM, such as 2026-11"):
        read_month(words, NOW)


def test_the_table_shows_each_group_the_total_and_what_a_merged_change_costs() -> None:
    text = spending_text(month(spent("coder", "2.5", unpriced=1), spent("reviewer", "0.5")))
    assert text.splitlines() == [
        "kind      turns  read  written        cost  without a price",
        "coder         3  1000       20  2.5000 USD                1",
        "reviewer      3  1000       20  0.5000 USD                0",
        "total         3  1000       20  3.0000 USD                0",
        "total         3  1000       20  1.0000 EUR                0",
        "",
        "2026-11 (UTC): 2 merged changes, everything together 1.5000 USD and 0.5000 EUR for each",
        "EUR counts to no budget",
    ]


def test_a_month_without_turns_and_one_without_changes() -> None:
    empty = Spending(month="2026-11", by=Grouping.KIND, rows=[], total=[], merged=0)
    assert spending_text(empty) == "2026-11: no turn was charged"
    assert "2026-11 (UTC): 0 merged changes" in spending_text(month(merged=0)).splitlines()
    assert month(merged=0).per_change == {}


def test_the_same_as_json() -> None:
    made = month(spent("r1", "2.5", title="Add a cart")).as_json()
    assert made["rows"][0] == {
        "group": "r1",
        "title": "Add a cart",
        "turns": 3,
        "input_tokens": 1000,
        "output_tokens": 20,
        "cost": 2.5,
        "currency": "USD",
        "unpriced": 0,
    }
    assert made["per_merged_change"] == {"USD": 1.5, "EUR": 0.5}
    assert [one["cost"] for one in made["total"]] == [3.0, 1.0]
