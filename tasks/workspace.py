"""The checkout that a run owns is made from the forge, and removed when the run is long over."""

from __future__ import annotations

import shutil
import time
from pathlib import Path

from contracts.delivery import Outcome
from contracts.errors import Misconfigured
from contracts.visit import Visit
from tasks._checkout import open_checkout
from tasks._replay import journaled
from tasks._turn import Session

ENDED = "ended"
"""Name of the mark in the folder of an ended run; its age decides about the folder."""


@journaled("workspace")
def prepare_workspace(visit: Visit) -> Outcome:
    """Clone the repository for the run; the commit of the base that it finds is where the change begins."""
    session = Session(visit)
    sweep(visit.opening.policy.workspaces.expanduser(), visit.opening.policy.retention_hours)
    workspace = open_checkout(visit, fetch=True)
    base = visit.opening.item.base
    tip = workspace.remote_tip(base)
    if not tip:
        raise Misconfigured(f"the forge has no branch {base!r}; correct the work item's base")
    tree = workspace.git.tree_of(tip)
    return session.outcome(output=f"{base} at {tip[:12]}", base=tip, commit=tip, tree=tree)


def sweep(home: Path, retention_hours: float) -> list[str]:
    """Remove the folders of runs that ended longer ago than the retention; return their names.

    A folder without the mark of an end belongs to a live or waiting run and is left alone.
    """
    oldest = time.time() - retention_hours * 3_600
    ended = [mark for mark in home.glob(f"*/{ENDED}") if mark.stat().st_mtime < oldest]
    for mark in ended:
        shutil.rmtree(mark.parent, ignore_errors=True)
    return sorted(mark.parent.name for mark in ended)
