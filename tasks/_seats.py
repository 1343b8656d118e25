"""The seat of a turn: the policy's sandbox, with names by which a lost turn is found again."""

from __future__ import annotations

from blocks.coding_agent import CodingAgent
from blocks.loading import load
from blocks.sandbox import Sandbox, Seat
from contracts.visit import Visit
from tasks._checkout import workspace_of

_KEPT = "agents"
"""Folder beside the checkout with a home for each agent; it is lost and removed with the checkout."""


def seat(visit: Visit, name: str, number: int, agent: str) -> Seat:
    """Return where a turn is taken.

    Args:
        visit: the visit.
        name: "turn", or "repair" for the one that mends its form.
        number: the turn's number among those of the visit that were paid, so that the next one is another job.
        agent: reference of the agent.
    """
    opening = visit.opening
    return Seat(
        sandbox=load(opening.policy.sandbox, Sandbox),
        run=opening.run,
        job=f"{visit.key}/{opening.attempt}/{name}/{number}/{agent}",
        home=workspace_of(opening).home / _KEPT / agent.replace("/", "."),
    )


def goes_on(visit: Visit, name: str, number: int, agent: str) -> bool:
    """Return whether an agent's turn that a lost process began goes on; see `seat` for the arguments."""
    return load(agent, CodingAgent).goes_on(seat(visit, name, number, agent))
