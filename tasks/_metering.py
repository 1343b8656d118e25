"""What the turns of a visit cost: room is reserved for each before it begins, and it is charged when it has ended."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from prefect.context import FlowRunContext

from blocks.delivery_policy import DeliveryPolicy
from blocks.ledger import Ledger
from blocks.ledger.money import Reservation
from blocks.ledger.tables import Turn
from blocks.loading import load
from blocks.price_list import list_price
from contracts.agent import AgentTrouble, Usage
from contracts.budget import Caps, Over
from contracts.errors import AgentFailed, DeliveryError
from contracts.failure import FailureKind
from contracts.journal import Opening, record_key
from contracts.kinds import KINDS
from contracts.parking import next_look, quota_until
from contracts.policy import Policy
from contracts.pricing import charged, price
from contracts.visit import Visit
from tasks._counts import recorded, turns_of
from tasks._replay import journal


@dataclass
class Meter:
    """The turns of one visit as the ledger counts them.

    Args:
        visit: the visit.
        usage: what each turn consumed, with what it was charged.
        unpriced: how many of them were charged the policy's default, because nobody knows the price.
    """

    visit: Visit
    usage: list[Usage] = field(default_factory=list[Usage])
    unpriced: int = 0

    @property
    def number(self) -> int:
        """Number of the visit within the run."""
        return int(self.visit.key.rpartition("/")[2])

    def next(self) -> int:
        """Return the number of the visit's next turn in the ledger."""
        opening = self.visit.opening
        return turns_of(self._ledger, opening.run, self.visit.step.id, self.number) + 1

    def without_quota(self, agents: list[str], held: Callable[[str], bool]) -> dict[str, AgentFailed]:
        """Return why some of the agents are not asked: their quota is used up, as a turn of any run was told.

        Where the run can neither wait nor ask another one, all are asked: one of them may know better.

        Args:
            agents: references of the agents that may take the turn.
            held: whether an agent's turn that a lost process began goes on; its quota is no matter.
        """
        found = {agent: until for agent, until in self._ledger.exhausted(agents).items() if not held(agent)}
        if len(found) == len(agents) and not can_wait():
            return {}
        return {agent: self._used_up(agent, until) for agent, until in found.items()}

    def admit(self, number: int, held: Callable[[], bool]) -> None:
        """Reserve what a turn may cost.

        Args:
            number: its number among the visit's turns.
            held: whether a lost process began it and it goes on; then it is paid for already, and reserved.

        Raises:
            Refused: of kind BUDGET: a cap leaves no room, also by the policy as it is now.
        """
        opening = self.visit.opening
        caps = Caps.of(present_policy(opening))
        if not caps.most:
            return
        over = self._ledger.reserve(self._wanted(number), caps)
        if over is not None and not held():
            self._ask_again(lambda newer: self._ledger.reserve(self._wanted(number), newer))

    def check_room(self, held: Callable[[], bool]) -> None:
        """Raise what the visit's next turn would raise at once; nothing is reserved.

        Args:
            held: whether a lost process began the turn and it goes on.

        Raises:
            Refused: of kind BUDGET: a cap leaves no room.
        """
        caps = Caps.of(present_policy(self.visit.opening))
        if not caps.most:
            return
        wanted = self._wanted(self.next())
        if self._ledger.room(wanted, caps) is not None and not held():
            self._ask_again(lambda newer: self._ledger.room(wanted, newer))

    def _ask_again(self, ask: Callable[[Caps], Over | None]) -> None:
        """A person may have raised the cap since the policy was read."""
        policy = present_policy(self.visit.opening, fresh=True)
        still = ask(Caps.of(policy))
        if still is not None:
            until = next_look(datetime.now(UTC), still.scope, policy.look_minutes) if can_wait() else None
            raise still.refusal(until)

    def told(self, agent: str, trouble: AgentTrouble) -> datetime | None:
        """Keep that an agent's quota is used up; return until when the run waits for it, none when it cannot."""
        until = quota_until(datetime.now(UTC), trouble.kind, trouble.resets_at)
        if until is None:
            return None
        self._ledger.exhaust(agent, until, self.visit.opening.run)
        return until if can_wait() else None

    def charge(self, agent: str, number: int, usage: Usage) -> None:
        """Charge a turn that has ended, in the place of what was reserved for it; the first charge of it stays."""
        if usage == Usage():
            self.usage.append(usage)
            return
        opening, step = self.visit.opening, self.visit.step
        made = price(usage, list_price, opening.policy.default_price)
        self.usage.append(charged(usage, made))
        self.unpriced += not made.priced
        row = Turn(
            run=opening.run,
            step=step.id,
            visit=self.number,
            turn=number,
            agent=agent,
            kind=step.kind,
            repository=opening.item.repository.name,
            at=datetime.now(UTC),
            **made._asdict(),
            **usage.model_dump(exclude={"cost", "currency"}),
        )
        self._ledger.record_turn(row)
        recorded(row.run, row.step, row.visit, row.turn)

    @property
    def _ledger(self) -> Ledger:
        return load(self.visit.opening.policy.ledger, Ledger)

    def _wanted(self, number: int) -> Reservation:
        opening, step = self.visit.opening, self.visit.step
        return Reservation(
            run=opening.run,
            step=step.id,
            visit=self.number,
            turn=number,
            kind=step.kind,
            repository=opening.item.repository.name,
            at=datetime.now(UTC),
        )

    def _used_up(self, agent: str, until: datetime) -> AgentFailed:
        return AgentFailed(
            f"the quota of {agent!r} is used up until {until:%Y-%m-%d %H:%M} UTC; wait, or name another agent in the "
            "policy",
            kind=FailureKind.QUOTA,
            until=until if can_wait() else None,
        )


def soonest(failures: list[AgentFailed]) -> AgentFailed:
    """Return the failure that ends first by itself, or the last one when none does; there must be one."""
    waiting = [(one.until, at) for at, one in enumerate(failures) if one.until is not None]
    return failures[min(waiting)[1]] if waiting else failures[-1]


def can_wait() -> bool:
    """Return whether the present run can wait without a process: only a deployment's worker takes it up again."""
    context = FlowRunContext.get()
    flow_run = context.flow_run if context is not None else None
    return flow_run is not None and flow_run.deployment_id is not None and flow_run.parent_task_run_id is None


def present_policy(opening: Opening, *, fresh: bool = False) -> Policy:
    """Return the policy as it is now, or as the run was opened with when it cannot be read any more.

    Args:
        opening: what the run was opened with.
        fresh: an edit counts at once, not only after a minute.
    """
    if not opening.reference:
        return opening.policy
    try:
        return load(opening.reference, DeliveryPolicy, fresh=fresh).policy
    except DeliveryError:
        return opening.policy


def check_before(visit: Visit, held: Callable[[str], bool]) -> bool:
    """Raise what the first turn of a visit would raise at once, so that a run that waits on begins no task in vain.

    Args:
        visit: the visit; it has no record.
        held: whether an agent's turn that a lost process began goes on.

    Returns:
        Whether the visit begins with a turn at all.

    Raises:
        AgentFailed: of kind QUOTA: every agent that may take the turn has used up its quota.
        Refused: of kind BUDGET: a cap leaves no room.
    """
    kind = KINDS.get(visit.step.kind)
    if kind is None or not kind.needs_agent:
        return False
    run, step, number = visit.key.split("/")
    if not can_wait() or journal().holds(record_key(run, f"{step}.turn", int(number))):
        return True
    meter, agents = Meter(visit), visit.opening.policy.candidates(kind.name)
    out = meter.without_quota(agents, held)
    if agents and len(out) == len(agents):
        raise soonest(list(out.values()))
    meter.check_room(lambda: any(map(held, agents)))
    return True
