"""What a person may choose at a gate, what each choice does, and when it is offered."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from contracts.rules import AskReason


class Choice(StrEnum):
    """What a person may choose, in the words of the form."""

    APPROVE = "approve"
    APPROVE_MINE = "approve my text"
    REQUEST_CHANGES = "request changes"
    REJECT = "reject"
    MERGE = "merge"
    LEAVE_OPEN = "leave open"
    ONE_MORE = "one more round"
    PROCEED = "proceed"
    LET_PASS = "let pass"  # noqa: S105 - a choice, no password
    SEND_BACK = "send back"
    ACCEPT = "accept"
    ANSWER = "answer"
    OTHER = "other"
    STOP = "stop"


DOES: dict[Choice, str] = {
    Choice.APPROVE: "the run goes on with it as it is",
    Choice.APPROVE_MINE: "the comment, as a whole, replaces the proposal, and the run goes on",
    Choice.REQUEST_CHANGES: "it is done again with your comment; this costs none of the automatic rounds",
    Choice.REJECT: "the run ends as rejected and nothing is merged",
    Choice.MERGE: "the pull request is merged now",
    Choice.LEAVE_OPEN: "the run ends and the pull request stays open for somebody to merge",
    Choice.ONE_MORE: "it is tried once more, with your comment",
    Choice.PROCEED: "the run goes on with what is there",
    Choice.LET_PASS: "the changes to the tests are accepted, and the run goes on",
    Choice.SEND_BACK: "the fixer gets the findings and your comment",
    Choice.ACCEPT: "the run ends: nothing needs to be changed",
    Choice.ANSWER: "your answers are worked into the description, which is then reviewed again",
    Choice.OTHER: "your comment is the answer",
    Choice.STOP: "the run ends; branch and journal are kept, and it can be retried",
}
"""What each choice does."""

_ROUNDS = (Choice.ONE_MORE, Choice.PROCEED, Choice.STOP)
OFFERS: dict[AskReason, tuple[Choice, ...]] = {
    AskReason.APPROVAL: (Choice.APPROVE, Choice.APPROVE_MINE, Choice.REQUEST_CHANGES, Choice.REJECT),
    AskReason.BLOCKING_FINDINGS: _ROUNDS,
    AskReason.BUDGET_SPENT: _ROUNDS,
    AskReason.STALLED: _ROUNDS,
    AskReason.TAMPERING: (Choice.SEND_BACK, Choice.LET_PASS, Choice.STOP),
    AskReason.CONFLICT: (Choice.ONE_MORE, Choice.STOP),
    AskReason.MERGE_REVIEW: (Choice.MERGE, Choice.REQUEST_CHANGES, Choice.LEAVE_OPEN, Choice.REJECT),
    AskReason.NO_CHANGE_UNGRADED: (Choice.ACCEPT, Choice.REQUEST_CHANGES, Choice.STOP),
    AskReason.UNSETTLED_REVIEW: (Choice.ANSWER, Choice.PROCEED, Choice.STOP),
    AskReason.REVIEW_CAP: _ROUNDS,
    AskReason.QUESTION: (Choice.OTHER, Choice.STOP),
}
"""What is offered, by the reason why a person is asked."""
ANSWERED = frozenset({AskReason.UNSETTLED_REVIEW, AskReason.REVIEW_CAP})
"""Reasons whose text field holds the answers to findings."""
ADVANCING = frozenset({Choice.APPROVE, Choice.APPROVE_MINE, Choice.MERGE})
"""Choices that need a quorum: what they let through cannot be taken back."""
_GO_ON = (Choice.APPROVE, Choice.MERGE, Choice.PROCEED, Choice.LET_PASS, Choice.ACCEPT)
_GIVE_UP = (Choice.STOP, Choice.LEAVE_OPEN, Choice.REJECT)
NEEDS_COMMENT = {
    Choice.REQUEST_CHANGES: "say in the comment what should change",
    Choice.APPROVE_MINE: "the comment must hold the whole text that replaces the proposal",
    Choice.OTHER: "write your answer in the comment",
}
"""Choices that mean nothing without words, and what to say then."""


def offered(reason: AskReason, options: list[str], *, redo: bool, text: bool) -> list[str]:
    """Return what may be chosen.

    Args:
        reason: why a person is asked.
        options: an agent's own options, for its question; one that reads like a choice of ours is marked as an answer.
        redo: whether there is a step that can be done again.
        text: whether a text is decided on, which a person may replace.
    """
    choices = [one for one in OFFERS[reason] if redo or one not in (Choice.REQUEST_CHANGES, Choice.ONE_MORE)]
    kept = [one for one in choices if text or one is not Choice.APPROVE_MINE]
    answers = [f"{Choice.ANSWER}: {one}" if one.casefold() in set(Choice) else one for one in options]
    return [*answers, *(str(one) for one in kept)]


def due_choice(choices: list[str], action: Literal["stop", "advance"]) -> str:
    """Return what the policy chooses when nobody did; what it cannot choose by itself ends the run."""
    wanted = _GO_ON if action == "advance" else ()
    return next(choice for choice in (*wanted, *_GIVE_UP) if choice in choices)
