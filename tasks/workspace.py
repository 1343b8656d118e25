"""The checkout that a run owns is made from the forge, and removed when the run is long over."""

from __future__ import annotations

from contracts.delivery import Outcome
from contracts.errors import Misconfigured
from contracts.visit import Visit
from tasks._checkout import open_checkout
from tasks._replay import journaled
from tasks._turn import Session
from tasks.reaping import remove_checkouts


@journaled("workspace")
def prepare_workspace(visit: Visit) -> Outcome:
    """Clone the repository for the run; the commit of the base that it finds is where the change begins."""
    session = Session(visit)
    remove_checkouts(visit.opening.policy)
    workspace = open_checkout(visit, fetch=True)
    base = visit.opening.item.base
    tip = workspace.remote_tip(base)
    if not tip:
        raise Misconfigured(f"the forge has no branch {base!r}; correct the work item's base")
    tree = workspace.git.tree_of(tip)
    return session.outcome(output=f"{base} at {tip[:12]}", base=tip, commit=tip, tree=tree)
