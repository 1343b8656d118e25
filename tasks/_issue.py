"""The issue of a run's work item: read before the work, told how it stands, closed when the work is merged."""

from __future__ import annotations

from prefect import get_run_logger

from blocks.loading import load
from blocks.tracker import Tracker
from contracts.delivery import Delivery, DeliveryStatus
from contracts.errors import DeliveryError, Unavailable
from contracts.journal import Opening
from contracts.kinds import Family
from contracts.redaction import redact
from contracts.tracker import STATE, ending, heard, work_mark
from tasks._effects import perform
from tasks._replay import tries_left


def tracker_of(opening: Opening) -> Tracker:
    """Return the tracker that the policy names."""
    return load(opening.policy.tracker, Tracker)


def with_issue(opening: Opening) -> Opening:
    """Return an opening with the work's issue and what people wrote there; nothing is filed yet.

    Raises:
        Misconfigured: the issue is not there, or one is to be filed and cannot be.
        Unavailable: the tracker did not answer.
    """
    issue = _known(opening) if opening.policy.tracker else ""
    if not issue:
        return opening.model_copy(update={"issue": ""})
    said = heard(tracker_of(opening).conversation(issue), opening.item.description)
    item = opening.item.model_copy(update={"conversation": said})
    return opening.model_copy(update={"item": item, "issue": issue})


def _known(opening: Opening) -> str:
    """The issue that the work is, or that an earlier run or attempt filed for it; empty: there is none."""
    files = any(step.family is Family.TRACKER for step in opening.pipeline.enabled)
    if opening.item.issue or not files:
        return opening.item.issue
    tracker, name = tracker_of(opening), opening.item.repository.name
    tracker.check(name)
    return tracker.find(name, work_mark(opening.item)) or ""


def say(opening: Opening, key: str, text: str, *, ended: bool = False) -> None:
    """Let the one comment on the run's issue say how the work stands, once for a key within the run.

    Args:
        opening: the run; it has an issue.
        key: what the text is about.
        text: Markdown.
        ended: whether the run may have ended.
    """

    def write() -> str:
        tracker_of(opening).update(opening.issue, STATE, redact(text))
        return opening.issue

    perform(opening, key, "update_issue", write, ended=ended)


def settle_issue(opening: Opening, delivery: Delivery) -> None:
    """Tell the run's issue how the run ended, and close it when the change is merged; any other end leaves it open.

    A tracker that does not answer is asked again as often as a task is tried; then the run ends all the same.

    Args:
        opening: the run, with its issue.
        delivery: how it ended.
    """
    if not opening.policy.tracker or not opening.issue or opening.dry_run:
        return
    try:
        end = f"{delivery.attempt}/{delivery.status.value.replace(' ', '-')}"
        say(opening, f"issue/ending/{end}", ending(delivery), ended=True)
        if delivery.status is DeliveryStatus.MERGED:
            perform(opening, "issue/closed", "close_issue", lambda: _close(opening), ended=True)
    except DeliveryError as error:
        if isinstance(error, Unavailable) and tries_left():
            raise
        get_run_logger().warning("%s does not say how the run ended: %s", opening.issue, redact(error.message))


def _close(opening: Opening) -> str:
    tracker_of(opening).close(opening.issue)
    return opening.issue
