"""The finished change is assessed, and merged when the decision says so."""

from __future__ import annotations

from typing import Any

from blocks.workspace import Workspace
from contracts.change import protected
from contracts.delivery import Outcome
from contracts.errors import Refused
from contracts.merger import Assessment, read_assessment
from contracts.redaction import redact
from contracts.visit import Visit
from tasks._checkout import forge_of, hand_over, open_checkout, open_pull_request
from tasks._effects import perform
from tasks._replay import journaled
from tasks._turn import Session, build_turn


def _read(data: dict[str, Any] | None) -> Assessment:
    found = read_assessment(data)
    if found is None:
        raise ValueError("the answer holds no JSON object")
    return found


@journaled("merger")
def assess(visit: Visit) -> Outcome:
    """Let an agent assess the diff, beside what is measured of it."""
    session = Session(visit)
    workspace = open_checkout(visit)
    position = visit.position
    place = hand_over(visit, workspace, writable=False, finished=session.stays(workspace, writable=False))
    turn = build_turn(visit, place, workspace.diff(position.base, position.head))
    assessment, reply = session.ask_for(turn, _read)
    diff = workspace.measure(position.base, position.head)
    data = {
        **assessment.model_dump(mode="json"),
        "diff": diff.model_dump(mode="json"),
        "protected": protected(diff, visit.opening.policy.protected),
        "stat": diff.stat(),
    }
    tree = workspace.git.tree_of(position.head)
    return session.outcome(output=redact(reply.text or assessment.rationale), data=data, tree=tree)


@journaled("merge")
def merge(visit: Visit) -> Outcome:
    """Merge the pull request and see that the base holds the head.

    The outcome's `merged` is true, or false with the reason: the base moved, or the forge leaves it to a person.
    """
    session = Session(visit)
    forge, opening = forge_of(visit.opening), visit.opening
    name, head = opening.item.repository.name, visit.position.head
    workspace = open_checkout(visit, fetch=True)
    found = open_pull_request(opening, head)
    if found.base != opening.item.base:
        reason = f"the pull request goes to {found.base!r} and not to {opening.item.base!r}, which was looked at"
        return _ended(session, found.url, reason=reason)
    if found.state != "merged":
        state = forge.mergeability(name, found.number)
        if state.state == "blocked":
            return _ended(session, found.url, reason=state.reason)
        if not workspace.git.is_ancestor(workspace.remote_tip(opening.item.base), head):
            return _ended(session, found.url, moved=True, reason=f"{opening.item.base!r} moved meanwhile")

    def act() -> str:
        message = f"{redact(opening.item.title)} (#{found.number})\n\nDelivery-Run: {opening.run}\n"
        return forge.merge(name, found.number, head, message).merge_commit

    try:
        commit = perform(opening, f"merge/{found.number}/{head}", "merge", act)
    except Refused as error:
        open_checkout(visit, fetch=True)
        moved = not workspace.git.is_ancestor(workspace.remote_tip(opening.item.base), head)
        return _ended(session, found.url, moved=moved, reason=error.message)
    open_checkout(visit, fetch=True)
    if not _holds(workspace, workspace.remote_tip(opening.item.base), head, commit):
        return _ended(
            session, found.url, reason=f"the pull request was merged without {head[:12]}, the run's last commit"
        )
    return _ended(session, found.url, merged=True, commit=commit)


def _holds(workspace: Workspace, tip: str, head: str, commit: str) -> bool:
    """Whether the base has the head in it, or, of a forge that makes new commits of it, one with its very change."""
    git = workspace.git
    if git.is_ancestor(head, tip):
        return True
    landed = git.commit_of(commit) if commit else ""
    if not landed or not git.is_ancestor(landed, tip):
        return False
    tree = git.tree_of(landed)
    return tree == git.tree_of(head) or tree == workspace.merge(git.commit_of(f"{landed}^"), head).tree


def _ended(
    session: Session, url: str, *, merged: bool = False, moved: bool = False, reason: str = "", commit: str = ""
) -> Outcome:
    data = {"merged": merged, "moved": moved, "reason": reason, "pull_request": url}
    return session.outcome(output=reason or f"merged as {commit[:12]}", data=data, commit=commit)
