"""Claude Code as the agent, in its headless mode."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from blocks.cli_agent import Begun, CliAgent, Invocation, as_json
from contracts.agent import AgentTurn
from contracts.transcripts.claude_code import ClaudeCodeTranscript

_QUIET = {
    "IS_SANDBOX": "1",  # without it the program refuses to bypass permissions as root, which a container's user may be
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_DISABLE_BACKGROUND_TASKS": "1",
    "CLAUDE_CODE_DISABLE_AUTO_MEMORY": "1",
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
}


class ClaudeCodeAgent(CliAgent):
    """Runs Claude Code; `environment` holds ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN."""

    _block_type_name = "Claude Code Agent"
    _block_type_slug = "claude-code-agent"
    _description = "Runs Claude Code in its headless mode."

    program: str = Field(default="claude", description="Program, by its name on the sandbox's PATH or by its path.")
    permission_mode: Literal["bypassPermissions", "acceptEdits", "dontAsk", "default", "plan"] = Field(
        default="bypassPermissions",
        description="What it may do unasked. Nobody can be asked: what it may not do is denied, and the turn fails. "
        "bypassPermissions: everything, within the sandbox.",
    )
    denied_tools: list[str] = Field(default=[], description="Tools that it is not given, such as WebSearch.")
    fallback_model: str = Field(default="", description="Model for when the first one is overloaded; empty: none.")
    max_turns: int = Field(default=0, ge=0, description="Most answers of the model in one turn; 0: no limit.")
    max_cost: float = Field(default=0, ge=0, description="Most that one turn may cost, in USD; 0: no limit.")
    repository_settings: bool = Field(
        default=False,
        description="Whether settings, hooks and tool servers count that the repository brings (.claude, .mcp.json).",
    )

    provider: ClassVar[tuple[str, ...]] = ("api.anthropic.com",)

    def prepare(self, turn: AgentTurn, prompt: str, home: Path, session: str, resumes: bool) -> Invocation:
        """Return how the program is called; see `CliAgent.prepare`."""
        argv = [self.program, "--print", "--output-format", "stream-json", "--verbose"]
        argv += ["--permission-mode", self.permission_mode]
        argv += ["--resume" if resumes else "--session-id", session]
        optional = {
            "--model": self.model,
            "--fallback-model": self.fallback_model,
            "--max-turns": str(self.max_turns or ""),
            "--max-budget-usd": str(self.max_cost or ""),
            "--disallowedTools": ",".join(self.denied_tools),
            "--json-schema": as_json(turn.schema_) if turn.schema_ else "",
        }
        argv += [part for name, value in optional.items() if value for part in (name, value)]
        if not self.repository_settings:
            argv += ["--setting-sources", "user", "--strict-mcp-config"]
        environment = {**_QUIET, "CLAUDE_CODE_MAX_RETRIES": str(self.retries)}
        if self.base_url:
            environment["ANTHROPIC_BASE_URL"] = self.base_url
        return Invocation(argv=argv, stdin=prompt, environment=environment)

    def transcript(self, turn: AgentTurn, begun: Begun) -> ClaudeCodeTranscript:
        """Return what reads the output of one process."""
        return ClaudeCodeTranscript()
