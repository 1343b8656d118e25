"""What a companion's verdict means for the step that it graded."""

from __future__ import annotations

import hashlib
import re
from typing import Any, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from contracts.agent import Comment, Revision, as_object
from contracts.rules import Advance, Ask, AskReason, Rework

SAME_RATING = 0.01
"""A rating that moved by no more than this has not moved."""
_SEVERITIES = ("blocker", "major", "minor")


class Verdict(BaseModel):
    """How a companion graded a producer's result."""

    model_config = ConfigDict(frozen=True)

    rating: float = Field(ge=0, le=1, description="0: useless, 1: nothing to improve.")
    summary: str = Field(default="", description="The grade in words.")
    comments: list[Comment] = Field(default_factory=list[Comment], description="Remarks, worst first.")

    @field_validator("rating", mode="before")
    @classmethod
    def _finite_number(cls, value: Any) -> Any:
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise ValueError("rating must be a finite number from 0 to 1")
        return value

    @field_validator("comments", mode="before")
    @classmethod
    def _known_severity(cls, value: Any) -> Any:
        return [_with_severity(one) for one in cast(list[Any], value)] if isinstance(value, list) else value

    def has(self, *severities: str) -> bool:
        """Whether any comment has one of the severities."""
        return any(comment.severity in severities for comment in self.comments)


def _with_severity(comment: Any) -> Any:
    """A severity that is not known weighs as major: it must not pass for a trifle."""
    fields = as_object(comment)
    if fields is None:
        return comment
    known = {key: fields[key] for key in ("severity", "body", "file", "line") if key in fields}
    severity = str(known.get("severity")).strip().lower()
    return {**known, "severity": severity if severity in _SEVERITIES else "major"}


def read_verdict(data: dict[str, Any] | None) -> Verdict:
    """Return the verdict; raise ValueError with the reason when it is unreadable. Nothing is filled in."""
    if data is None:
        raise ValueError("the answer holds no JSON object")
    try:
        return Verdict.model_validate(data)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()[:5])
        raise ValueError(problems) from error


class Round(BaseModel):
    """One graded round: what was graded, and how."""

    model_config = ConfigDict(frozen=True)

    verdict: Verdict = Field(description="The grade.")
    text: str = Field(default="", description="The graded output as text.")
    tree: str = Field(default="", description="Tree sha of the graded checkout; empty for text producers.")


def fingerprint(comment: Comment) -> str:
    """Return an identity of a remark that survives moved lines, case and white space."""
    body = re.sub(r"\W+", " ", comment.body.casefold()).strip()
    return hashlib.sha256(f"{comment.severity}|{comment.file}|{body}".encode()).hexdigest()[:16]


def stalled(rounds: list[Round]) -> str:
    """Return why another round would not help, or an empty text.

    The last round repeats an earlier tree, or repeats the text while the rating stands still, or brings only
    remarks that were made before.
    """
    if len(rounds) < 2:
        return ""
    last, earlier = rounds[-1], rounds[:-1]
    if last.tree and any(last.tree == one.tree for one in earlier):
        return "the change is the same as in an earlier round"
    previous = earlier[-1]
    moved = round(abs(last.verdict.rating - previous.verdict.rating), 6)
    if not last.tree and _flat(last.text) == _flat(previous.text) and moved <= SAME_RATING:
        return "the text and its rating did not change"
    known = {fingerprint(comment) for one in earlier for comment in one.verdict.comments}
    new = {fingerprint(comment) for comment in last.verdict.comments}
    if new and new <= known:
        return "the grader only repeats remarks of earlier rounds"
    return ""


def _flat(text: str) -> str:
    return " ".join(text.split())


def decide(rounds: list[Round], budget: int, threshold: float, producer: str) -> Advance | Rework | Ask:
    """Return what the last round means.

    Args:
        rounds: every graded round of this attempt, the last one now; never empty.
        budget: how many reworks the policy grants.
        threshold: rating that passes.
        producer: id of the graded step.

    The order matters: a blocker outweighs every rating; the first verdict with a remark above minor is acted on
    even when it passes; a loop that stands still goes to a person with its budget unspent.
    """
    last = rounds[-1].verdict
    left = len(rounds) - 1 < budget
    blocked = last.has("blocker")
    eager = len(rounds) == 1 and left and last.has("blocker", "major")
    if not blocked and not eager and last.rating >= threshold:
        return Advance(f"rated {last.rating:.2f}")
    rework = Rework(producer, Revision(previous=rounds[-1].text, feedback=last.summary, comments=last.comments))
    if not left:
        reason = AskReason.BLOCKING_FINDINGS if blocked else AskReason.BUDGET_SPENT
        message = f"{producer!r} is rated {last.rating:.2f} after {len(rounds) - 1} reworks: {last.summary}"
        return Ask(reason, message, again=rework, target=producer)
    stall = stalled(rounds)
    if stall:
        message = f"reworking {producer!r} stands still: {stall}; rated {last.rating:.2f}"
        return Ask(AskReason.STALLED, message, again=rework, target=producer)
    return rework
