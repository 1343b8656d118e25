"""What the program of an agent tells while it works, and how its turn ended: decided on evidence, never on its word."""

from __future__ import annotations

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import Any, Literal, NamedTuple

from pydantic import AwareDatetime, Field

from contracts.agent import AgentReply, AgentTrouble, Frozen, Trouble, Usage
from contracts.failure import FailureKind
from contracts.markers import read_markers


class TurnEnding(StrEnum):
    """How a turn ended by what was observed; whether a change was made is seen in the checkout, not here."""

    SUCCESS = "success"
    DENIED = "denied tools"
    LIMIT = "limit reached"
    QUOTA = "quota"
    RATE_LIMITED = "rate limited"
    AUTH = "auth"
    PROVIDER_DOWN = "provider down"
    HUNG = "hung"
    OUT_OF_TIME = "out of time"
    CRASHED = "crashed"
    KILLED = "killed"
    UNKNOWN_SESSION = "unknown session"
    TAKEN_SESSION = "session in use"


_TROUBLES: dict[TurnEnding, Trouble] = {
    TurnEnding.DENIED: FailureKind.AGENT,
    TurnEnding.LIMIT: FailureKind.AGENT,
    TurnEnding.QUOTA: FailureKind.QUOTA,
    TurnEnding.RATE_LIMITED: FailureKind.PROVIDER,
    TurnEnding.AUTH: FailureKind.PROVIDER,
    TurnEnding.PROVIDER_DOWN: FailureKind.PROVIDER,
    TurnEnding.HUNG: FailureKind.STALLED,
    TurnEnding.OUT_OF_TIME: FailureKind.TIMEOUT,
    TurnEnding.CRASHED: FailureKind.AGENT,
    TurnEnding.KILLED: FailureKind.EVICTED,
    TurnEnding.UNKNOWN_SESSION: FailureKind.AGENT,
    TurnEnding.TAKEN_SESSION: FailureKind.AGENT,
}
_MOST_MESSAGE, _MOST_DETAIL = 2_000, 8_000

Forced = Literal["", "wall_clock", "quiet", "output_limit", "killed"]


class Exit(Frozen):
    """How the program's process ended."""

    code: int = Field(description="Exit code; negative signal number when a signal ended it.")
    forced: Forced = Field(default="", description="What ended it by force; empty: it ended by itself.")
    stderr: str = Field(default="", description="Its standard error.")


class Heard(NamedTuple):
    """What one line of a program's output says.

    Args:
        useful: whether it shows progress; a report of a failed request or a retry does not.
        said: what people read in the log; empty: nothing.
        session: the program's own session id, when the line tells it.
        done: how many points of the agent's own plan are done.
        planned: how many it has; 0: it tells of no plan.
        usage: what this process has consumed so far, when the line tells it; it is charged even if the process is lost.
    """

    useful: bool = False
    said: str = ""
    session: str = ""
    done: int = 0
    planned: int = 0
    usage: Usage | None = None


class Ended(Frozen):
    """How a turn ended, and what it gave."""

    ending: TurnEnding = Field(description="How.")
    message: str = Field(default="", description="What happened, in one sentence; empty after a success.")
    detail: str = Field(default="", description="Evidence for a person.")
    text: str = Field(default="", description="The final visible answer.")
    structured: dict[str, Any] | None = Field(default=None, description="The structured output, where it comes apart.")
    usage: Usage = Field(default_factory=Usage, description="What this turn consumed; never a running total.")
    session: str = Field(default="", description="The program's own session id.")
    resets_at: AwareDatetime | None = Field(
        default=None, description="When a quota or rate limit is over; none: unknown."
    )

    def reply(self) -> AgentReply:
        """Return it as the reply of an agent."""
        if self.ending is TurnEnding.SUCCESS:
            spoken = read_markers(self.text)
            return AgentReply(
                text=spoken.text,
                structured=self.structured,
                no_change_needed=spoken.no_change_needed,
                question=spoken.question,
                commit_message=spoken.commit_message,
                usage=self.usage,
                session=self.session,
            )
        said = f"{self.ending}: {self.message}" if self.message else str(self.ending)
        trouble = AgentTrouble(
            kind=_TROUBLES[self.ending],
            message=said[:_MOST_MESSAGE],
            detail=self.detail[-_MOST_DETAIL:],
            resets_at=self.resets_at,
        )
        return AgentReply(text=self.text, trouble=trouble, usage=self.usage, session=self.session)


class Transcript(ABC):
    """Reads the output of one process of one program, line by line, and then judges how the turn ended.

    The lines are the program's own words, shaped by a model and by outside text: a line that cannot be read is no
    progress and no error.
    """

    @abstractmethod
    def hear(self, line: str) -> Heard:
        """Take the next line of standard output."""

    @abstractmethod
    def end(self, process: Exit) -> Ended:
        """Judge the turn, after the last line."""


def forced_ending(process: Exit) -> TurnEnding | None:
    """Return how a process that was ended by force, or died of a signal, ended its turn; none: by itself."""
    known = {
        "wall_clock": TurnEnding.OUT_OF_TIME,
        "quiet": TurnEnding.HUNG,
        "output_limit": TurnEnding.CRASHED,
        "killed": TurnEnding.KILLED,
    }
    return known.get(process.forced)


def added(first: Usage, second: Usage) -> Usage:
    """Return what two processes of one turn consumed together; its cost is known when both costs are."""
    if first == Usage() or second == Usage():
        return second if first == Usage() else first
    known = first.cost is not None and second.cost is not None and first.currency == second.currency
    return Usage(
        model=second.model or first.model,
        input_tokens=first.input_tokens + second.input_tokens,
        output_tokens=first.output_tokens + second.output_tokens,
        cache_read_tokens=first.cache_read_tokens + second.cache_read_tokens,
        cache_write_tokens=first.cache_write_tokens + second.cache_write_tokens,
        cost=(first.cost or 0) + (second.cost or 0) if known else None,
        currency=second.currency,
    )
