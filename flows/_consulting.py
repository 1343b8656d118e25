"""A person is consulted: the question that is asked, and the rule that an answer makes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from prefect import get_run_logger

from contracts.answers import Answer
from contracts.choices import ANSWERED, Choice, offered
from contracts.delivery import Outcome
from contracts.failure import FailureKind
from contracts.gate import Question, pause_key, subject
from contracts.kinds import KINDS, Surface
from contracts.pipeline import Step
from contracts.rules import Ask, AskReason, Fail, Help, Rework, Rule
from contracts.visit import Visit
from flows._gate import Wait, wait_for_person
from flows._process import charge
from flows._rules import graded_by, open_findings
from flows._walk import Walk
from tasks._replay import journal, record
from tasks.gate import Answered, Gate, open_gate, settle_gate

_HOLDS = frozenset({Choice.APPROVE, Choice.APPROVE_MINE, Choice.MERGE, Choice.LET_PASS})
"""Choices that hold as long as what they were made about is the same, so that nobody is asked twice about it."""
_AGAIN = frozenset({Choice.REQUEST_CHANGES, Choice.ONE_MORE, Choice.SEND_BACK})
_ENDS = {
    Choice.STOP: (FailureKind.CANCELLED, "stopped the run"),
    Choice.REJECT: (FailureKind.REJECTED, "rejected the work"),
}


def consult(walk: Walk, ask: Ask) -> Rule:
    """Ask until an answer counts, and return what follows from it.

    An answer that cannot be read, that the policy does not accept, or that more people must join is recorded, and the
    question is asked again with the reason.
    """
    step = Step(kind="gate", id=f"{walk.step.id}.gate")
    question = _question(walk, ask)
    held = _held(walk, question)
    if held is not None:
        get_run_logger().info("%s holds: %s by %s", walk.step.id, held["choice"], held["who"])
        return _follow(ask, held)
    while True:
        visit = walk.begin(step)
        charge(walk, visit)
        number = int(visit.key.rpartition("/")[2])
        question = question.model_copy(update={"gate": f"{walk.step.id} {number}"})
        outcome = _answer(walk, visit, number, question)
        walk.add(outcome)
        data = outcome.data
        if data["standing"] == "counted" and data["complete"]:
            return _follow(ask, data)
        question = _again(walk, question, data)


def _answer(walk: Walk, visit: Visit, number: int, question: Question) -> Outcome:
    gate = Gate(
        key=visit.key.replace(f".gate/{number}", f".asked/{number}"),
        label=f"{visit.step.id} {number} asks",
        visit=visit,
        question=question,
        timeline=walk.timeline,
        tree=walk.tree,
    )
    opened = record(open_gate, gate)
    given = None
    if not journal().verify(visit.key):
        key = pause_key(walk.step.id, number)
        given = wait_for_person(Wait(key, question, opened.description, walk.opening.policy.attentive_minutes * 60))
    answered = Answered(key=visit.key, label=visit.label, gate=gate, given=given, opened=opened)
    return record(settle_gate, answered)


def _question(walk: Walk, ask: Ask) -> Question:
    target = ask.target or graded_by(walk)
    latest = walk.latest(target)
    text = latest.output if latest else ""
    inline = KINDS[latest.kind].surface in (Surface.INLINE, Surface.READ) if latest else False
    choices = offered(ask.reason, list(ask.options), redo=ask.again is not None, text=inline)
    return Question(
        gate=walk.step.id,
        step=walk.step.id,
        target=target,
        reason=ask.reason,
        message=ask.message,
        choices=choices,
        findings=open_findings(walk) if ask.reason in ANSWERED else [],
        subject=subject(walk.tree if walk.position.changed else "", text),
    )


def _held(walk: Walk, question: Question) -> dict[str, Any] | None:
    """A decision on exactly this, under this policy, that was made before the run came back here."""
    same = ("reason", "message", "target", "subject")
    policy = walk.opening.policy.digest
    for data in reversed(walk.answered(walk.step.id)):
        holds = data["complete"] and data["choice"] in _HOLDS and data["policy"] == policy
        if holds and all(data[name] == getattr(question, name) for name in same):
            return data
    return None


def _again(walk: Walk, question: Question, data: dict[str, Any]) -> Question:
    if data["standing"] != "counted":
        typed = data["text"] if data["standing"] == "unreadable" else ""
        return question.model_copy(update={"again": data["why"], "typed": typed})
    approved = [*question.approved, data["who"]]
    missing = walk.opening.policy.quorum - len(approved)
    why = f"approved by {', '.join(approved)}; {missing} more must approve"
    persons = [*question.persons, data.get("person") or data["who"]]
    return question.model_copy(update={"approved": approved, "persons": persons, "again": why, "typed": ""})


def _follow(ask: Ask, data: dict[str, Any]) -> Rule:
    """Return the rule that a decision makes."""
    choice, who, comment = data["choice"], data["who"], data["comment"]
    if choice in _ENDS:
        kind, verb = _ENDS[choice]
        return Fail(kind, f"{who} {verb} at {data['target']!r}: {comment or 'no reason given'}")
    if choice == Choice.LEAVE_OPEN:
        return ask.otherwise or ask.then
    if data["answers"]:
        return _worked_in(data["answers"]) or ask.then
    if ask.reason is AskReason.QUESTION:
        words = comment if choice == Choice.OTHER else f"{choice}. {comment}".strip()
        return _with(ask.again, f"{ask.message}\nThe answer of {who}: {words}") or ask.then
    return (_with(ask.again, comment) if choice in _AGAIN else None) or ask.then


def _with(rule: Rework | Help | None, comment: str) -> Rule | None:
    """Add a person's words to what is done again; they come first, because they outweigh a grader's."""
    if isinstance(rule, Rework):
        said = "\n\n".join(part for part in (comment, rule.revision.feedback) if part)
        return replace(rule, revision=rule.revision.model_copy(update={"feedback": said}))
    if isinstance(rule, Help):
        return replace(rule, evidence="\n\n".join(part for part in (comment, rule.evidence) if part))
    return rule


def _worked_in(answers: list[dict[str, Any]]) -> Help | None:
    """Answers are worked into the description; where every finding was dismissed there is nothing to work in."""
    given = [one for one in map(Answer.model_validate, answers) if not one.dismissed]
    if not given:
        return None
    return Help("requirements-writer", "\n\n".join(f"{one.title}\n{one.text}" for one in given))
