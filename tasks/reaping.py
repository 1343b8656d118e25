"""What ended runs left behind is removed: their checkouts, and later their branches."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from blocks.delivery_policy import DeliveryPolicy
from blocks.forge import Forge
from blocks.journal import Journal
from blocks.ledger import Ledger, Run
from blocks.ledger.people import LIVE
from blocks.loading import load
from blocks.sandbox import Sandbox
from blocks.workspace import Workspace
from contracts.delivery import DeliveryStatus
from contracts.errors import DeliveryError, Misconfigured, Refused, Unavailable
from contracts.policy import Policy
from contracts.redaction import redact
from tasks._replay import JOURNAL
from tasks._standing import prefect_client

_MOST_RUNS = 10_000
_NOBODYS = frozenset(
    {
        DeliveryStatus.MERGED.value,
        DeliveryStatus.FAILED.value,
        DeliveryStatus.STOPPED.value,
        DeliveryStatus.NO_CHANGE_NEEDED.value,
    }
)
"""Ends after which nobody waits for the branch; a branch that awaits a merge or a person is theirs."""


class Reaped(NamedTuple):
    """What was removed, and what could not be found out."""

    folders: list[str]
    branches: list[str]
    troubles: list[str]


def reap() -> Reaped:
    """Remove what ended runs left behind and is due by the policies of the installation as they are now.

    A run that lives or waits keeps everything, and so does a branch that another run has taken over.

    Raises:
        Unavailable: Prefect did not answer.
    """
    reaped = Reaped([], [], [])
    for reference in _policies():
        try:
            policy = load(reference, DeliveryPolicy, fresh=True).policy
            _release(policy)
            reaped.folders.extend(remove_checkouts(policy))
            _reap_branches(reference, policy, reaped)
        except DeliveryError as error:
            reaped.troubles.append(f"{reference}: {redact(error.message)}")
    return reaped


def remove_checkouts(policy: Policy) -> list[str]:
    """Remove the checkouts of runs that ended longer ago than the policy keeps them, and return their runs.

    Folders below the policy's `workspaces` that belong to no ended run of its ledger are left alone.
    """
    ledger, home = load(policy.ledger, Ledger), policy.workspaces.expanduser()
    over = ledger.runs(live=False, limit=_MOST_RUNS, unreaped_before=_ago(policy.retention_hours))
    return [row.run for row in over if (home / row.run).is_dir() and _remove(ledger, Workspace(home / row.run), row)]


def _remove(ledger: Ledger, workspace: Workspace, row: Run) -> bool:
    """Remove one checkout, unless a process has taken the run up again."""
    try:
        with load(JOURNAL, Journal).own(row.run, seconds=0):
            if _ended(ledger, row):
                workspace.remove()
    except Unavailable:
        return False
    return not workspace.home.exists()


def _release(policy: Policy) -> None:
    """End what the policy's sandbox still keeps for runs that have ended."""
    ledger, sandbox = load(policy.ledger, Ledger), load(policy.sandbox, Sandbox)
    for run in sandbox.runs():
        row = ledger.run(run)
        with suppress(Unavailable):
            if row is not None and _ended(ledger, row):
                with load(JOURNAL, Journal).own(run, seconds=0):
                    if _ended(ledger, row):
                        sandbox.release(run)


def _reap_branches(reference: str, policy: Policy, reaped: Reaped) -> None:
    ledger = load(policy.ledger, Ledger)
    since = _ago(max(policy.branch_retention_hours, policy.retention_hours))
    left = ledger.runs(live=False, limit=_MOST_RUNS, unreaped_before=datetime.now(UTC))
    owners = _owners([*reversed(left), *reversed(ledger.runs(live=True, limit=_MOST_RUNS))])
    for row in left:
        if row.policy != reference or row.ended_at is None or row.ended_at >= since:
            continue
        try:
            if row.status in _NOBODYS and owners[_branch(row)] == row.run and _delete_branch(ledger, row):
                reaped.branches.append(row.branch)
        except (Refused, Misconfigured) as error:
            reaped.troubles.append(f"the branch {row.branch!r} stays: {redact(error.message)}")
        except Unavailable as error:
            reaped.troubles.append(f"the branch {row.branch!r} stays for now: {redact(error.message)}")
            continue
        if not (policy.workspaces.expanduser() / row.run).exists():
            ledger.reaped(row.run)


def _owners(rows: list[Run]) -> dict[tuple[str, str, str], str]:
    """The run that has each branch now: the one that lives, else the newest; a restart goes on with the old branch.

    Args:
        rows: ended runs, then live ones, each from the oldest to the newest.
    """
    return {_branch(row): row.run for row in rows}


def _branch(row: Run) -> tuple[str, str, str]:
    return row.forge, row.repository, row.branch


def _delete_branch(ledger: Ledger, row: Run) -> bool:
    """Delete a run's branch unless its pull request is open: then a person has it."""
    forge = load(row.forge, Forge)
    pull_request = forge.find_pull_request(row.repository, row.branch)
    if (pull_request is not None and pull_request.state == "open") or not _ended(ledger, row):
        return False
    forge.delete_branch(row.repository, row.branch)
    return True


def _ended(ledger: Ledger, row: Run) -> bool:
    """Whether the run is still over: somebody may have retried it since it was listed."""
    now = ledger.run(row.run)
    return now is not None and now.status != LIVE and now.attempt == row.attempt


def _ago(hours: float) -> datetime:
    return datetime.now(UTC) - timedelta(hours=hours)


def _policies() -> list[str]:
    """References of every policy of the installation."""
    slug = DeliveryPolicy.get_block_type_slug()
    with prefect_client() as client:
        found = client.read_block_documents_by_type(slug, include_secrets=False)
    return sorted(f"{slug}/{one.name}" for one in found if one.name)
