"""What the installation has spent in a month."""

from __future__ import annotations

from datetime import UTC, datetime

from blocks.ledger import Ledger
from blocks.loading import load
from contracts.spending import Grouping, Spending, read_month
from tasks._overview import LEDGER


def spending(month: str, by: Grouping) -> Spending:
    """Return what a month has cost by the ledger of the installation.

    Args:
        month: YYYY-MM; empty: the present one.
        by: what turns are grouped by.

    Raises:
        Misconfigured: it is no month.
        Unavailable: the ledger did not answer.
    """
    begin, end = read_month(month, datetime.now(UTC))
    return load(LEDGER, Ledger).spending(begin, end, by)
