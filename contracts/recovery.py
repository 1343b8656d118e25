"""What is done about a run whose process was lost, and how often."""

from __future__ import annotations

import re
from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field

from contracts.delivery import DeliveryStatus
from contracts.errors import DeliveryError
from contracts.failure import FailureKind

CRASH, INFRASTRUCTURE = "crash", "infrastructure"
"""What a loss is charged to: the run's own process died, or what it ran on went away."""
REPEATED = "repeated"
"""What a loss is called that was charged before."""
MOST_WAIT = 300.0
"""Longest wait before a recovery, in seconds."""
_FIRST_WAIT = 5.0
_EXITED = re.compile(r"status code:? (-?\d+)")
_TERMINATED = frozenset({-2, -15, 130, 143})
"""Exit codes of SIGINT and SIGTERM, bare and as a shell tells them: somebody shut the process down in good order."""
_SHUT_DOWN = (
    "aborted by a termination signal",
    "aborted by an interrupt signal",
    "aborted by Python system exit call",
    "cancelled by the runtime environment",
    "attempting to contact the server",
    "Request to ",
    "could not start",
    "could not be started",
    "Failed to submit",
)
"""What Prefect 3.8.8 says of a run whose surroundings failed it: worker shut down, server away, no process started."""
_CANCELLED = "after a cancellation request"
_SECOND_REPORT = "infrastructure exited with"
"""What the worker says of a process whose death its runner has reported, up to half a minute later: by then the run
may have been taken up again, and the process that starts now is well."""
_AGAIN = frozenset({DeliveryStatus.FAILED.value, DeliveryStatus.STOPPED.value})
"""Ends after which the same run may be opened again, so that taking it up would be a retry that nobody asked for."""


class Act(StrEnum):
    """What a sweep may do about a run."""

    RESUME = "resume"
    KEEP_GATE = "keep the gate"
    CLOSE = "close"
    SETTLE = "settle"


class Sighting(BaseModel):
    """What a sweep sees of a run."""

    model_config = ConfigDict(frozen=True)

    state: str = Field(description="Type of its state in Prefect, such as RUNNING.")
    carries: bool = Field(default=True, description="It carries a work item; otherwise it is a run of our own upkeep.")
    message: str = Field(default="", description="What Prefect says about the state.")
    silent: bool = Field(default=False, description="No sign of life for the grace.")
    holder: str = Field(default="", description="Process that walks the run now; empty: none does.")
    status: str = Field(default="", description="live, or how it ended by the ledger; empty: it was never opened.")
    closed: bool = Field(default=False, description="Its end is recorded, and nobody has started it again since.")
    cancelled: bool = Field(default=False, description="Somebody cancelled it.")
    merging: bool = Field(default=False, description="A merge is intended and nobody knows what came of it.")
    fruitless: int = Field(default=0, ge=0, description="Recoveries since it last finished anything.")
    most: int = Field(default=6, ge=0, description="How many of those it may have.")
    repeated: bool = Field(default=False, description="The crash is one that was reported before: see `repeats`.")
    displaced: bool = Field(default=False, description="It was scheduled when the crash was reported.")


class Remedy(BaseModel):
    """What is done about a run, and why."""

    model_config = ConfigDict(frozen=True)

    act: Act = Field(description="What is done.")
    kind: str = Field(description="What the loss is charged to: crash, infrastructure, or nothing that counts.")
    why: str = Field(description="The observed fact, in words.")


def remedy(seen: Sighting) -> Remedy | None:
    """Return what is to be done about a run; none: it is left alone."""
    if seen.holder:
        return None
    if seen.state == "CRASHED" and seen.carries:
        return _crashed(seen)
    return _silent(seen) if seen.silent else None


def _silent(seen: Sighting) -> Remedy | None:
    if not seen.carries:
        return _settled("the process was lost") if seen.state == "RUNNING" else None
    match seen.state:
        case "RUNNING" | "PENDING":
            return _lost(seen)
        case "PAUSED" if seen.status in ("", "live"):
            return Remedy(act=Act.KEEP_GATE, kind="gate", why="the process that waited at the gate is gone")
        case "CANCELLING" | "CANCELLED" | "FAILED" | "COMPLETED":
            return _over(seen)
        case _:
            return None


def _over(seen: Sighting) -> Remedy | None:
    """Prefect is done with the run and the ledger is not."""
    if seen.status != "live":
        return None
    if seen.merging and seen.state != "COMPLETED":
        return Remedy(act=Act.RESUME, kind=INFRASTRUCTURE, why="a merge was under way when the run was cancelled")
    return Remedy(act=Act.CLOSE, kind="close", why=f"Prefect says that the run is {seen.state.lower()}")


def _crashed(seen: Sighting) -> Remedy | None:
    if seen.cancelled or _CANCELLED in seen.message:
        return _over(seen)
    if seen.status == DeliveryStatus.STOPPED or (seen.closed and seen.status in _AGAIN):
        return None
    if seen.repeated and seen.displaced:
        why = "a second report of its crash took the place of its schedule"
        return Remedy(act=Act.RESUME, kind=REPEATED, why=why)
    if seen.repeated:
        return _lost(seen) if seen.silent else None
    return _resumed(seen, loss_of(seen.message), seen.message or "the run crashed")


def _lost(seen: Sighting) -> Remedy | None:
    """A run without a process that nobody has reported."""
    if seen.state == "RUNNING" and seen.closed and seen.status in _AGAIN:
        return _settled("the process was lost after the run had recorded its end")
    if seen.state == "RUNNING" and seen.status == DeliveryStatus.STOPPED:
        return Remedy(act=Act.CLOSE, kind="close", why="the process was lost while the run was stopped")
    begun = "started" if seen.state == "PENDING" else "sent a sign of life"
    return _resumed(seen, INFRASTRUCTURE, f"no process has {begun} for longer than the grace")


def _settled(why: str) -> Remedy:
    return Remedy(act=Act.SETTLE, kind="close", why=why)


def _resumed(seen: Sighting, kind: str, why: str) -> Remedy | None:
    if seen.fruitless <= seen.most:
        return Remedy(act=Act.RESUME, kind=kind, why=why)
    if seen.status != "live":
        return None
    why = f"its process died {seen.fruitless + 1} times in a row without finishing anything, at last: {why}"
    return Remedy(act=Act.CLOSE, kind="close", why=f"{why}; read the worker's log, then retry the run")


def repeats(crashes: list[str], begun: bool) -> bool:
    """Return whether the last report of a crash is the worker's of a process whose death is known already.

    Args:
        crashes: what Prefect said of every crash of the run so far, the latest last.
        begun: whether a process has walked the run since it was last taken up again.
    """
    second = [_SECOND_REPORT in one for one in crashes]
    return bool(second) and second[-1] and (not begun or second.count(True) <= second.count(False))


def loss_of(message: str) -> str:
    """Return what a crash is charged to, by what Prefect says about it."""
    exited = _EXITED.search(message)
    if exited:
        return INFRASTRUCTURE if int(exited[1]) in _TERMINATED else CRASH
    return INFRASTRUCTURE if any(words in message for words in _SHUT_DOWN) else CRASH


def wait_before(count: int) -> float:
    """Return the seconds before a run's recovery of this number, counted from 1: 5, 10, 20 … at most 300."""
    return min(_FIRST_WAIT * 2 ** min(count - 1, 10), MOST_WAIT)


def check_losses(step: str, counts: dict[str, int], crashes: int, losses: int) -> None:
    """Raise a DeliveryError of kind EVICTED when a step has lost its process more often than the policy allows.

    Args:
        step: where the run stands.
        counts: kind of loss → how many the step has had.
        crashes: deaths of the process itself that it may have.
        losses: losses of what the process ran on that it may have.
    """
    crashed, lost = counts.get(CRASH, 0), counts.get(INFRASTRUCTURE, 0)
    if crashed <= crashes and lost <= losses:
        return
    raise DeliveryError(
        f"the process died {crashed + lost} times at {step!r} ({crashed} crashed, {lost} lost with their host); the "
        f"budget of a step is {crashes} crashed and {losses} lost: see to memory, disk and worker, or raise "
        "'crashes' or 'losses' in the policy",
        kind=FailureKind.EVICTED,
    )


class Swept(BaseModel):
    """What one sweep did."""

    model_config = ConfigDict(frozen=True)

    resumed: int = Field(default=0, description="Runs that were put back to be resumed.")
    gates_kept: int = Field(default=0, description="Gates whose process was lost and that wait on without one.")
    closed: int = Field(default=0, description="Runs that were closed because they were over.")
    folders: int = Field(default=0, description="Checkouts of ended runs that were removed.")
    branches: int = Field(default=0, description="Branches of ended runs that were deleted.")
    reported: int = Field(default=0, description="Runs about which nothing could be found out; the log names them.")

    @property
    def message(self) -> str:
        """What was done, in one line."""
        counted = [
            (self.resumed, "resumed", "resumed"),
            (self.gates_kept, "gate kept", "gates kept"),
            (self.closed, "closed", "closed"),
            (self.folders, "folder removed", "folders removed"),
            (self.branches, "branch deleted", "branches deleted"),
            (self.reported, "unreadable", "unreadable"),
        ]
        said = [f"{count} {one if count == 1 else many}" for count, one, many in counted if count]
        return ", ".join(said) or "nothing to do"
