"""What a delivery starts: rules applied to a payload; what stands in it becomes text of a work item, nothing else."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from contracts.intake.payload import find, is_path, plain_text
from contracts.intake.trigger import Item, Rules, TriggerRule
from contracts.intake.webhook import Source
from contracts.work import Repository, WorkItem

_LONGEST = {"title": 200, "key": 200, "description": 100_000}
_MOST = 50
_REASON = 1_000


@dataclass(frozen=True)
class Arrival:
    """A verified delivery.

    Args:
        source: who sent it.
        delivery: the sender's id of it.
        event: what happened, in the sender's word; empty: the payload's `type` says.
        payload: what it says.
    """

    source: Source
    delivery: str
    event: str
    payload: dict[str, Any]

    @property
    def happened(self) -> tuple[str, str]:
        """The event, and the event with its action."""
        event = self.event or plain_text(self.payload.get("type"))
        action = plain_text(self.payload.get("action"))
        return event, f"{event}.{action}" if action else event


@dataclass(frozen=True)
class Start:
    """A run that is to be started.

    Args:
        rule: name of the rule.
        deployment: what is started.
        item: the work item.
        policy: reference of the policy.
        key: idempotency key of the run.
        scope: what shares the limit; empty: there is none.
        limit: how many runs of the scope may live; none: no limit.
        queues: whether the delivery waits when they do; else it is refused.
    """

    rule: str
    deployment: str
    item: WorkItem
    policy: str
    key: str
    scope: str
    limit: int | None
    queues: bool

    @property
    def parameters(self) -> dict[str, Any]:
        """Parameters of the flow run."""
        return {"item": self.item.model_dump(mode="json"), "policy": self.policy}


@dataclass(frozen=True)
class NoRule:
    """Nothing is started.

    Args:
        reason: why, in words.
        broken: a rule fits, but what stands in the payload makes no work item.
    """

    reason: str
    broken: bool = False


class _NoItem(ValueError):
    pass


def decide(rules: Rules, delivery: Arrival) -> list[Start] | NoRule:
    """Return what a delivery starts, each deployment once for one work item, or why it starts nothing."""
    if _acts(delivery, rules.ignore.login) in {_login(one) for one in rules.ignore.own}:
        return NoRule("it is about something that this installation did itself")
    starts: list[Start] = []
    reasons: list[str] = []
    broken = False
    for rule in rules.rules:
        if rule.source is not delivery.source or rule.event not in delivery.happened:
            continue
        if reason := _fails(rule, rules, delivery):
            reasons.append(f"{rule.name}: {reason}")
            continue
        try:
            starts.append(_start(rule, delivery))
        except _NoItem as error:
            broken = True
            reasons.append(f"{rule.name}: {error}")
    if starts:
        return list({(one.deployment, one.item.identity): one for one in reversed(starts)}.values())[::-1]
    event = delivery.happened[1][:100]
    return NoRule("; ".join(reasons)[:_REASON] or f"no rule is about {event!r} of {delivery.source.value}", broken)


def _fails(rule: TriggerRule, rules: Rules, delivery: Arrival) -> str:
    """Why a rule does not fit; empty: it fits."""
    payload = delivery.payload
    if not rule.bots and _is_bot(rules, delivery):
        return "a program caused it"
    failing = [reason for condition in rule.when if (reason := condition.fails(payload))]
    return failing[0] if failing else _labels(rule, payload) or _authors(rule, delivery)


def _is_bot(rules: Rules, delivery: Arrival) -> bool:
    kinds = find(delivery.payload, rules.ignore.type)
    return rules.ignore.bot in kinds or _acts(delivery, rules.ignore.login).endswith("[bot]")


def _labels(rule: TriggerRule, payload: dict[str, Any]) -> str:
    if rule.labels is None:
        return ""
    there = {one for one in find(payload, rule.labels.path) if isinstance(one, str)}
    if rule.labels.any and not there & set(rule.labels.any):
        return f"it has no label {' or '.join(map(repr, rule.labels.any))}"
    barred = sorted(there & set(rule.labels.none))
    return f"it has the label {barred[0]!r}" if barred else ""


def _authors(rule: TriggerRule, delivery: Arrival) -> str:
    if rule.authors is None:
        return ""
    who = next((one for one in find(delivery.payload, rule.authors.login) if isinstance(one, str)), "")
    if who and _login(who) in {_login(one) for one in rule.authors.allow}:
        return ""
    relations = find(delivery.payload, rule.authors.association)
    if any(one in rule.authors.permission for one in relations if isinstance(one, str)):
        return ""
    if not who:
        return f"nobody is named at {rule.authors.login}, and only people whom the rule allows may start work here"
    return f"{who[:60]!r} may not start work here; to let them, name {who[:60]!r} under authors of the rule"


def _acts(delivery: Arrival, path: str) -> str:
    """The name of whoever acts."""
    return next((_login(one) for one in find(delivery.payload, path) if isinstance(one, str)), "")


def _login(name: str) -> str:
    """A name as forges compare it; letters that only become ASCII by folding are left as they are."""
    return name.lower() if name.isascii() else name


def _start(rule: TriggerRule, delivery: Arrival) -> Start:
    item = _item(rule.item, delivery.payload)
    values = {path: find(delivery.payload, path) for path in rule.dedupe}
    if unknown := [path for path, found in values.items() if not found]:
        raise _NoItem(f"nothing stands at {unknown[0]}, which tells deliveries apart")
    same = json.dumps([delivery.source.value, rule.name, values or delivery.delivery], sort_keys=True)
    per, limits = f"{item.repository.forge}:{item.repository.name}", rule.concurrency
    return Start(
        rule=rule.name,
        deployment=rule.deployment,
        item=item,
        policy=rule.policy,
        key=f"{rule.deployment} {rule.name} {hashlib.sha256(same.encode()).hexdigest()[:32]}",
        scope="" if limits is None else f"{rule.name} {per}" if limits.per == "repository" else rule.name,
        limit=limits.limit if limits else None,
        queues=limits is not None and limits.when_full == "queue",
    )


def _item(wanted: Item, payload: dict[str, Any]) -> WorkItem:
    texts: dict[str, str] = {name: _joined(payload, getattr(wanted, name))[:most] for name, most in _LONGEST.items()}
    texts["title"] = " ".join(texts["title"].split())
    if not texts["title"]:
        raise _NoItem(f"the title is empty; it stands at {', '.join(wanted.title)}")
    listed = [value for place in wanted.links for value in _values(payload, place)]
    labels = _values(payload, wanted.labels) if wanted.labels else []
    try:
        repository = Repository(forge=wanted.repository.forge, name=_joined(payload, [wanted.repository.name]))
        return WorkItem(
            repository=repository,
            kind=wanted.kind,
            base=_joined(payload, [wanted.base]),
            links=[one[:2_000] for one in listed][:_MOST],
            labels=[one[:200] for one in labels][:_MOST],
            title=texts["title"],
            key=texts["key"],
            description=texts["description"],
        )
    except ValidationError as error:
        raise _NoItem("; ".join(f"{one['loc'][-1]}: {one['msg']}" for one in error.errors())[:500]) from None


def _joined(payload: dict[str, Any], places: list[str]) -> str:
    return "".join(value for place in places for value in _values(payload, place))


def _values(payload: dict[str, Any], place: str) -> list[str]:
    """The texts that a path finds, or the words themselves."""
    return [plain_text(value) for value in find(payload, place)] if is_path(place) else [place]
