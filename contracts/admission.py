"""Who is let in: how many runs may live on a repository, of all pipelines together and of each, and who waits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from contracts.errors import Refused


class Held(Refused):
    """Another live run holds the same work item."""


class Full(Refused):
    """A limit of live runs is reached; `until` is set when the run may wait for room."""


class Ceiling(BaseModel):
    """How many runs may live on one repository; one that waits for a person, a budget or a quota lives."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    shared: int | None = Field(default=None, ge=0, description="Most runs of all pipelines together; none: no limit.")
    kinds: dict[str, int] = Field(default={}, description="Most runs of a pipeline, by its name; others: no limit.")
    queues: bool = Field(default=False, description="Whether a run waits when there is no room; else it is refused.")
    look_minutes: float = Field(default=15, gt=0, description="How often a run that waits looks whether there is room.")

    @property
    def look(self) -> timedelta:
        """Time between two looks; whoever has not looked for twice as long is passed by those behind it."""
        return timedelta(minutes=self.look_minutes)


class Refusal(NamedTuple):
    """Why there is no room.

    Args:
        living: runs that live, or wait in front.
        limit: how many there may be.
        kind: pipeline whose limit it is; empty: the limit of the whole repository.
    """

    living: int
    limit: int
    kind: str


def refuses(kind: str, live: Sequence[str], ahead: Sequence[str], ceiling: Ceiling) -> Refusal | None:
    """Return why a run finds no room, or none when it is let in.

    Those who wait in front of it and could be let in now are let in first; those who could not, because their own
    pipeline has reached its limit, keep nobody waiting.

    Args:
        kind: pipeline of the run.
        live: pipelines of the runs that live on the repository.
        ahead: pipelines of those that wait, in the order in which they asked.
        ceiling: the limits.
    """
    inside = list(live)
    for waiting in ahead:
        if _refusal(waiting, inside, ceiling) is None:
            inside.append(waiting)
    return _refusal(kind, inside, ceiling)


def _refusal(kind: str, inside: list[str], ceiling: Ceiling) -> Refusal | None:
    if ceiling.shared is not None and len(inside) >= ceiling.shared:
        return Refusal(len(inside), ceiling.shared, "")
    limit = ceiling.kinds.get(kind)
    if limit is not None and inside.count(kind) >= limit:
        return Refusal(inside.count(kind), limit, kind)
    return None


def said(repository: str, refusal: Refusal, ceiling: Ceiling) -> str:
    """Return the refusal in a sentence that says what to do."""
    runs = f"live runs of {refusal.kind!r}" if refusal.kind else "live runs"
    fact = f"the repository {repository!r} has {refusal.living} {runs} and the limit is {refusal.limit}"
    if ceiling.queues:
        return (
            f"{fact}; this run waits for room and begins by itself: end another one, or raise the limit in the policy"
        )
    return f"{fact}; wait until one of them ends, or raise the limit in the policy"
