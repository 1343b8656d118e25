"""A gate: what a person is asked, what each choice does, and which answers count."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import Field

from contracts.agent import Decision, Frozen
from contracts.answers import Answer, form, read_answers
from contracts.choices import ADVANCING, ANSWERED, DOES, NEEDS_COMMENT, Choice
from contracts.markdown import plain
from contracts.policy import Policy
from contracts.redaction import redact
from contracts.review import Finding
from contracts.rules import AskReason

MARK = " · "
"""Stands between a choice and the name of its gate in a form, so that a form of an older gate is refused."""
ANSWER = "answer"
"""What the ledger calls an answer that is on its way to its gate."""
BY_POLICY = "policy"
"""Channel of a decision that the policy made, because it was due."""
SLACK = "slack"
"""Channel of an answer that was given in Slack, which proves who gave it."""
MOST_TITLE = 300
"""Longest question that stands in the form as a whole, in characters; the gate's page holds all of it."""
MOST_COMMENT = 20_000
"""Longest comment or text, in characters."""
Standing = Literal["counted", "late", "duplicate", "unauthorised", "void", "expired", "unreadable"]


class Question(Frozen):
    """What a gate asks."""

    gate: str = Field(description="Name of the gate: step and number of the ask, such as 'architect-companion 1'.")
    step: str = Field(description="Id of the step at which the run waits.")
    target: str = Field(default="", description="Id of the step whose output is decided on; empty: the same.")
    reason: AskReason = Field(description="Why a person is asked.")
    message: str = Field(description="What must be decided, in one or two sentences.")
    choices: list[str] = Field(description="What may be chosen, in the order of the form.")
    findings: list[Finding] = Field(default_factory=list[Finding], description="Findings to answer or dismiss.")
    typed: str = Field(default="", description="Text of an answer that could not be read, so that nothing is lost.")
    again: str = Field(default="", description="Why it is asked again.")
    subject: str = Field(default="", description="What a decision is bound to: tree:<sha> or text:<sha256>.")
    approved: list[str] = Field(default_factory=list[str], description="Who has approved this subject already.")
    persons: list[str] = Field(default_factory=list[str], description="The same people as their channels know them.")

    @property
    def answers_findings(self) -> bool:
        """Whether the text field holds answers to findings instead of a comment."""
        return self.reason in ANSWERED and bool(self.findings)

    def form(self) -> str:
        """Return the prefilled text by which findings are answered."""
        return form(self.findings)

    @property
    def title(self) -> str:
        """What is asked, as one line of plain text; findings, which are listed with their details, are left out."""
        words = self.message.partition(": ")[0] if self.answers_findings else self.message
        return plain(redact(words), MOST_TITLE)

    @property
    def wordy(self) -> list[str]:
        """The choices that do not count without words."""
        return [choice for choice in self.choices if choice in NEEDS_COMMENT]

    def does(self, choice: str) -> str:
        """Return what a choice does."""
        return DOES[Choice(choice)] if choice in set(Choice) else "this is the answer to the agent's question"

    def label(self, choice: str) -> str:
        """Return a choice as the form shows it."""
        return f"{choice}{MARK}{self.gate}"


class Given(Frozen):
    """An answer as it came in."""

    decision: str = Field(description="The chosen value of the form, with or without the gate's name.")
    text: str = Field(default="", description="Comment, replacing text or answers to findings.")
    who: str = Field(default="", description="Who answered.")
    proven: bool = Field(default=False, description="Whether the channel proves who answered; else it is stated.")
    channel: str = Field(default="prefect", description="Where it was answered.")
    at: datetime = Field(description="When, UTC.")
    identities: list[str] = Field(
        default_factory=list[str],
        description="Ids by which the channel that proves a person knows them: their own first, then their groups.",
    )

    @property
    def person(self) -> str:
        """The person under a name that does not change where the channel proves it, else the stated one."""
        return self.identities[0] if self.proven and self.identities else self.who.strip()

    @property
    def digest(self) -> str:
        """An identity of what was said and by whom."""
        said = json.dumps([self.decision, self.text, self.who])
        return hashlib.sha256(said.encode()).hexdigest()[:16]


class Judged(Frozen):
    """Whether an answer counts."""

    standing: Standing = Field(description="counted, or why it changes nothing.")
    choice: str = Field(default="", description="What was chosen.")
    why: str = Field(default="", description="Why it changes nothing, in words for the person.")
    answers: list[Answer] = Field(default_factory=list[Answer], description="Answers to findings.")
    complete: bool = Field(default=True, description="False: it counts, and more people must say the same.")


def judge(question: Question, given: Given, policy: Policy) -> Judged:
    """Return whether an answer counts; the first objection decides.

    An answer of nobody, of somebody whom the policy does not name, or one that cannot be read changes nothing, and
    the person is told why.
    """
    choice = given.decision.rpartition(MARK)[0] or given.decision
    who = given.who.strip()
    if choice not in question.choices:
        wanted = ", ".join(map(repr, question.choices))
        return Judged(standing="unreadable", why=f"{choice!r} is not offered here; choose one of {wanted}")
    if not who:
        return Judged(standing="unreadable", choice=choice, why="say who you are")
    if not may_answer(given, policy):
        return Judged(standing="unauthorised", choice=choice, why=f"{who!r} is not one of the policy's approvers")
    before = {name.casefold() for name in (*question.approved, *question.persons)}
    if choice in ADVANCING and before & {who.casefold(), given.person.casefold()}:
        return Judged(standing="duplicate", choice=choice, why=f"{who!r} has approved this already")
    return _read(question, choice, given, policy)


def may_answer(given: Given, policy: Policy) -> bool:
    """Return whether the policy lets somebody answer where they did.

    A name is enough in the form only: in Slack everybody chooses their own, so there the proven ids are looked at.
    Where the policy names people for one of the two places alone, nobody may answer in the other.
    """
    if given.channel == BY_POLICY or not (policy.approvers or policy.slack_approvers):
        return True
    if given.channel == SLACK:
        return given.proven and bool({*given.identities} & {*policy.slack_approvers})
    return bool(policy.approvers) and is_approver(given.who, policy.approvers)


def is_approver(who: str, approvers: list[str]) -> bool:
    """Return whether somebody's answer counts; no names let anybody answer."""
    return not approvers or who.strip().casefold() in {name.strip().casefold() for name in approvers}


def _read(question: Question, choice: str, given: Given, policy: Policy) -> Judged:
    text = given.text.strip()
    if len(text) > MOST_COMMENT:
        return Judged(standing="unreadable", choice=choice, why=f"the text is longer than {MOST_COMMENT:,} characters")
    if choice in NEEDS_COMMENT and not text:
        return Judged(standing="unreadable", choice=choice, why=NEEDS_COMMENT[Choice(choice)])
    if question.answers_findings and choice in (Choice.ANSWER, Choice.ONE_MORE):
        try:
            answers = read_answers(given.text, question.findings)
        except ValueError as error:
            return Judged(standing="unreadable", choice=choice, why=str(error))
        return Judged(standing="counted", choice=choice, answers=answers)
    alone = choice not in ADVANCING or given.channel == BY_POLICY
    missing = 0 if alone else policy.quorum - len(question.approved) - 1
    return Judged(standing="counted", choice=choice, complete=missing <= 0)


def approves(data: Mapping[str, Any]) -> bool:
    """Whether a decision is an approval or a merge that counted, with everybody whom it needed."""
    return data["standing"] == "counted" and data["complete"] and data["choice"] in ADVANCING


def void(data: Mapping[str, Any], subject: str, policy: Policy, now: datetime) -> str:
    """Return why an approval does not hold any more, or an empty text.

    Args:
        data: the decision.
        subject: what would be let through now.
        policy: the policy that the run obeys now.
        now: time at which it would be let through, UTC.
    """
    who, given = data["who"], datetime.fromisoformat(data["at"])
    if data["subject"].startswith("tree:") and data["subject"] != subject:
        return f"the change has moved since {who!r} approved it, so the approval is void"
    if data["policy"] != policy.digest:
        return f"the policy has changed since {who!r} approved, so the approval is void"
    if policy.approval_hours and now - given > timedelta(hours=policy.approval_hours):
        return f"the approval of {who!r} is older than {policy.approval_hours:g} hours"
    return ""


def subject(tree: str, text: str) -> str:
    """Return what a decision is bound to: the tree where there is a change, else the text that was shown."""
    return f"tree:{tree}" if tree else f"text:{hashlib.sha256(text.encode()).hexdigest()}"


def pause_key(step: str, number: int) -> str:
    """Return the part of Prefect's pause key that names a gate: lowercase letters, digits and dashes only."""
    return f"{step.replace('.', '-')}-gate-{number}"


def decisions_of(data: Mapping[str, Any]) -> list[Decision]:
    """Return what those who work on are told of a gate: answers to findings, an answer to a question, a comment."""
    if data["standing"] != "counted":
        return []
    answers = [Answer.model_validate(one) for one in data["answers"]]
    if answers:
        given = [(one.title, one.reason if one.dismissed else one.text) for one in answers]
        words = ["does not matter", ""]
        return [
            Decision(question=title, answer=text or words[not one.dismissed])
            for one, (title, text) in zip(answers, given, strict=True)
        ]
    if data["edited"] or not data["comment"]:
        return [Decision(question=data["message"], answer=data["choice"])]
    return [Decision(question=data["message"], answer=f"{data['choice']}: {data['comment']}")]


def told(data: Mapping[str, Any]) -> str:
    """Return in one line what came of a gate."""
    proof = "" if data.get("proven") else " (stated)"
    who = f" by {data['who']}{proof}" if data.get("who") else ""
    comment = f": {data['comment']}" if data.get("comment") and not data.get("answers") else ""
    if data["standing"] != "counted":
        return f"asked again{who}: {data['why']}"
    return f"{data['choice']}{who}{comment}"
