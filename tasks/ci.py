"""The checks of the branch are waited for and judged."""

from __future__ import annotations

import time

from contracts.ci import Check, aggregate
from contracts.delivery import Outcome
from contracts.pull_review import change_requests
from contracts.redaction import redact
from contracts.visit import Visit
from contracts.watch import Probe
from tasks._checkout import forge_of, open_checkout, open_pull_request
from tasks._replay import journaled
from tasks._turn import Session

_FIRST_SECONDS, _LAST_SECONDS = 1.0, 30.0
"""A gate asks again after one second, then ever later, at most every half a minute."""


@journaled("ci")
def watch_checks(visit: Visit) -> Outcome:
    """Open the pull request, wait until its checks have ended or the policy's time is over, and judge them."""
    session = Session(visit)
    workspace = open_checkout(visit)
    tree = workspace.git.tree_of(visit.position.head)
    if visit.opening.dry_run:
        probe = Probe(state="pass", summary="a dry run opens no pull request, so it has no checks")
        return session.outcome(output=probe.summary, data=probe.model_dump(mode="json"), tree=tree)
    opened = open_pull_request(visit.opening, visit.position.head, draft=True)
    probe = _settle(visit, opened.number)
    if probe.state == "pass":
        forge_of(visit.opening).mark_ready(visit.opening.item.repository.name, opened.number)
    data = {**probe.model_dump(mode="json"), "pull_request": opened.url, "evidence": redact(probe.evidence)}
    return session.outcome(output=probe.summary, data=data, tree=tree)


def _settle(visit: Visit, number: int) -> Probe:
    policy = visit.opening.policy
    required = _required(visit)
    begun, pause = time.monotonic(), _FIRST_SECONDS
    while True:
        waited = time.monotonic() - begun
        checks = _seen(visit, number)
        probe = aggregate(checks, required, settled=waited >= policy.settle_seconds)
        if probe.state != "pending" or waited >= policy.wait_minutes * 60:
            return probe
        until_settled = policy.settle_seconds - waited
        time.sleep(min(pause, until_settled) if until_settled > 0 and not checks else pause)
        pause = min(pause * 2, _LAST_SECONDS)


def _required(visit: Visit) -> list[str]:
    """What the policy wants to see, and what the forge demands before it merges."""
    item = visit.opening.item
    demanded = forge_of(visit.opening).required_checks(item.repository.name, item.base)
    return sorted({*visit.opening.policy.required_checks, *demanded})


def _seen(visit: Visit, number: int) -> list[Check]:
    """The checks of the head, and a red one for each person who requested changes to it."""
    forge, name, head = forge_of(visit.opening), visit.opening.item.repository.name, visit.position.head
    return [*forge.checks(name, head), *change_requests(forge.reviews(name, number), head)]
