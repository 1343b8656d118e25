"""What turns may cost: caps, and what each turn reserves of them, so that runs at once cannot overshoot together."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from contracts.errors import Refused
from contracts.failure import FailureKind
from contracts.policy import Policy

CURRENCY = "USD"
"""Currency of budgets; a turn that is priced in another one counts to none."""
LITTLE = 5
"""Fewest turns or runs whose cost says something about the next one."""
_NINE_OF_TEN = 0.9
Ordered = TypeVar("Ordered", Decimal, float)


class Scope(StrEnum):
    """What a cap is for; months are those of the calendar in UTC."""

    RUN = "run"
    REPOSITORY = "repository"
    INSTALLATION = "installation"


FIELDS = {
    Scope.RUN: "run_budget",
    Scope.REPOSITORY: "repository_budget",
    Scope.INSTALLATION: "installation_budget",
}
"""Field of the policy with each cap."""
_SAID = {
    Scope.RUN: "the run has cost",
    Scope.REPOSITORY: "the repository has cost this month",
    Scope.INSTALLATION: "the installation has cost this month",
}


class Drawn(NamedTuple):
    """What is gone of a cap, in USD.

    Args:
        spent: cost of the turns that ended.
        reserved: what turns of other runs that are going on may cost.
    """

    spent: Decimal
    reserved: Decimal


class Caps(BaseModel):
    """What turns may cost, in USD, as a policy says it."""

    model_config = ConfigDict(frozen=True)

    most: dict[Scope, Decimal] = Field(description="Cap of each scope that has one.")
    guess: Decimal = Field(description="What a turn may cost while its kind has little history.")

    @classmethod
    def of(cls, policy: Policy) -> Caps:
        """Return the caps of a policy."""
        fields = {scope: getattr(policy, field) for scope, field in FIELDS.items()}
        most = {scope: Decimal(str(value)) for scope, value in fields.items() if value is not None}
        return cls(most=most, guess=Decimal(str(policy.turn_reserve)))

    def amount(self, history: Sequence[Decimal]) -> Decimal:
        """Return what a turn reserves: what nine of ten turns of its kind cost at most, or the guess.

        A guess is never more than a cap, because nobody knows that the first turn will not fit.

        Args:
            history: what turns of the kind have cost.
        """
        if len(history) >= LITTLE:
            return percentile(history, _NINE_OF_TEN)
        return min([self.guess, *self.most.values()])

    def over(self, drawn: Mapping[Scope, Drawn], amount: Decimal) -> Over | None:
        """Return the first cap that a turn would break; none: it may be taken.

        Args:
            drawn: what is gone of each cap.
            amount: what the turn reserves.
        """
        for scope, most in self.most.items():
            gone = sum(drawn[scope], Decimal(0))
            if gone >= most or gone + amount > most:
                return Over(scope, most, drawn[scope], amount)
        return None


class Over(NamedTuple):
    """A cap that leaves no room for a turn; amounts in USD.

    Args:
        scope: what the cap is for.
        most: the cap.
        drawn: what is gone of it.
        amount: what the turn would reserve.
    """

    scope: Scope
    most: Decimal
    drawn: Drawn
    amount: Decimal

    @property
    def message(self) -> str:
        """What stands in the way, in words."""
        spent, reserved = self.drawn
        held = f", {reserved:.2f} are reserved by turns that are going on" if reserved else ""
        wanted = f" and the next turn may cost {self.amount:.2f}" if spent + reserved < self.most else ""
        return (
            f"{_SAID[self.scope]} {spent:.2f} of {self.most:.2f} {CURRENCY}{held}{wanted}; "
            f"raise {FIELDS[self.scope]!r} in its policy"
        )

    def refusal(self, until: datetime | None) -> Refused:
        """Return the error of kind BUDGET.

        Args:
            until: when the run looks again by itself; none: it cannot.
        """
        then = "then it goes on by itself" if until is not None else "then retry it"
        return Refused(f"{self.message}, {then}", kind=FailureKind.BUDGET, until=until)


def percentile(values: Sequence[Ordered], share: float) -> Ordered:
    """Return the smallest value that at least this share of all values does not exceed; values must not be empty."""
    ordered = sorted(values)
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def month_of(at: datetime) -> tuple[datetime, datetime]:
    """Return the beginning of the calendar month of an aware time, and that of the next month, both in UTC."""
    utc = at.astimezone(UTC)
    begin = datetime(utc.year, utc.month, 1, tzinfo=UTC)
    return begin, datetime(utc.year + utc.month // 12, utc.month % 12 + 1, 1, tzinfo=UTC)
