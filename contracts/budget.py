"""What a run may cost."""

from __future__ import annotations

from contracts.errors import Refused
from contracts.failure import FailureKind

CURRENCY = "USD"
"""Currency of budgets; a turn that is priced in another one counts to none."""


def check_budget(spent: dict[str, float], most: float | None) -> None:
    """Refuse another turn of a run that has cost what it may.

    Args:
        spent: what its turns have cost, by currency.
        most: what they may cost; none: any amount.

    Raises:
        Refused: of kind BUDGET.
    """
    cost = spent.get(CURRENCY, 0.0)
    if most is not None and cost >= most:
        raise Refused(
            f"the run has cost {cost:.2f} of {most:.2f} {CURRENCY}; raise 'run_budget' in its policy, then retry it",
            kind=FailureKind.BUDGET,
        )
