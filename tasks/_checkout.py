"""The run's checkout as a step needs it: there, complete, and at the right commit."""

from __future__ import annotations

import secrets

from prefect import get_run_logger

from blocks.forge import Forge, PullRequest, PullRequestOptions
from blocks.loading import load
from blocks.workspace import Workspace
from contracts.agent import Workspace as Place
from contracts.errors import Misconfigured, Unavailable
from contracts.journal import Opening
from contracts.redaction import redact
from contracts.visit import Visit
from tasks._effects import perform

_LENT = "lent"
"""File beside the checkout that names its hand-over; with the folder it is lost, and a reply does not fit any more."""


def forge_of(opening: Opening) -> Forge:
    """Return the forge of the work item."""
    return load(opening.item.repository.forge, Forge)


def workspace_of(opening: Opening) -> Workspace:
    """Return the run's workspace, which need not exist yet."""
    return Workspace(opening.policy.workspaces.expanduser() / opening.run)


def open_checkout(visit: Visit, *, fetch: bool = False) -> Workspace:
    """Return the run's workspace with the visit's commits in it, fetched again when the folder was lost.

    Args:
        visit: the visit; its position says where the change stands.
        fetch: ask the forge for its present branches in any case.

    Raises:
        Misconfigured: a commit of the run is neither here nor in the forge.
    """
    opening = visit.opening
    workspace = workspace_of(opening)
    wanted = [commit for commit in (visit.position.base, visit.position.head) if commit]
    new = workspace.create()
    if new or fetch or not all(map(workspace.git.commit_of, wanted)):
        forge_of(opening).fetch(opening.item.repository.name, workspace.repository)
    lost = [commit for commit in wanted if not workspace.git.commit_of(commit)]
    if lost:
        raise Misconfigured(
            f"commit {lost[0]!r} of branch {opening.branch!r} is neither in the workspace nor in the forge; "
            "restart the run from the step that made it"
        )
    return workspace


def lent(workspace: Workspace) -> str:
    """Return which hand-over the checkout is in; empty: none, or its folder was lost."""
    try:
        return (workspace.home / _LENT).read_text()
    except FileNotFoundError:
        return ""


def hand_over(visit: Visit, workspace: Workspace, *, writable: bool, finished: bool = False) -> Place:
    """Put the checkout at the head and describe it for an agent.

    Args:
        visit: the visit.
        workspace: the checkout.
        writable: whether what the agent changes is kept.
        finished: the agent has done its work already, and the checkout stays as it left it.
    """
    position, opening = visit.position, visit.opening
    if not finished:
        (workspace.home / _LENT).write_text(secrets.token_hex(8))
        workspace.restore(position.head)
        workspace.expose(opening.branch, position.head, opening.item.base, position.base)
    return Place(
        path=str(workspace.tree),
        writable=writable,
        base=opening.item.base,
        base_commit=position.base,
        branch=opening.branch,
    )


def publish(opening: Opening, workspace: Workspace, commit: str) -> None:
    """Push a commit to the run's branch, so that the machine may be lost; a dry run pushes nothing.

    A forge that does not answer costs no paid turn: the commit is kept here, and is pushed before the pull request.
    """
    if opening.dry_run:
        return
    try:
        forge_of(opening).push(opening.item.repository.name, workspace.repository, opening.branch, commit)
    except Unavailable as error:
        get_run_logger().warning("the branch is not pushed yet: %s", redact(error.message))


def open_pull_request(opening: Opening, head: str, *, draft: bool = False) -> PullRequest:
    """Bring the run's branch to `head` in the forge and return its pull request, opened now unless it exists.

    One that is merged with this head is returned as it is.

    Args:
        opening: the run.
        head: commit that the branch must be at.
        draft: whether one that is opened now is a draft, because its checks are still to pass.
    """
    forge, item = forge_of(opening), opening.item
    found = forge.find_pull_request(item.repository.name, opening.branch)
    if found is not None and (found.state, found.head) == ("merged", head):
        return found  # a forge may delete a merged branch, and a push would bring it back
    forge.push(item.repository.name, workspace_of(opening).repository, opening.branch, head)
    body = redact(f"{item.description}\n\n---\nDelivered by run `{opening.run}`.".strip())

    def create() -> str:
        title = redact(item.title)
        options = PullRequestOptions(draft=draft, closes=opening.issue or item.issue)
        return forge.open_pull_request(item.repository.name, opening.branch, item.base, title, body, options).url

    perform(opening, "pull-request", "open_pull_request", create)
    found = forge.find_pull_request(item.repository.name, opening.branch)
    if found is None:
        raise Misconfigured(f"the pull request of branch {opening.branch!r} is gone; restore it or start a new run")
    return found
