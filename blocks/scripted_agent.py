"""An agent that plays a script: the same turn always gets the same reply, so a run can be shown and tested."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from blocks.coding_agent import CodingAgent
from blocks.git import environment
from blocks.sandbox import Seat
from contracts.agent import AgentReply, AgentTurn, Usage
from contracts.errors import AgentFailed, Misconfigured


class Play(BaseModel):
    """What the agent does in one turn."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(default="", description="The final answer.")
    structured: dict[str, Any] | None = Field(default=None, description="The structured output.")
    repaired: dict[str, Any] | None = Field(default=None, description="The structured output of the repair turn.")
    files: dict[str, str | None] = Field(default_factory=dict, description="Path → whole new content; null deletes.")
    patch: str = Field(default="", description="A unified diff to apply.")
    no_change_needed: str = Field(default="", description="Why nothing needs to change.")
    commit_message: str = Field(default="", description="Message for the commit.")
    cost: float | None = Field(default=None, ge=0, description="What the turn is said to cost, in USD.")
    fails: str = Field(default="", description="End the turn as a failure with this message.")


class ScriptedAgent(CodingAgent):
    """Plays a script, for demonstrations and tests."""

    _block_type_name = "Scripted Agent"
    _block_type_slug = "scripted-agent"
    _description = "Plays a script of replies and patches, for demonstrations and tests."

    script: dict[str, list[Play]] = Field(
        default_factory=dict,
        description="Kind of step → what to do in its first, second … round; the last entry is played from then on.",
    )

    def take(self, turn: AgentTurn, seat: Seat, on_line: Callable[[str], None]) -> AgentReply:
        """Play the entry of this kind and round; see `CodingAgent.take`."""
        plays = self.script.get(turn.kind)
        if not plays:
            raise Misconfigured(f"the script has no entry for {turn.kind!r}; add one to the scripted agent's block")
        play = plays[min(turn.round, len(plays)) - 1]
        if play.fails:
            raise AgentFailed(play.fails)
        if turn.workspace is not None:
            _change(Path(turn.workspace.path), play)
        return AgentReply(
            text=play.text,
            structured=play.repaired if turn.repair and play.repaired is not None else play.structured,
            no_change_needed=play.no_change_needed,
            commit_message=play.commit_message,
            usage=Usage(cost=play.cost),
        )


def _change(tree: Path, play: Play) -> None:
    for path, content in play.files.items():
        target = tree / path
        if content is None:
            target.unlink(missing_ok=True)
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
        if content.startswith("#!"):
            target.chmod(0o755)
    if play.patch:
        applied = subprocess.run(
            ["git", "apply", "--whitespace=nowarn", "-"],
            input=play.patch.encode(),
            cwd=tree,
            env=environment({"GIT_DIR": "/nonexistent"}),
            capture_output=True,
            check=False,
        )
        if applied.returncode:
            raise AgentFailed("the script's patch does not apply", detail=applied.stderr.decode("utf-8", "replace"))
