"""The agent: whoever takes a turn. It holds its model's credential and nothing else."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable

from prefect.blocks.core import Block

from blocks.sandbox import Sandbox
from contracts.agent import AgentReply, AgentTurn


class CodingAgent(Block):
    """Takes turns: reads the turn, changes the checkout or answers, and replies."""

    _block_type_name = "Coding Agent"
    _block_type_slug = "coding-agent"

    @abstractmethod
    def take(self, turn: AgentTurn, sandbox: Sandbox, on_line: Callable[[str], None]) -> AgentReply:
        """Take one turn in a sandbox.

        Args:
            turn: everything that the agent is given.
            sandbox: where its process runs.
            on_line: called with each line that it writes for people, as it comes.

        Raises:
            AgentFailed: the turn ended without a readable reply; the kind says why.
            Misconfigured: the agent cannot be started.
            Unavailable: its provider did not answer.
        """

    def check(self) -> None:
        """Raise Misconfigured when the agent cannot work as it is set up; no effect. By default everything is well."""
