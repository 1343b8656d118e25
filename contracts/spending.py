"""What was spent in a month, in groups, as a table and as JSON."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from contracts.budget import month_of
from contracts.errors import Misconfigured

_MONTH = re.compile(r"(\d{4})-(\d{2})")


class Grouping(StrEnum):
    """What turns are grouped by."""

    REPOSITORY = "repository"
    PIPELINE = "pipeline"
    KIND = "kind"
    MODEL = "model"
    CHANGE = "change"


class Spent(BaseModel):
    """What one group of turns has cost in one currency."""

    model_config = ConfigDict(frozen=True)

    group: str = Field(description="Name of the group; of a change its run.")
    title: str = Field(default="", description="Of a merged change its title; else empty.")
    turns: int = Field(description="How many turns.")
    input_tokens: int = Field(description="Tokens read, cached or not.")
    output_tokens: int = Field(description="Tokens written.")
    cost: Decimal = Field(description="What they have cost.")
    currency: str = Field(description="ISO 4217.")
    unpriced: int = Field(description="Turns without a known price, charged by the policy's default.")


class Spending(BaseModel):
    """What was spent in one month."""

    model_config = ConfigDict(frozen=True)

    month: str = Field(description="The month, YYYY-MM, UTC.")
    by: Grouping = Field(description="What the rows are grouped by.")
    rows: list[Spent] = Field(description="The groups, the dearest first.")
    total: list[Spent] = Field(description="Everything, a row for each currency.")
    merged: int = Field(description="Changes that were merged by runs with turns in the month.")

    @property
    def per_change(self) -> dict[str, Decimal]:
        """What everything in the month has cost for each merged change, by currency; empty when none was merged."""
        return {one.currency: one.cost / self.merged for one in self.total} if self.merged else {}

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON; amounts are numbers."""
        rows = [one.model_dump(mode="json") | {"cost": float(one.cost)} for one in self.rows]
        total = [_amounts(one) for one in self.total]
        each = {currency: float(amount) for currency, amount in self.per_change.items()}
        return {
            "month": self.month,
            "by": self.by.value,
            "rows": rows,
            "total": total,
            "merged": self.merged,
            "per_merged_change": each,
        }


def read_month(words: str, now: datetime) -> tuple[datetime, datetime]:
    """Return the beginning and the end of a month.

    Args:
        words: YYYY-MM; empty: the present month.
        now: the present time, aware.

    Raises:
        Misconfigured: it is no month.
    """
    if not words.strip():
        return month_of(now)
    found = _MONTH.fullmatch(words.strip())
    if found is None or not 1 <= int(found[2]) <= 12 or not 1 <= int(found[1]) <= 9998:
        raise Misconfigured(f"{words!r} is no month; write it as YYYY-MM, such as {now:%Y-%m}")
    return month_of(datetime(int(found[1]), int(found[2]), 1, tzinfo=UTC))


def _amounts(one: Spent) -> dict[str, Any]:
    kept = one.model_dump(mode="json", include={"turns", "input_tokens", "output_tokens", "currency", "unpriced"})
    return kept | {"cost": float(one.cost)}


def spending_text(found: Spending) -> str:
    """Return a table with a line for each group, the total, and what a merged change costs."""
    if not found.rows and not found.total:
        return f"{found.month}: no turn was charged"
    named = [_row(one, f"{one.group} {one.title}".strip()) for one in found.rows]
    head = (found.by.value, "turns", "read", "written", "cost", "without a price")
    rows = [head, *named, *(_row(one, "total") for one in found.total)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_line(row, widths) for row in rows]
    changes = f"{found.merged} merged change{'s' * (found.merged != 1)}"
    each = " and ".join(f"{amount:.4f} {currency}" for currency, amount in found.per_change.items())
    foreign = sorted({one.currency for one in found.total} - {"USD"})
    notes = [f"{found.month} (UTC): {changes}{f', everything together {each} for each' if each else ''}"]
    notes += [f"{', '.join(foreign)} counts to no budget"] if foreign else []
    return "\n".join([*lines, "", *notes])


def _row(one: Spent, name: str) -> tuple[str, ...]:
    cost = f"{one.cost:.4f} {one.currency}"
    return name[:60] or "–", str(one.turns), str(one.input_tokens), str(one.output_tokens), cost, str(one.unpriced)


def _line(row: tuple[str, ...], widths: list[int]) -> str:
    name, *numbers = row
    return "  ".join(
        [name.ljust(widths[0]), *(one.rjust(width) for one, width in zip(numbers, widths[1:], strict=True))]
    )
