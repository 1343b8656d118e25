"""The interpreter: walks a pipeline, one recorded task per visit, and ends with a delivery.

It is deterministic: run again from the top, it finds every recorded outcome and goes on where none is. A crash, a
retry and a restart from a step are therefore the same thing.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from prefect import get_run_logger
from prefect.runtime import flow_run

from contracts.admission import Held
from contracts.delivery import RESUMABLE, Delivery, Outcome
from contracts.errors import Misconfigured
from contracts.journal import Restart, record_key
from contracts.kinds import KINDS, Family
from contracts.pipeline import Pipeline, Step
from contracts.rules import Advance, Ask, Fail, Help, Land, Leave, Return, Rework, Rule, Stop
from contracts.visit import Visit
from contracts.work import WorkItem
from flows._admission import outdated, room_for, skipped, skips
from flows._consulting import consult
from flows._ending import ended, failed, final_state
from flows._parking import waiting_for_room
from flows._process import charge, made, owned
from flows._rules import decide, decide_landing, merge_review, revision_of
from flows._walk import Walk
from tasks._replay import recall, record
from tasks.agent import run_agent
from tasks.ci import watch_checks
from tasks.companion import grade
from tasks.conflicts import bring_in_base, resolve_conflicts
from tasks.estimate import estimate
from tasks.merger import assess, merge
from tasks.opening import Request, last_ending, open_run
from tasks.reporting import Closing, Progress, close_run
from tasks.review import review
from tasks.tester import verify_change
from tasks.tracker import track
from tasks.workspace import prepare_workspace

_FAMILIES: dict[Family, Callable[[Visit], Outcome]] = {
    Family.PRODUCER: run_agent,
    Family.HELPER: run_agent,
    Family.COMPANION: grade,
    Family.REVIEW: review,
    Family.ESTIMATOR: estimate,
    Family.TESTER: verify_change,
    Family.MERGER: assess,
    Family.TRACKER: track,
}
_KINDS: dict[str, Callable[[Visit], Outcome]] = {
    "workspace": prepare_workspace,
    "conflicts": bring_in_base,
    "conflict-resolver": resolve_conflicts,
    "ci": watch_checks,
    "merge": merge,
}


def deliver(pipeline: Pipeline, item: WorkItem, policy: str, restart_from: Restart, dry_run: bool) -> Delivery:
    """Carry a work item through a pipeline and end the flow run with a state that says how.

    Args:
        pipeline: the steps.
        item: the work item.
        policy: reference of the policy's block.
        restart_from: whose outcomes are kept; a fresh run by default.
        dry_run: everything but effects outside.
    """
    run = str(flow_run.id)
    with owned(run):
        attempts, ending = last_ending(run)
        if ending is not None and ending.status not in RESUMABLE:
            return final_state(ending)
        if reason := outdated():
            return skipped(reason)
        attempt = attempts + 1
        request = Request(
            key=record_key(run, "opening", attempt),
            label=f"opening {attempt}",
            run=run,
            attempt=attempt,
            item=item,
            pipeline=pipeline,
            policy=policy,
            restart=restart_from,
            dry_run=dry_run,
        )
        try:
            return final_state(_deliver(request))
        except Held as error:
            return skipped(error.message)


def _deliver(request: Request) -> Delivery:
    walk: Walk | None = None
    try:
        with room_for(request):
            walk = Walk(record(open_run, request))
        rule = _walk_through(walk)
        delivery = ended(request, walk, rule)
    except Exception as error:
        if skips(error):
            raise
        delivery = failed(request, walk, error)
    closing = Closing(
        key=record_key(request.run, "ending", request.attempt),
        label=f"ending {request.attempt}",
        opening=walk.opening if walk else None,
        delivery=delivery,
    )
    return record(close_run, closing)


def _walk_through(walk: Walk) -> Rule:
    """Visit steps until a rule ends the run; return that rule."""
    walk.keep([_kept(key) for key in walk.opening.kept.values()])
    if walk.opening.pipeline.touches_repository and "workspace" not in walk.opening.kept:
        _visit(walk, Step(kind="workspace", id="workspace"))
    progress, begun = Progress(walk.opening.item.title, walk.opening.run), time.monotonic()
    rule: Rule = Advance()
    while not walk.finished:
        progress.show(walk.index, len(walk.steps), time.monotonic() - begun)
        if walk.skip(walk.step):
            get_run_logger().info("%s is skipped: the estimate does not call for it", walk.step.id)
            walk.index += 1
            continue
        rule = _act(walk, decide(walk, _visit(walk, walk.step)))
        if isinstance(rule, Ask | Stop | Leave | Fail):
            return rule
    return rule


def _kept(key: str) -> Outcome:
    outcome = recall(key)
    if outcome is None:
        raise Misconfigured(
            f"the journal has lost {key!r}; restore it from a backup or restart from the step before it"
        )
    return outcome


def _visit(walk: Walk, step: Step) -> Outcome:
    visit = walk.begin(step)
    task = _KINDS.get(step.kind) or _FAMILIES[KINDS[step.kind].family]
    with waiting_for_room(visit):
        charge(walk, visit)
        outcome = made(task, visit)
    walk.add(outcome)
    return outcome


def _act(walk: Walk, rule: Rule) -> Rule:
    """Do what a rule says; return the rule that holds after it."""
    match rule:
        case Advance():
            walk.index += 1
        case Rework(to, revision):
            walk.revisions[to] = revision
            walk.go_to(to)
        case Return(to, note):
            get_run_logger().info("back to %s: %s", to, note)
            walk.go_to(to)
        case Help(helper):
            _help(walk, rule, Step(kind=helper, id=f"{walk.step.id}.{helper}"))
        case Land():
            landed = _visit(walk, Step(kind="merge", id=f"{walk.step.id}.merge"))
            return _act(walk, decide_landing(walk, landed))
        case Ask() if walk.opening.policy.attended:
            return _act(walk, consult(walk, rule))
        case Leave(decides=True) if walk.opening.policy.attended:
            return _act(walk, consult(walk, merge_review(walk, rule)))
        case _:
            pass
    return rule


def _help(walk: Walk, rule: Help, helper: Step) -> None:
    if not walk.opening.policy.agent(helper.kind):
        raise Misconfigured(f"no agent does {helper.kind!r}; add it, or 'default', to the policy's agents")
    walk.revisions[helper.id] = revision_of(walk, rule)
    _visit(walk, helper)
