"""The Gemini CLI as the agent, in its headless mode."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from blocks.cli_agent import Begun, CliAgent, Invocation, as_json
from contracts.agent import AgentTurn
from contracts.transcripts.gemini import GeminiTranscript

_SETTINGS = ".gemini/settings.json"
_WHOLE = ".gemini/whole_output.cjs"
_BLOCKING = "process.stdout._handle?.setBlocking?.(true);\ndelete process.env.NODE_OPTIONS;\n"
"""Read by Node before the program, which ends without waiting for what it has still to write."""


class GeminiAgent(CliAgent):
    """Runs the Gemini CLI; `environment` holds GEMINI_API_KEY, or what the chosen `auth` needs."""

    _block_type_name = "Gemini Agent"
    _block_type_slug = "gemini-agent"
    _description = "Runs the Gemini CLI in its headless mode."

    program: str = Field(default="gemini", description="Program, by its name on the sandbox's PATH or by its path.")
    model: str = Field(
        default="",
        description="Model, as the program names it; empty: the program chooses one for each request, and then repeats "
        "failed requests as often as it likes.",
    )
    auth: Literal["gemini-api-key", "vertex-ai", "gateway"] = Field(
        default="gemini-api-key", description="How it proves who it is; the program ends without a choice."
    )
    approval_mode: Literal["yolo", "auto_edit", "default", "plan"] = Field(
        default="yolo",
        description="What it may do unasked. Nobody can be asked: it is not given tools that would need it, and a "
        "turn that calls one fails. yolo: everything, within the sandbox.",
    )
    max_turns: int = Field(default=0, ge=0, description="Most answers of the model in one turn; 0: no limit.")
    guides: list[str] = Field(
        default=["AGENTS.md", "GEMINI.md", "CLAUDE.md"], description="Names of files with the repository's guidance."
    )

    provider: ClassVar[tuple[str, ...]] = ("generativelanguage.googleapis.com",)

    def prepare(self, turn: AgentTurn, prompt: str, home: Path, session: str, resumes: bool) -> Invocation:
        """Return how the program is called; see `CliAgent.prepare`."""
        argv = [self.program, "--output-format", "stream-json", "--approval-mode", self.approval_mode, "--skip-trust"]
        argv += ["--resume" if resumes else "--session-id", session]
        argv += ["--model", self.model] if self.model else []
        environment = {
            "GEMINI_CLI_SYSTEM_SETTINGS_PATH": str(home / _SETTINGS),  # the repository's settings cannot overrule these
            "GEMINI_CLI_NO_RELAUNCH": "true",
            "NODE_OPTIONS": f'--require "{home / _WHOLE}"',
            "NO_BROWSER": "true",
            "TERM": "xterm-256color",
            "COLORTERM": "truecolor",
        }
        if self.base_url:
            environment["GOOGLE_GEMINI_BASE_URL"] = self.base_url
        files = {_SETTINGS: as_json(self._settings()), _WHOLE: _BLOCKING}
        return Invocation(argv=argv, stdin=prompt, environment=environment, files=files)

    def transcript(self, turn: AgentTurn, begun: Begun) -> GeminiTranscript:
        """Return what reads the output of one process."""
        return GeminiTranscript()

    def _settings(self) -> dict[str, Any]:
        return {
            "security": {"auth": {"selectedType": self.auth}},
            "general": {
                "enableAutoUpdate": False,
                "enableAutoUpdateNotification": False,
                "maxAttempts": self.retries + 1,
                "retryFetchErrors": self.retries > 0,
                "sessionRetention": {"enabled": False},
            },
            "privacy": {"usageStatisticsEnabled": False},
            "telemetry": {"enabled": False},
            "model": {"maxSessionTurns": self.max_turns or -1},
            "context": {"fileName": self.guides},
        }
