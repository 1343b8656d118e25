"""The interpreter: walks a pipeline, one recorded task per visit, and ends with a delivery.

It is deterministic: run again from the top, it finds every recorded outcome and goes on where none is. A crash, a
retry and a restart from a step are therefore the same thing.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, cast

from prefect import get_run_logger
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Completed, Failed

from contracts.delivery import Delivery, DeliveryStatus, Outcome
from contracts.errors import DeliveryError, Misconfigured, Unavailable
from contracts.failure import Failure, FailureKind
from contracts.journal import Opening, Restart, record_key
from contracts.kinds import KINDS, Family
from contracts.pipeline import Pipeline, Step
from contracts.redaction import redact
from contracts.rules import Advance, Ask, Fail, Help, Land, Leave, Return, Rework, Rule, Stop
from contracts.visit import Visit
from contracts.work import WorkItem
from flows._rules import decide, decide_landing, revision_of
from flows._walk import Walk
from tasks._replay import journal, recall
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
from tasks.workspace import prepare_workspace

_FAMILIES: dict[Family, Callable[[Visit], Outcome]] = {
    Family.PRODUCER: run_agent,
    Family.HELPER: run_agent,
    Family.COMPANION: grade,
    Family.REVIEW: review,
    Family.ESTIMATOR: estimate,
    Family.TESTER: verify_change,
    Family.MERGER: assess,
}
_KINDS: dict[str, Callable[[Visit], Outcome]] = {
    "workspace": prepare_workspace,
    "conflicts": bring_in_base,
    "conflict-resolver": resolve_conflicts,
    "ci": watch_checks,
    "merge": merge,
}
_ENDS: dict[type[Rule], DeliveryStatus] = {
    Stop: DeliveryStatus.NO_CHANGE_NEEDED,
    Ask: DeliveryStatus.AWAITING_PERSON,
    Fail: DeliveryStatus.FAILED,
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
    ended, ending = last_ending(run)
    if ending is not None and ending.status is not DeliveryStatus.FAILED:
        return _state(ending)
    attempt = ended + 1
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
    return _state(_deliver(request))


def _deliver(request: Request) -> Delivery:
    walk: Walk | None = None
    try:
        walk = Walk(_recorded(open_run, request))
        rule = _walk_through(walk)
        delivery = _ended(request, walk, rule)
    except Exception as error:  # noqa: BLE001 - the one place that fails a run, whatever went wrong
        delivery = _failed(request, walk, error)
    closing = Closing(
        key=record_key(request.run, "ending", request.attempt),
        label=f"ending {request.attempt}",
        opening=walk.opening if walk else None,
        delivery=delivery,
    )
    return _recorded(close_run, closing)


def _recorded(task: Callable[[Any], Any], visit: Any) -> Any:
    """Run a task unless the journal holds its outcome; a damaged or a missing record stops the run.

    Prefect goes on when a result could not be written; here that would repeat a paid turn after the next crash.
    """
    journal().verify(visit.key)
    outcome = task(visit)
    if not journal().holds(visit.key):
        raise Unavailable(f"the journal did not keep {visit.key!r}; check the disk of its folder, then retry the run")
    return outcome


def _walk_through(walk: Walk) -> Rule:
    """Visit steps until a rule ends the run; return that rule."""
    walk.keep([recall(key) for key in walk.opening.kept.values()])
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


def _visit(walk: Walk, step: Step) -> Outcome:
    visit = walk.begin(step)
    task = _KINDS.get(step.kind) or _FAMILIES[KINDS[step.kind].family]
    outcome = _recorded(task, visit)
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
        case _:
            pass
    return rule


def _help(walk: Walk, rule: Help, helper: Step) -> None:
    if not walk.opening.policy.agent(helper.kind):
        raise Misconfigured(f"no agent does {helper.kind!r}; add it, or 'default', to the policy's agents")
    walk.revisions[helper.id] = revision_of(walk, rule)
    _visit(walk, helper)


def _ended(request: Request, walk: Walk, rule: Rule) -> Delivery:
    landed = [one for one in walk.timeline if one.kind == "merge" and one.data.get("merged")]
    status = _ENDS.get(type(rule))
    if isinstance(rule, Leave):
        status = DeliveryStatus.AWAITING_PERSON if rule.decides else DeliveryStatus.AWAITING_MERGE
    if status is None:
        left = DeliveryStatus.AWAITING_MERGE if walk.position.changed else DeliveryStatus.DONE
        status = DeliveryStatus.MERGED if landed else left
    update: dict[str, Any] = {"merge_commit": landed[-1].commit} if landed else {}
    if isinstance(rule, Leave):
        update |= {"hold": rule.hold, "reason": rule.hold.message}
    if isinstance(rule, Stop | Ask | Fail):
        update["reason"] = redact(rule.message)
    if isinstance(rule, Fail):
        update["failure"] = _failure(walk, rule.kind, rule.message, rule.detail, resumable=False)
    return _delivery(request, walk, status).model_copy(update=update)


def _failed(request: Request, walk: Walk | None, error: Exception) -> Delivery:
    """The run could not find out: whatever is recorded stays, and a retry goes on at the step without an outcome."""
    known = isinstance(error, DeliveryError)
    kind = error.kind if known else FailureKind.UNKNOWN
    message = error.message if known else f"{type(error).__name__}: {error}"
    failure = _failure(walk, kind, message, error.detail if known else "", resumable=True)
    get_run_logger().error("%s", failure.message, exc_info=None if known else error)
    update = {"failure": failure, "reason": failure.message}
    return _delivery(request, walk, DeliveryStatus.FAILED).model_copy(update=update)


def _failure(walk: Walk | None, kind: FailureKind, message: str, detail: str, *, resumable: bool) -> Failure:
    return Failure(
        kind=kind,
        message=redact(message),
        detail=redact(detail)[:8_000],
        step=walk.step.id if walk and not walk.finished else "",
        resumable=resumable,
        at=datetime.now(UTC),
    )


def _delivery(request: Request, walk: Walk | None, status: DeliveryStatus) -> Delivery:
    opening: Opening | None = walk.opening if walk else None
    seen = [one.data["pull_request"] for one in walk.timeline if "pull_request" in one.data] if walk else []
    return Delivery(
        run=request.run,
        attempt=request.attempt,
        title=opening.item.title if opening else request.item.title,
        repository=(opening.item if opening else request.item).repository.name,
        pipeline=(opening.pipeline if opening else request.pipeline).name,
        status=status,
        branch=opening.branch if opening else "",
        pull_request=seen[-1] if seen else "",
        base=walk.position.base if walk else "",
        head=walk.position.head if walk else "",
        timeline=walk.timeline if walk else [],
    )


def _state(delivery: Delivery) -> Delivery:
    """The final state of the flow run, named after the end; Prefect hands the delivery in it to the caller."""
    if delivery.failure is not None:
        failure = delivery.failure
        where = f" at {failure.step}" if failure.step else ""
        failed: State[Delivery] = Failed(
            message=f"{failure.kind}{where}: {failure.message.rstrip('.')}. {failure.hint}"
        )
        return cast(Delivery, failed)
    name = delivery.status.value.capitalize()
    return cast(Delivery, Completed(name=name, message=delivery.reason or None, data=delivery))
