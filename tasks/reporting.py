"""The end of a run: its report, its one comment, its issue, its claim given back."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import create_progress_artifact, update_progress_artifact
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import ArtifactCreate
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterKey
from prefect.runtime import flow_run
from pydantic import BaseModel, ConfigDict, Field

from blocks.ledger import Ledger
from blocks.ledger.people import LIVE
from blocks.ledger.tables import Outcome as OutcomeRow
from blocks.loading import load
from contracts import message
from contracts.delivery import Delivery, DeliveryStatus, Outcome
from contracts.errors import DeliveryError, Refused, Unavailable
from contracts.failure import FailureKind
from contracts.journal import Opening, short
from contracts.message import Message
from contracts.redaction import redact
from contracts.report import render
from contracts.tracker import issue_of
from contracts.visit import Position
from tasks._checkout import forge_of, open_pull_request, workspace_of
from tasks._effects import perform
from tasks._issue import settle_issue
from tasks._replay import journaled
from tasks._telling import subject_of, tell
from tasks.admission import wake_next
from tasks.losses import let_go

_WITHOUT_PULL_REQUEST = (DeliveryStatus.FAILED, DeliveryStatus.STOPPED)
MARKER = "<!-- prefect-delivery -->"
"""Sign of the run's comment on its pull request."""


class Closing(BaseModel):
    """What a run ends with; as a visit it has a key and a label."""

    model_config = ConfigDict(frozen=True)

    key: str = Field(description="Key of the ending's record.")
    label: str = Field(description="Name of the task run.")
    opening: Opening | None = Field(description="What the attempt was opened with; none when it was refused.")
    delivery: Delivery = Field(description="How it ended.")


@journaled("ending")
def close_run(visit: Closing) -> Delivery:
    """Open what is left to a person, write the report, and give the claim back."""
    opening, delivery = visit.opening, visit.delivery
    if opening is None:
        if _shown(visit) is None:
            _show(visit, delivery)
        return delivery
    opening = opening.model_copy(update={"issue": issue_of(opening.issue, delivery.timeline)})
    delivery = _settled(opening, delivery)
    perform(opening, _report_of(visit), "report", lambda: _show(visit, delivery), lambda: _shown(visit), ended=True)
    ledger = load(opening.policy.ledger, Ledger)
    ledger.record_outcomes([_row(outcome) for outcome in delivery.timeline if outcome.run == opening.run])
    ledger.release(opening.run)
    let_go(opening)
    wake_next(opening)
    if delivery.pull_request:
        _comment(opening, delivery)
    tell(opening, _message(opening, delivery))
    settle_issue(opening, delivery)
    return delivery


def _settled(opening: Opening, delivery: Delivery) -> Delivery:
    """The delivery with its diff and pull request, or as stopped when a stop came first: the first end stands."""
    position = Position(base=delivery.base, head=delivery.head)
    left = position.changed and not opening.dry_run and delivery.status not in _WITHOUT_PULL_REQUEST
    try:
        url = open_pull_request(opening, delivery.head).url if left else delivery.pull_request
    except Refused as error:
        if error.kind is not FailureKind.CANCELLED:
            raise
        url = delivery.pull_request
    stat = _stat(opening, position) if position.changed else ""
    delivery = delivery.model_copy(update={"pull_request": url, "stat": stat})
    stands = load(opening.policy.ledger, Ledger).end(opening.run, opening.attempt, delivery.status.value)
    if stands == delivery.status.value:
        return delivery
    if stands == LIVE:
        raise Unavailable("a merge of this run is under way, so it cannot end as stopped; retry the run")
    reason = f"the run was {stands} before it came to its own end ({delivery.status.value})"
    return delivery.model_copy(update={"status": DeliveryStatus(stands), "reason": reason, "failure": None})


def _message(opening: Opening, delivery: Delivery) -> Message:
    about = subject_of(opening, delivery.pull_request)
    if delivery.failure is not None and delivery.status is DeliveryStatus.FAILED:
        return message.failed(about, delivery.attempt, delivery.failure)
    return message.delivered(about, delivery.attempt, delivery.status, delivery.reason)


def _stat(opening: Opening, position: Position) -> str:
    """The diff, a line a file; empty when the checkout has lost its commits, as the failure then says."""
    workspace = workspace_of(opening)
    workspace.create()
    held = all(map(workspace.git.commit_of, (position.base, position.head)))
    return workspace.measure(position.base, position.head).stat() if held else ""


def _row(outcome: Outcome) -> OutcomeRow:
    kept = outcome.model_dump(include={"run", "step", "visit", "kind", "status", "seconds", "commit", "tree"})
    return OutcomeRow(at=outcome.started + timedelta(seconds=outcome.seconds), **kept)


def _comment(opening: Opening, delivery: Delivery) -> None:
    """The report on the pull request; a forge that does not take it leaves the run ended all the same."""
    forge, name = forge_of(opening), opening.item.repository.name
    try:
        found = forge.find_pull_request(name, opening.branch)
        if found is not None:
            forge.comment(name, found.number, MARKER, render(delivery))
    except DeliveryError as error:
        get_run_logger().warning("the pull request has no report: %s", redact(error.message))


def artifact_key(run: str, what: str) -> str:
    """Return the key of one of a run's artifacts."""
    return f"delivery-{short(run)}-{what}"


def _report_of(visit: Closing) -> str:
    ended = visit.delivery.status.value.replace(" ", "-")
    return f"report-{visit.delivery.attempt}-{ended}"


def _shown(visit: Closing) -> str | None:
    """The report that a process created before it died, if there is one."""
    return shown_artifact(artifact_key(visit.delivery.run, _report_of(visit)))


def shown_artifact(key: str) -> str | None:
    """Return the id of the artifact of a key, or none when there is none yet."""
    with get_client(sync_client=True) as client:
        found = client.read_artifacts(artifact_filter=ArtifactFilter(key=ArtifactFilterKey(any_=[key])), limit=1)
    return str(found[0].id) if found else None


def _show(visit: Closing, delivery: Delivery) -> str:
    key = artifact_key(visit.delivery.run, _report_of(visit))
    report = ArtifactCreate(
        type="markdown",
        key=key,
        description=redact(delivery.title),
        data=render(delivery),
        flow_run_id=UUID(delivery.run),  # a stop writes it in a flow run of its own
    )
    with get_client(sync_client=True) as client:
        return str(client.create_artifact(report).id)


class Progress:
    """The bar on the run's page, moved at most every two seconds, so that short steps do not pay for it."""

    def __init__(self, title: str, run: str) -> None:
        self._title, self._run = title, run
        self._artifact: object = None
        self._due = 2.0

    def show(self, done: int, total: int, elapsed: float) -> None:
        """Move the bar if it is due.

        Args:
            done: steps that are behind the run.
            total: steps of the pipeline.
            elapsed: seconds since this process took the run up.
        """
        if elapsed < self._due or flow_run.id is None:
            return
        self._due = elapsed + 2.0
        percent = 100 * done / max(total, 1)
        if self._artifact is None:
            key = artifact_key(self._run, "progress")
            self._artifact = create_progress_artifact(percent, key=key, description=self._title)
        else:
            update_progress_artifact(self._artifact, percent)  # type: ignore[arg-type]
