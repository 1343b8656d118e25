"""The issue of the work is filed unless there is one, and told that the work is being done."""

from __future__ import annotations

from contracts.delivery import Outcome
from contracts.redaction import redact
from contracts.tracker import entry, progress, run_mark
from contracts.visit import Visit
from tasks._effects import perform
from tasks._issue import say, tracker_of
from tasks._replay import journaled
from tasks._turn import Session


@journaled("tracker")
def track(visit: Visit) -> Outcome:
    """File the issue of a work item that has none, and let its one comment say how the work stands.

    Without a tracker in the policy, and in a dry run, the step is skipped. The outcome's `issue` is the address.
    """
    session, opening = Session(visit), visit.opening
    if not opening.policy.tracker or opening.dry_run:
        why = "a dry run files nothing" if opening.policy.tracker else "the policy names no tracker"
        return session.outcome(status="skipped", output=why)
    filed = not opening.issue
    opening = opening.model_copy(update={"issue": opening.issue or _file(visit)})
    seen = [one.data["pull_request"] for one in visit.prior if one.data.get("pull_request")]
    text = progress(opening.run, opening.pipeline.name, opening.branch, *seen[-1:])
    say(opening, f"issue/{visit.key.removeprefix(f'{opening.run}/')}", text)
    done = "filed" if filed else "told that the work is in progress"
    return session.outcome(output=f"{opening.issue} {done}", data={"issue": opening.issue, "filed": filed})


def _file(visit: Visit) -> str:
    """File the issue, unless a process did so and died before it was recorded."""
    opening = visit.opening
    tracker, name = tracker_of(opening), opening.item.repository.name
    findings = [one.output for one in visit.prior if one.kind == "analysis"]
    made = entry(opening.item, opening.run, *findings[-1:])
    safe = made.model_copy(update={"title": redact(made.title), "text": redact(made.text)})
    return perform(
        opening,
        "issue",
        "file_issue",
        lambda: tracker.file(name, safe),
        lambda: tracker.find(name, run_mark(opening.run), closed=True),
    )
