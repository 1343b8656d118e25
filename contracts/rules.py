"""What a rule may decide about a step. The interpreter acts on it and decides nothing by itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from contracts.agent import Revision
from contracts.failure import FailureKind
from contracts.merger import Hold


@dataclass(frozen=True)
class Advance:
    """The step is done; go on."""

    note: str = ""


@dataclass(frozen=True)
class Rework:
    """Do an earlier step again with this revision, then come back."""

    to: str
    revision: Revision


@dataclass(frozen=True)
class Help:
    """Let a helper act on the evidence, then visit the same step again; the helper's claim is not trusted."""

    helper: str
    evidence: str


@dataclass(frozen=True)
class Ask:
    """A person must decide.

    Args:
        reason: why a person is asked.
        message: what must be decided, in one or two sentences.
        then: what follows when the person lets the run go on.
        again: what follows when the person wants it done again; none: it cannot be.
        otherwise: what follows when the person leaves it as it is; none: that is not offered.
        target: id of the step whose output is decided on; empty: the one at which the run stands.
        options: an agent's own answers to its question.
    """

    reason: AskReason
    message: str
    then: Rule = Advance()
    again: Rework | Help | None = None
    otherwise: Rule | None = None
    target: str = ""
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Stop:
    """The run is over and nothing is to be merged, in accord with everybody."""

    message: str


@dataclass(frozen=True)
class Return:
    """Go back to an earlier step, because what it observed no longer holds."""

    to: str
    note: str


@dataclass(frozen=True)
class Land:
    """The change may be merged now."""

    note: str


@dataclass(frozen=True)
class Leave:
    """The pull request stays open; a person merges it, after a decision or just by hand."""

    hold: Hold
    decides: bool = True


@dataclass(frozen=True)
class Fail:
    """The run is over; a person must do something about it."""

    kind: FailureKind
    message: str
    detail: str = ""


class AskReason(StrEnum):
    """Why a person is asked."""

    APPROVAL = "approval"
    BLOCKING_FINDINGS = "blocking_findings"
    BUDGET_SPENT = "budget_spent"
    STALLED = "stalled"
    TAMPERING = "tampering"
    CONFLICT = "conflict"
    MERGE_REVIEW = "merge_review"
    NO_CHANGE_UNGRADED = "no_change_ungraded"
    UNSETTLED_REVIEW = "unsettled_review"
    REVIEW_CAP = "review_cap"
    QUESTION = "question"


Rule = Advance | Rework | Help | Ask | Stop | Return | Land | Leave | Fail
"""Everything that a rule may decide."""
