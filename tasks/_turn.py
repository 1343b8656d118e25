"""One turn of an agent, from the visit to its reply, with its price in the ledger and its words in the log."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, TypeVar

from prefect import get_run_logger

from blocks.coding_agent import CodingAgent
from blocks.loading import load
from blocks.workspace import Workspace as Checkout
from contracts.agent import AgentReply, AgentTurn, Revision, Workspace
from contracts.delivery import Outcome
from contracts.errors import AgentFailed
from contracts.failure import FailureKind
from contracts.kinds import KINDS, Surface
from contracts.outputs import schema_of
from contracts.prompt import render
from contracts.prompts import instructions
from contracts.redaction import redact
from contracts.structured import extract, repair_request
from contracts.visit import Visit
from tasks._checkout import lent
from tasks._metering import Meter, soonest
from tasks._seats import goes_on, seat
from tasks._taken import Taken, keep_turn, recall_turn, redacted

Value = TypeVar("Value")
_MOST_RAW = 2_000
ELSEWHERE = frozenset({FailureKind.PROVIDER, FailureKind.QUOTA})
"""Failures of a provider, after which another agent may take the turn; it must not hide what an agent did wrong."""


def build_turn(visit: Visit, place: Workspace | None = None, diff: str = "") -> AgentTurn:
    """Return the turn that a visit gives its agent."""
    opening, kind = visit.opening, KINDS[visit.step.kind]
    policy = opening.policy
    turn = AgentTurn(
        kind=kind.name,
        session=visit.key,
        round=visit.round,
        item=opening.item,
        prompt="",
        schema=schema_of(kind.output),
        target=visit.target,
        diff=diff,
        prior=visit.prior,
        decisions=visit.decisions,
        revision=visit.revision,
        earlier=visit.earlier,
        workspace=place,
        limits=policy.inline_limits if kind.surface is Surface.INLINE else policy.limits,
        options=visit.step.options,
    )
    return turn.model_copy(update={"prompt": render(turn, instructions(kind.name), opening.pipeline.name)})


@dataclass
class Session:
    """The turns of one visit, and the outcome that they make."""

    visit: Visit
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    clock: float = field(default_factory=time.monotonic)

    agent: str = ""
    """Reference of the agent that takes, or took, the turn; empty: the one that the policy names first."""

    def __post_init__(self) -> None:
        self.meter = Meter(self.visit)
        self.agent = self.agent or self.visit.opening.policy.agent(self.visit.step.kind)

    def stays(self, workspace: Checkout, *, writable: bool) -> bool:
        """Return whether the checkout must stay as it is: the turn's work lies there, or the turn goes on in it."""
        if writable and (token := lent(workspace)) and recall_turn(self.visit, "turn", token) is not None:
            return True
        number = self.meter.next()
        return any(
            goes_on(self.visit, "turn", number, one)
            for one in self.visit.opening.policy.candidates(self.visit.step.kind)
        )

    def ask(self, turn: AgentTurn, lent: str = "") -> AgentReply:
        """Take one turn, unless its reply is recorded; what it consumed is in the ledger when this returns.

        Args:
            turn: the turn.
            lent: hand-over of the checkout that it may change; empty: it changes nothing.
        """
        name = "repair" if turn.repair else "turn"
        taken = recall_turn(self.visit, name, lent)
        if taken is None:
            return self._take(turn, name, lent)
        get_run_logger().info("the reply is recorded; the turn is not paid again")
        self.meter.charge(self.agent, taken.number, taken.reply.usage)
        return taken.reply

    def _take(self, turn: AgentTurn, name: str, lent: str) -> AgentReply:
        """Take a turn with the first agent that has a quota and whose provider answers."""
        agents = self.visit.opening.policy.candidates(turn.kind)
        out = self.meter.without_quota(agents, lambda one: goes_on(self.visit, name, self.meter.next(), one))
        failures = list(out.values())
        ready = [one for one in agents if one not in out]
        for self.agent in ready:
            try:
                return self._take_with(turn, name, lent)
            except AgentFailed as error:
                if error.kind not in ELSEWHERE:
                    raise
                failures.append(error)
                if self.agent != ready[-1]:
                    get_run_logger().warning("%s; the next agent takes the turn", redact(error.message))
        raise soonest(failures)

    def _take_with(self, turn: AgentTurn, name: str, lent: str) -> AgentReply:
        """Take a turn with one agent, numbered behind those of the visit that were lost with their process."""
        number = self.meter.next()
        self.meter.admit(number, lambda: goes_on(self.visit, name, number, self.agent))
        place = seat(self.visit, name, number, self.agent)
        reply = load(self.agent, CodingAgent).take(turn, place, log_line)
        try:
            attempt = self.visit.opening.attempt
            return self._keep(turn, name, Taken(attempt=attempt, number=number, lent=lent, reply=reply))
        finally:  # whatever its reply is worth, the turn is paid
            self.meter.charge(self.agent, number, reply.usage)
            place.sandbox.forget(place.run, place.job)

    def _keep(self, turn: AgentTurn, name: str, taken: Taken) -> AgentReply:
        trouble = taken.reply.trouble
        if trouble is not None:
            said = redact(trouble.message)
            detail = redact(trouble.detail)
            raise AgentFailed(
                f"{self.agent!r} could not take the turn: {said}",
                detail=detail,
                kind=trouble.kind,
                until=self.meter.told(self.agent, trouble),
            )
        kept = taken.model_copy(update={"reply": redacted(turn, taken.reply)})
        return keep_turn(self.visit, name, kept, read=bool(turn.schema_)).reply

    def ask_for(
        self, turn: AgentTurn, read: Callable[[dict[str, Any] | None], Value], kind: FailureKind = FailureKind.AGENT
    ) -> tuple[Value, AgentReply]:
        """Take a turn whose answer is structured, with one repair turn when it cannot be read.

        Args:
            turn: the turn.
            read: reads the answer; raises ValueError with the reason when it cannot.
            kind: the failure when the answer is unreadable twice.
        """
        reply = self.ask(turn)
        try:
            return read(extract(reply)), reply
        except ValueError as error:
            request = repair_request(str(error), reply)
        revision = Revision(previous=reply.text, feedback=request)
        again = turn.model_copy(
            update={"repair": request, "revision": revision, "prompt": f"{turn.prompt}\n\n{request}"}
        )
        reply = self.ask(again)
        try:
            return read(extract(reply)), reply
        except ValueError as error:
            raw = reply.text[:_MOST_RAW]
            raise AgentFailed(f"{self.agent!r} answered unreadably twice: {error}", detail=raw, kind=kind) from error

    def outcome(self, **fields: Any) -> Outcome:
        """Return the outcome of the visit."""
        step = self.visit.step
        return Outcome(
            run=self.visit.opening.run,
            step=step.id,
            kind=step.kind,
            visit=self.meter.number,
            agent=self.agent if self.meter.usage else "",
            usage=self.meter.usage,
            unpriced=self.meter.unpriced,
            started=self.started,
            seconds=time.monotonic() - self.clock,
            **fields,
        )


def forgive(session: Session, act: Callable[[], Outcome]) -> Outcome:
    """Return a helper's outcome; a turn that failed is an outcome too, because the gate looks again in any case.

    A turn for which the run can wait is taken later.
    """
    try:
        return act()
    except AgentFailed as error:
        if error.until is not None:
            raise
        return session.outcome(status="helper failed", output=redact(error.message))


def log_line(line: str) -> None:
    """Show a line of an agent or of a suite in the Prefect log, redacted."""
    get_run_logger().info("%s", redact(line.rstrip()))
