"""The base is brought into the branch, so that what is tested is what will be merged."""

from __future__ import annotations

from blocks.workspace import Workspace
from contracts.delivery import Outcome
from contracts.errors import AgentFailed, Misconfigured
from contracts.redaction import redact
from contracts.visit import Visit
from contracts.watch import Probe
from tasks._checkout import hand_over, lent, open_checkout, publish
from tasks._replay import journaled
from tasks._turn import Session, build_turn, forgive

_MARKERS = ("<<<<<<< ", ">>>>>>> ")


@journaled("conflicts")
def bring_in_base(visit: Visit) -> Outcome:
    """Merge the base's present tip into the branch when that goes without conflict; else show the conflicts."""
    session = Session(visit)
    workspace = open_checkout(visit, fetch=True)
    head, tip = visit.position.head, _tip(visit, workspace)
    if workspace.git.is_ancestor(tip, head):
        return _watched(session, Probe(state="pass", summary="the branch holds the base"), tip=tip)
    merged = workspace.merge(head, tip)
    if merged.conflicts:
        summary = f"{len(merged.conflicts)} files conflict with {visit.opening.item.base!r}"
        return _watched(session, Probe(state="fail", summary=summary, evidence="\n".join(merged.conflicts)), tip=tip)
    commit = workspace.commit(merged.tree, f"Merge {visit.opening.item.base} into {visit.opening.branch}\n", head, tip)
    publish(visit.opening, workspace, commit)
    probe = Probe(state="pass", summary="the base was merged into the branch")
    return _watched(session, probe, tip=tip, base=tip, commit=commit, tree=merged.tree)


@journaled("conflict-resolver")
def resolve_conflicts(visit: Visit) -> Outcome:
    """Let an agent resolve the markers of the merge that the gate saw; markers that stay are a failure."""
    session = Session(visit)
    return forgive(session, lambda: _resolve(session))


def _resolve(session: Session) -> Outcome:
    visit = session.visit
    workspace = open_checkout(visit)
    head, tip = visit.position.head, str(visit.earlier[-1]["tip"])
    merged = workspace.merge(head, tip)
    finished = session.stays(workspace, writable=True)
    place = hand_over(visit, workspace, writable=True, finished=finished)
    if not finished:
        workspace.restore(merged.tree)
        workspace.expose(visit.opening.branch, head, visit.opening.item.base, tip)
    reply = session.ask(build_turn(visit, place, workspace.diff(head, merged.tree)), lent(workspace))
    made = workspace.snapshot(f"Merge {visit.opening.item.base} into {visit.opening.branch}\n", head, tip)
    if made is None:
        raise AgentFailed("the resolver left nothing to commit; it must leave the resolved files in the checkout")
    left = [path for path in merged.conflicts if _marked(workspace.text(made.commit, path))]
    if left:
        raise AgentFailed(f"conflict markers are left in {left[0]!r}; every conflicted file must be resolved")
    publish(visit.opening, workspace, made.commit)
    return session.outcome(output=redact(reply.text), base=tip, commit=made.commit, tree=made.tree)


def _marked(text: str | None) -> bool:
    return any(line.startswith(_MARKERS) for line in (text or "").splitlines())


def _tip(visit: Visit, workspace: Workspace) -> str:
    base = visit.opening.item.base
    tip = workspace.remote_tip(base)
    if not tip:
        raise Misconfigured(f"the base branch {base!r} is gone from the forge; restore it, then retry the run")
    return tip


def _watched(session: Session, probe: Probe, *, tip: str, **fields: str) -> Outcome:
    data = {**probe.model_dump(mode="json"), "tip": tip}
    return session.outcome(output=probe.summary, data=data, **fields)
