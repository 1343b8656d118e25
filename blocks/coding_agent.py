"""The agent: whoever takes a turn. It holds its model's credential and nothing else."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from prefect.blocks.core import Block

from blocks.sandbox import Sandbox, Seat
from contracts.agent import AgentReply, AgentTurn


class CodingAgent(Block):
    """Takes turns: reads the turn, changes the checkout or answers, and replies."""

    _block_type_name = "Coding Agent"
    _block_type_slug = "coding-agent"

    @abstractmethod
    def take(self, turn: AgentTurn, seat: Seat, on_line: Callable[[str], None]) -> AgentReply:
        """Take one turn in a sandbox, or go on with the one that a lost process began there.

        Args:
            turn: everything that the agent is given.
            seat: where its process runs.
            on_line: called with each line that it writes for people, as it comes.

        Raises:
            AgentFailed: the turn ended without a readable reply; the kind says why.
            Misconfigured: the agent cannot be started.
            Unavailable: its provider did not answer.
        """

    def goes_on(self, seat: Seat) -> bool:
        """Return whether `take` would go on with a turn that a lost process began, so that its checkout must stay."""
        return seat.held

    def check(self, sandbox: Sandbox) -> None:
        """Raise Misconfigured when the agent cannot work in a sandbox; by default everything is well."""
