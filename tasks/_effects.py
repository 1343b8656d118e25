"""An effect in the outside world: intend, look whether it is there already, do, confirm."""

from __future__ import annotations

from collections.abc import Callable

from blocks.ledger import Ledger
from blocks.loading import load
from contracts.errors import Refused
from contracts.journal import Opening


def perform(
    opening: Opening,
    key: str,
    what: str,
    do: Callable[[], str],
    look_up: Callable[[], str | None] | None = None,
    *,
    ended: bool = False,
) -> str:
    """Make an effect once and return its result, whatever died in between.

    Args:
        opening: the run.
        key: natural key within the run.
        what: what is done, such as open_pull_request.
        do: makes the effect; returns what identifies it.
        look_up: finds an effect whose confirmation was lost with a process; none: `do` looks by itself.
        ended: whether the effect may still be made when the run has ended, such as its report.

    Raises:
        Refused: the run was stopped, or the outside world says no; then nothing is intended any more.
    """
    ledger = load(opening.policy.ledger, Ledger)
    full = f"{opening.run}/{key}"
    effect = ledger.effect(full)
    if effect is not None and effect.result is not None:
        return effect.result
    ledger.intend(full, opening.run, what, opening.item.repository.name, ended=ended)
    try:
        result = (look_up() if effect is not None and look_up is not None else None) or do()
    except Refused:
        ledger.withdraw(full)
        raise
    ledger.confirm(full, result)
    return result
