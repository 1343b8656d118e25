"""An effect in the outside world: intend, look whether it is there already, do, confirm."""

from __future__ import annotations

from collections.abc import Callable

from blocks.ledger import Ledger
from blocks.loading import load
from contracts.journal import Opening


def perform(opening: Opening, key: str, what: str, do: Callable[[], str]) -> str:
    """Make an effect once and return its result, whatever died in between.

    Args:
        opening: the run.
        key: natural key within the run.
        what: what is done, such as open_pull_request.
        do: makes the effect after looking whether it is there already; returns what identifies it.
    """
    ledger = load(opening.policy.ledger, Ledger)
    full = f"{opening.run}/{key}"
    effect = ledger.intend(full, opening.run, what, opening.item.repository.name)
    if effect.result is not None:
        return effect.result
    result = do()
    ledger.confirm(full, result)
    return result
