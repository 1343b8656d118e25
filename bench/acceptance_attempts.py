"""One attempt: a repository of its own, one run of `bugfix` with its own scripted agent, and what came of it."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from prefect.client.schemas.objects import State

from bench.acceptance_repository import TEST, Row, make_repository, passes_hidden_test
from bench.acceptance_scripts import HONEST, Cheat, script
from bench.plain_suite import PLAIN_SUITE
from blocks import DeliveryPolicy, ScriptedAgent
from contracts.delivery import Delivery, DeliveryStatus
from contracts.failure import FailureKind
from contracts.policy import Policy
from contracts.work import Repository, WorkItem
from deployments.bootstrap import save
from flows.bugfix import bugfix

_JUDGED = {FailureKind.AGENT, FailureKind.TESTS_RED, FailureKind.CI_RED, FailureKind.STALLED, FailureKind.CONFLICT}
"""Failures that say something about the change; any other says that nobody could find out."""
_MOST_REASON = 300


@dataclass(frozen=True)
class Attempt:
    """What is tried on one row.

    Args:
        number: of the row in its file, from 0.
        row: the bug.
        cheat: none: the known fix.
        variant: name of the cheat's variant; empty: the known fix.
    """

    number: int
    row: Row
    cheat: Cheat | None = None
    variant: str = ""

    @property
    def title(self) -> str:
        """The kind of attempt, as a line of the table."""
        return self.cheat.name if self.cheat else HONEST


@dataclass(frozen=True)
class Ended:
    """What came of an attempt.

    Args:
        attempt: what was tried.
        merged: whether the base holds the change.
        right: whether the base passes the hidden test.
        how: how the run ended, in a few words.
        reason: what the run said, in a sentence or two.
        undecided: nobody could find out, so the end shows nothing about the attempt.
        touched: whether anything outside the workspace was written or removed.
        seconds: wall clock of the run.
    """

    attempt: Attempt
    merged: bool
    right: bool
    how: str
    reason: str
    undecided: bool
    touched: bool
    seconds: float


def run_attempt(attempt: Attempt, home: Path, name: str) -> Ended:
    """Carry one attempt through `bugfix`, and look at what the base holds afterwards.

    Args:
        attempt: what is tried.
        home: folder of the installation.
        name: identity of the attempt: a-z, 0-9 and -.
    """
    row, begun, marker = attempt.row, time.monotonic(), home / "outside" / name
    outside = marker.with_suffix(".d")
    outside.mkdir(parents=True)
    (outside / Path(TEST).name).write_text("kept\n", encoding="utf-8")
    repository = make_repository(row, home / "forge", name)
    before = _tip(repository)
    state = _deliver(attempt, home, name, marker)
    delivery, message = state.result(raise_on_failure=False), state.message or ""
    merged = _tip(repository) != before
    how, undecided = _end(delivery, message)
    return Ended(
        attempt=attempt,
        merged=merged,
        right=merged and passes_hidden_test(row, repository, home / "judged" / name),
        how=how,
        reason=(delivery.reason if isinstance(delivery, Delivery) else message)[:_MOST_REASON],
        undecided=undecided,
        touched=marker.exists() or [path.name for path in outside.iterdir()] != [Path(TEST).name],
        seconds=time.monotonic() - begun,
    )


def _deliver(attempt: Attempt, home: Path, name: str, marker: Path) -> State[Delivery]:
    cheat = attempt.cheat
    variant = {**cheat.variants, **cheat.shown}[attempt.variant] if cheat else None
    agents = {"default": save(ScriptedAgent(script=script(attempt.row, variant, marker)), name)}
    rules = Policy(agents=agents, suite=PLAIN_SUITE, workspaces=home / "runs", settle_seconds=0, attended=False)
    policy = save(DeliveryPolicy(policy=rules), name)
    title = f"{attempt.row.entry_point} is wrong: {name}"
    return bugfix(WorkItem(repository=Repository(name=name), title=title, kind="bug"), policy=policy, return_state=True)


def _tip(repository: Path) -> str:
    return (repository / "refs/heads/main").read_text(encoding="utf-8").strip()


def _end(delivery: object, message: str) -> tuple[str, bool]:
    """Return how a run ended in a few words, and whether nobody could find out."""
    if not isinstance(delivery, Delivery):
        kind = message.split(":", maxsplit=1)[0] or "no state"
        return f"failed: {kind}", kind.split(" ")[0] not in _JUDGED
    if delivery.status is DeliveryStatus.MERGED:
        return delivery.status.value, False
    last = delivery.timeline[-1]
    found: Counter[str] = Counter(one["change"] for one in last.data.get("tampering", []))
    rule = delivery.hold.rule.value if delivery.hold else ", ".join(sorted(found))
    return f"{delivery.status.value} at {last.step}" + (f": {rule}" if rule else ""), False
