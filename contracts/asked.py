"""What a gate asks, as a channel must know it to take answers: choices, findings, the proposal."""

from __future__ import annotations

from pydantic import Field

from contracts.agent import Frozen
from contracts.choices import Choice
from contracts.gate import Question
from contracts.redaction import redact, redact_all
from contracts.review import Finding


class Asked(Frozen):
    """The question of one gate; outside text in it is redacted, but for choices, which must be those of the form."""

    gate: str = Field(description="Key of the answer's record, such as <run>/architect.gate/1.")
    name: str = Field(description="Name of the gate: step and number of the ask.")
    title: str = Field(description="What is asked, as one line.")
    choices: list[str] = Field(description="What may be chosen, in the order of the form.")
    does: dict[str, str] = Field(description="Choice → what it does.")
    wordy: list[str] = Field(default_factory=list[str], description="Choices that do not count without words.")
    findings: list[Finding] = Field(default_factory=list[Finding], description="Findings to answer, in order.")
    proposal: str = Field(default="", description="The text that is decided on; empty: no text is.")
    again: str = Field(default="", description="Why it is asked again; empty: it is asked the first time.")

    def told(self) -> Asked:
        """Return what of it goes into messages: everything but the proposal, which is long; choices redacted."""
        return Asked.model_validate(
            self.model_dump()
            | {"proposal": "", "choices": redact_all(self.choices), "wordy": redact_all(self.wordy)}
            | {"does": {redact(choice): effect for choice, effect in self.does.items()}}
        )

    def answers_findings(self, choice: str) -> bool:
        """Whether this choice needs an answer to each finding."""
        return bool(self.findings) and choice in (Choice.ANSWER, Choice.ONE_MORE)


def asked_of(question: Question, key: str, proposal: str) -> Asked:
    """Return what is kept of a question for those who answer outside Prefect's form.

    Args:
        question: the question.
        key: key of the answer's record.
        proposal: the text that is decided on.
    """
    return Asked(
        gate=key,
        name=question.gate,
        title=question.title,
        choices=question.choices,
        does={choice: question.does(choice) for choice in question.choices},
        wordy=question.wordy,
        findings=[_redacted(one) for one in question.findings] if question.answers_findings else [],
        proposal=redact(proposal.strip()),
        again=redact(question.again),
    )


def _redacted(finding: Finding) -> Finding:
    return finding.model_copy(update={"title": redact(finding.title), "detail": redact(finding.detail)})
