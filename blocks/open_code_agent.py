"""The program opencode as the agent, in its headless mode."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field

from blocks.cli_agent import Begun, CliAgent, Invocation, as_json
from contracts.agent import AgentTurn
from contracts.transcripts.open_code import OpenCodeTranscript

_PROVIDER = "configured"
_QUIET = {
    "OPENCODE_DISABLE_MODELS_FETCH": "1",
    "OPENCODE_DISABLE_AUTOUPDATE": "1",
    "OPENCODE_DISABLE_LSP_DOWNLOAD": "1",
    "OPENCODE_DISABLE_SHARE": "1",
}


class OpenCodeAgent(CliAgent):
    """Runs opencode; `environment` holds the key of the model's provider.

    With `base_url` the model answers there in the form of OpenAI's chat completions; without, `model` is
    "provider/model" of a provider that the program knows, and `hosts` names that provider's hosts.
    It has no limit of turns or cost of its own, and it repeats failed requests as often as it likes.
    """

    _block_type_name = "Open Code Agent"
    _block_type_slug = "open-code-agent"
    _description = "Runs opencode in its headless mode."

    program: str = Field(default="opencode", description="Program, by its name on the sandbox's PATH or by its path.")
    model: str = Field(
        min_length=1, description="Model; provider/model, or with `base_url` the model alone, as it is named there."
    )
    key_variable: str = Field(
        default="OPENAI_API_KEY",
        pattern=r"^\w*$",
        description="Variable of `environment` with the key for `base_url`; without it no key is sent.",
    )
    repository_settings: bool = Field(
        default=False,
        description="Whether settings, plugins and tool servers count that the repository brings (opencode.json).",
    )

    def prepare(self, turn: AgentTurn, prompt: str, home: Path, session: str, resumes: bool) -> Invocation:
        """Return how the program is called; see `CliAgent.prepare`. It gives its session's id itself."""
        model = f"{_PROVIDER}/{self.model}" if self.base_url else self.model
        argv = [self.program, "run", "--format", "json", "--model", model, "--auto"]
        argv += ["--print-logs", "--log-level", "ERROR"]  # only the log tells of requests that are repeated
        argv += ["--session", session] if resumes else ["--title", turn.kind]  # a model would be paid for a title
        argv += [] if self.repository_settings else ["--pure"]
        environment = {**_QUIET, "OPENCODE_CONFIG_CONTENT": as_json(self._settings())}
        if not self.repository_settings:
            environment["OPENCODE_DISABLE_PROJECT_CONFIG"] = "1"
        return Invocation(argv=argv, stdin=prompt, environment=environment)

    def transcript(self, turn: AgentTurn, begun: Begun) -> OpenCodeTranscript:
        """Return what reads the output of one process."""
        return OpenCodeTranscript(model=self.model if self.base_url else self.model.partition("/")[2] or self.model)

    def _settings(self) -> dict[str, Any]:
        settings: dict[str, Any] = {"autoupdate": False, "share": "disabled", "permission": "allow"}
        if not self.base_url:
            return settings
        key = {"apiKey": f"{{env:{self.key_variable}}}"} if self.key_variable in self.environment else {}
        provider = {
            "npm": "@ai-sdk/openai-compatible",
            "name": _PROVIDER,
            "options": {"baseURL": self.base_url, **key},
            "models": {self.model: {"name": self.model}},
        }
        return {**settings, "provider": {_PROVIDER: provider}}
