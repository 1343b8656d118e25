"""What every kind of turn works with."""

from __future__ import annotations

from dataclasses import dataclass

from .checkout import Checkout
from .findings import Ruff
from .turn import Turn


@dataclass(frozen=True)
class Work:
    """One turn, the checkout that it is about, and ruff as it looks at that checkout."""

    turn: Turn
    checkout: Checkout
    ruff: Ruff
