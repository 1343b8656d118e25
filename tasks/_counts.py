"""How many turns of each visit are in the ledger: read once while a process walks a run, for nobody else adds any."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from contextlib import contextmanager

from blocks.ledger import Ledger

Visits = Counter[tuple[str, int]]
_walked: dict[str, Visits | None] = {}
"""Run that this process walks → turns of its visits, or none as long as nobody has asked."""


@contextmanager
def counting(run: str) -> Generator[None]:
    """Remember the turns of a run for the time of the block, in which no other process takes any."""
    _walked[run] = None
    try:
        yield
    finally:
        del _walked[run]


def turns_of(ledger: Ledger, run: str, step: str, visit: int) -> int:
    """Return how many turns of a visit are recorded."""
    known = _walked.get(run)
    if known is None:
        known = ledger.turns_of(run)
        if run in _walked:
            _walked[run] = known
    return known[step, visit]


def recorded(run: str, step: str, visit: int, turn: int) -> None:
    """Take note of a turn that the ledger has kept."""
    known = _walked.get(run)
    if known is not None:
        known[step, visit] = max(known[step, visit], turn)
