"""A person is asked, and what they answer becomes a record: two tasks, with the wait between them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from prefect.artifacts import create_markdown_artifact
from pydantic import BaseModel, ConfigDict, Field

from blocks.ledger import Ledger
from blocks.ledger.people import Decision as DecisionRow
from blocks.ledger.people import Gate as GateRow
from blocks.loading import load
from contracts import message
from contracts.asked import asked_of
from contracts.change import protected
from contracts.choices import Choice
from contracts.delivery import Delivery, DeliveryStatus, Outcome
from contracts.gate import Given, Judged, Question, judge
from contracts.gate_page import View, above_form, page
from contracts.journal import Opening
from contracts.redaction import redact, redact_all
from contracts.rules import AskReason
from contracts.visit import Visit
from tasks._checkout import workspace_of
from tasks._effects import perform
from tasks._pages import artifact_page, run_page
from tasks._proving import attested
from tasks._replay import journaled
from tasks._telling import correct, subject_of, tell
from tasks.reporting import artifact_key, shown_artifact


class Gate(BaseModel):
    """A question on its way to a person; as a visit it has a key and a label."""

    model_config = ConfigDict(frozen=True)

    key: str = Field(description="Key of the record that the question was asked.")
    label: str = Field(description="Name of the task run.")
    visit: Visit = Field(description="The gate's visit; its key is that of the answer's record.")
    question: Question = Field(description="What is asked.")
    timeline: list[Outcome] = Field(description="What happened so far.")
    tree: str = Field(description="Tree of the change.")


class Opened(BaseModel):
    """A question that people were told of."""

    model_config = ConfigDict(frozen=True)

    description: str = Field(description="Markdown above the choices.")
    at: datetime = Field(description="When it was asked, UTC.")


class Answered(BaseModel):
    """An answer on its way to its record; as a visit it has a key and a label."""

    model_config = ConfigDict(frozen=True)

    key: str = Field(description="Key of the answer's record.")
    label: str = Field(description="Name of the task run.")
    gate: Gate = Field(description="What was asked.")
    opened: Opened = Field(description="When and how it was asked.")
    given: Given | None = Field(description="The answer; none when its record is there.")


@journaled("ask")
def open_gate(visit: Gate) -> Opened:
    """Write the gate's page, tell people once, and note since when the run waits."""
    opening, question, policy = visit.visit.opening, visit.question, visit.visit.opening.policy
    name = visit.visit.key.rpartition("/")[0].rpartition("/")[2].replace(".", "-")
    shown = artifact_key(opening.run, f"{name}-{question.gate.rpartition(' ')[2]}")
    view = _view(visit)
    title = message.shown(f"{question.gate}: {opening.item.title}")

    def write() -> str:
        return str(create_markdown_artifact(page(question, view), key=shown, description=title))

    written = perform(opening, f"page/{question.gate}", "report", write, lambda: shown_artifact(shown))
    view = view.model_copy(update={"page": artifact_page(written)})
    now = datetime.now(UTC)
    asked = asked_of(question, visit.visit.key, _proposal(visit))
    row = GateRow(
        key=visit.visit.key,
        run=opening.run,
        step=question.step,
        reason=redact(question.message),
        title=redact(opening.item.title),
        channel=policy.channel,
        opened_at=now,
        escalate_at=now + timedelta(minutes=policy.escalate_minutes) if policy.escalate_minutes else None,
        due_at=now + timedelta(hours=policy.due_hours) if policy.due_hours else None,
        asked=asked.model_dump_json(),
    )
    load(policy.ledger, Ledger).wait(row)
    about = subject_of(opening, view.delivery.pull_request)
    tell(opening, message.waiting(about, question.gate, question.step, question.message, asked.does, asked.told()))
    return Opened(description=above_form(question, view), at=now)


@journaled("gate")
def settle_gate(visit: Answered) -> Outcome:
    """Judge an answer, keep it in the ledger, and let the message say what came of it."""
    gate, opening = visit.gate, visit.gate.visit.opening
    question, policy = gate.question, opening.policy
    ledger = load(policy.ledger, Ledger)
    given = attested(ledger, visit.key, visit.given)
    judged = judge(question, given, policy)
    data: dict[str, Any] = redact_all(_data(question, given, judged, policy.digest))
    ledger.decide(_row(visit, data, given))
    ledger.settle(visit.key)
    waited = max((given.at - visit.opened.at).total_seconds(), 0.0)
    choice = data["choice"] if judged.standing == "counted" else f"nothing: {data['why']}"
    settlement = message.Settlement(
        who=data["who"] or "nobody",
        proven=given.proven,
        choice=choice or "nothing",
        comment=data["comment"],
        seconds=waited,
    )
    correct(opening, message.settled(subject_of(opening), question.gate, question.step, settlement))
    return _outcome(opening, question, data, visit.opened.at, visit.key)


def _proposal(visit: Gate) -> str:
    """The text that a person may replace; empty: it is none that may be."""
    said = [one.output for one in visit.timeline if one.step == visit.question.target]
    return said[-1] if said and Choice.APPROVE_MINE in visit.question.choices else ""


def _outcome(opening: Opening, question: Question, data: dict[str, Any], opened: datetime, key: str) -> Outcome:
    return Outcome(
        run=opening.run,
        step=f"{question.step}.gate",
        kind="gate",
        visit=int(key.rpartition("/")[2]),
        output=question.message,
        data=data,
        started=opened,
        seconds=max((datetime.fromisoformat(data["at"]) - opened).total_seconds(), 0.0),
    )


def _data(question: Question, given: Given, judged: Judged, policy: str) -> dict[str, Any]:
    """The decision as the journal keeps it."""
    edited = given.text.strip() if judged.choice == Choice.APPROVE_MINE and judged.standing == "counted" else ""
    found = {number: one.fingerprint for number, one in enumerate(question.findings, 1)}
    return {
        "standing": judged.standing,
        "choice": judged.choice,
        "why": judged.why,
        "complete": judged.complete,
        "who": given.who.strip(),
        "proven": given.proven,
        "person": given.person,
        "channel": given.channel,
        "at": given.at.isoformat(),
        "comment": "" if edited or judged.answers else given.text.strip(),
        "text": given.text,
        "edited": edited,
        "answers": [{**one.model_dump(), "fingerprint": found[one.number]} for one in judged.answers],
        "reason": str(question.reason),
        "message": question.message,
        "target": question.target,
        "subject": question.subject,
        "policy": policy,
    }


def _row(visit: Answered, data: dict[str, Any], given: Given) -> DecisionRow:
    hours = visit.gate.visit.opening.policy.approval_hours
    kept = ("who", "proven", "channel", "choice", "comment", "edited", "subject", "policy", "standing")
    return DecisionRow(
        key=f"{visit.key}/answer",
        gate=visit.key,
        run=visit.gate.visit.opening.run,
        step=visit.gate.question.step,
        at=given.at,
        expires_at=given.at + timedelta(hours=hours) if hours else None,
        **{name: data[name] for name in kept},
    )


def _view(visit: Gate) -> View:
    """The run as it stands; what cannot be measured without the forge is measured when the forge answers."""
    opening, position = visit.visit.opening, visit.visit.position
    seen = [one.data["pull_request"] for one in visit.timeline if "pull_request" in one.data]
    diff = None
    if position.changed:
        workspace = workspace_of(opening)
        workspace.create()
        held = all(map(workspace.git.commit_of, (position.base, position.head)))
        diff = workspace.measure(position.base, position.head) if held else None
    delivery = Delivery(
        run=opening.run,
        attempt=opening.attempt,
        title=opening.item.title,
        repository=opening.item.repository.name,
        pipeline=opening.pipeline.name,
        status=DeliveryStatus.AWAITING_PERSON,
        branch=opening.branch,
        pull_request=seen[-1] if seen else "",
        base=position.base,
        head=position.head,
        stat=diff.stat() if diff else "",
        timeline=visit.timeline,
    )
    return View(
        delivery=delivery,
        diff=diff,
        protected=protected(diff, opening.policy.protected) if diff else [],
        tree=visit.tree,
        link=run_page(opening.run),
    )


class Voided(BaseModel):
    """A question that nobody will answer any more; as a visit it has a key and a label."""

    model_config = ConfigDict(frozen=True)

    key: str = Field(description="Key of the answer's record.")
    label: str = Field(description="Name of the task run.")
    opening: Opening = Field(description="The run.")
    gate: GateRow = Field(description="What was asked.")
    why: str = Field(description="Why nobody will answer.")


@journaled("gate")
def void_gate(visit: Voided) -> Outcome:
    """Settle a question without an answer; when the run goes on, it is asked again."""
    row, opening, now = visit.gate, visit.opening, datetime.now(UTC)
    question = Question(
        gate=f"{row.step} {row.key.rpartition('/')[2]}",
        step=row.step,
        target=row.step,
        reason=AskReason.APPROVAL,
        message=row.reason,
        choices=[],
    )
    waited = max((now - row.opened_at).total_seconds(), 0.0)
    settlement = message.Settlement(who="nobody", proven=True, choice=f"nothing: {visit.why}", seconds=waited)
    correct(opening, message.settled(subject_of(opening), question.gate, row.step, settlement))
    load(opening.policy.ledger, Ledger).settle(row.key)
    judged = Judged(standing="void", why=visit.why)
    data = _data(question, Given(decision="", at=now), judged, opening.policy.digest)
    return _outcome(opening, question, data, row.opened_at, visit.key)
