"""Reviews of a pull request, and which of them the run has to act on."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.ci import Check
from contracts.markdown import fenced, plain

MOST_TEXT = 8_000
"""Longest text of one review that a fixer is given."""
_DECISIVE = frozenset({"approved", "changes_requested", "dismissed"})


class ReviewComment(BaseModel):
    """What a review says about a line."""

    model_config = ConfigDict(frozen=True)

    path: str = Field(description="The file.")
    line: int | None = Field(default=None, description="The line; none: the whole file, or a line that is gone.")
    body: str = Field(description="What is said.")


class Review(BaseModel):
    """One review of a pull request."""

    model_config = ConfigDict(frozen=True)

    author: str = Field(description="Who wrote it; empty: somebody whose account is gone.")
    bot: bool = Field(description="Whether a program wrote it.")
    insider: bool = Field(description="Whether the author belongs to the repository; anybody may review a public one.")
    state: Literal["approved", "changes_requested", "commented", "dismissed"] = Field(description="What it says.")
    body: str = Field(default="", description="What is said about the whole.")
    comments: list[ReviewComment] = Field(default=[], description="What is said about lines and not settled yet.")
    submitted_at: datetime = Field(description="When it was given.")
    commit: str = Field(description="The head that was looked at.")


def objections(reviews: list[Review]) -> list[Review]:
    """Return the change requests that stand: the last decisive review of each person of the repository.

    A comment takes no objection back; an approval and a dismissal do. Programs and strangers cannot object.

    Args:
        reviews: all reviews of the pull request, in any order.
    """
    ordered = sorted((one for one in reviews if one.state in _DECISIVE), key=lambda one: one.submitted_at)
    last = {one.author: one for one in ordered if one.insider and not one.bot}
    return [one for one in last.values() if one.state == "changes_requested"]


def change_requests(reviews: list[Review], head: str) -> list[Check]:
    """Return the objections to a commit as red checks, so that the same helper acts on them as on a failed check.

    What was said is fenced: it is evidence, and no instruction that stands above the run's own.

    Args:
        reviews: all reviews of the pull request.
        head: the commit; an objection to an older one has been acted on, and its author must look again.
    """
    return [
        Check(
            name=f"review by {plain(one.author)}",
            status="completed",
            conclusion="changes_requested",
            summary=_told(one),
        )
        for one in objections(reviews)
        if one.commit == head
    ]


def _told(review: Review) -> str:
    places = [f"{one.path}{f':{one.line}' if one.line else ''}: {one.body.strip()}" for one in review.comments]
    text = "\n\n".join(part for part in (review.body.strip(), *places) if part) or "no reason was given"
    return f"{plain(review.author)} requested changes:\n{fenced(text[:MOST_TEXT])}"
