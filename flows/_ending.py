"""How a run ends: the delivery that its last rule or its last error makes, and the state that says so."""

from __future__ import annotations

import traceback
from datetime import UTC, datetime
from typing import Any, cast

from prefect import get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed

from contracts.delivery import Delivery, DeliveryStatus
from contracts.errors import DeliveryError
from contracts.failure import Failure, FailureKind
from contracts.journal import Opening
from contracts.redaction import redact
from contracts.rules import Ask, Fail, Leave, Rule, Stop
from flows._walk import Walk
from tasks.opening import Request

_ENDS: dict[type[Rule], DeliveryStatus] = {
    Stop: DeliveryStatus.NO_CHANGE_NEEDED,
    Ask: DeliveryStatus.AWAITING_PERSON,
    Fail: DeliveryStatus.FAILED,
}


def ended(request: Request, walk: Walk, rule: Rule) -> Delivery:
    landed = [one for one in walk.timeline if one.kind == "merge" and one.data.get("merged")]
    status = _ENDS.get(type(rule))
    if isinstance(rule, Fail) and rule.kind is FailureKind.CANCELLED:
        status = DeliveryStatus.STOPPED
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


def failed(request: Request, walk: Walk | None, error: Exception) -> Delivery:
    """The run could not find out: whatever is recorded stays, and a retry goes on at the step without an outcome."""
    known = isinstance(error, DeliveryError)
    kind = error.kind if known else FailureKind.UNKNOWN
    message = error.message if known else f"{type(error).__name__}: {error}"
    failure = _failure(walk, kind, message, error.detail if known else "", resumable=True)
    shown = failure.message if known else redact("".join(traceback.format_exception(error)))
    get_run_logger().error("%s", shown)
    update = {"failure": failure, "reason": failure.message}
    status = DeliveryStatus.STOPPED if kind is FailureKind.CANCELLED else DeliveryStatus.FAILED
    return _delivery(request, walk, status).model_copy(update=update)


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
        forecast=opening.forecast if opening else None,
        pull_request=seen[-1] if seen else "",
        base=walk.position.base if walk else "",
        head=walk.position.head if walk else "",
        timeline=walk.timeline if walk else [],
    )


def final_state(delivery: Delivery) -> Delivery:
    """The final state of the flow run, named after the end; Prefect hands the delivery in it to the caller."""
    if delivery.status is DeliveryStatus.STOPPED:
        stopped: State[Delivery] = Cancelled(message=delivery.reason or "stopped")
        return cast(Delivery, stopped)
    if delivery.failure is not None:
        failure = delivery.failure
        where = f" at {failure.step}" if failure.step else ""
        failed: State[Delivery] = Failed(
            message=f"{failure.kind}{where}: {failure.message.rstrip('.')}. {failure.hint}"
        )
        return cast(Delivery, failed)
    name = delivery.status.value.capitalize()
    return cast(Delivery, Completed(name=name, message=delivery.reason or None, data=delivery))
