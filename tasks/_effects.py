"""An effect in the outside world: intend, look whether it is there already, do, confirm."""

from __future__ import annotations

from collections.abc import Callable

from blocks.ledger import Ledger
from blocks.loading import load
from contracts.journal import Opening


def perform(
    opening: Opening, key: str, what: str, do: Callable[[], str], look_up: Callable[[], str | None] | None = None
) -> str:
    """Make an effect once and return its result, whatever died in between.

    Args:
        opening: the run.
        key: natural key within the run.
        what: what is done, such as open_pull_request.
        do: makes the effect; returns what identifies it.
        look_up: finds an effect whose confirmation was lost with a process; none: `do` looks by itself.
    """
    ledger = load(opening.policy.ledger, Ledger)
    full = f"{opening.run}/{key}"
    effect = ledger.effect(full)
    if effect is not None and effect.result is not None:
        return effect.result
    if effect is None:
        ledger.intend(full, opening.run, what, opening.item.repository.name)
    result = (look_up() if effect is not None and look_up is not None else None) or do()
    ledger.confirm(full, result)
    return result
