"""Codex as the agent, in its headless mode."""

from __future__ import annotations

import json
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from blocks.cli_agent import Begun, CliAgent, Invocation, as_json
from contracts.agent import AgentTurn
from contracts.strict_schema import strict_schema
from contracts.transcripts.codex import CodexTranscript

_FOLDER = ".codex"
_SCHEMA = f"{_FOLDER}/answer.schema.json"
_OWN_URL = "https://api.openai.com/v1"


class CodexAgent(CliAgent):
    """Runs Codex; `environment` holds OPENAI_API_KEY, or the variable that `key_variable` names.

    It has no limit of turns or cost of its own, and tells tokens but no price: name its `model`, so that it is priced.
    """

    _block_type_name = "Codex Agent"
    _block_type_slug = "codex-agent"
    _description = "Runs Codex in its headless mode."

    program: str = Field(default="codex", description="Program, by its name on the sandbox's PATH or by its path.")
    key_variable: str = Field(
        default="OPENAI_API_KEY",
        pattern=r"^\w*$",
        description="Variable of `environment` with the key of the model's provider; without it no key is sent.",
    )
    reasoning: str = Field(
        default="",
        pattern=r"^\w*$",
        description="How much the model is to think, as the program names it; empty: its choice.",
    )

    provider: ClassVar[tuple[str, ...]] = ("api.openai.com",)

    def prepare(self, turn: AgentTurn, prompt: str, home: Path, session: str, resumes: bool) -> Invocation:
        """Return how the program is called; see `CliAgent.prepare`. It gives its session's id itself."""
        argv = [self.program, "exec", *(["resume", session] if resumes else []), "--json", "--skip-git-repo-check"]
        argv.append("--dangerously-bypass-approvals-and-sandbox")  # the block's own sandbox is the boundary
        files = {f"{_FOLDER}/config.toml": self._settings()}
        schema = strict_schema(turn.schema_)
        if schema is not None:
            files[_SCHEMA] = as_json(schema)
            argv += ["--output-schema", str(home / _SCHEMA)]
        environment = {"CODEX_HOME": str(home / _FOLDER), "TZ": "UTC"}  # it tells reset times in its local zone
        return Invocation(argv=[*argv, "-"], stdin=prompt, environment=environment, files=files)

    def transcript(self, turn: AgentTurn, begun: Begun) -> CodexTranscript:
        """Return what reads the output of one process."""
        return CodexTranscript(model=self.model, thread=begun.session, before=begun.before)

    def _settings(self) -> str:
        """The program's settings, as TOML, whose plain strings are those of JSON."""
        named = {"model": self.model, "model_reasoning_effort": self.reasoning}
        key = {"env_key": self.key_variable} if self.key_variable in self.environment else {}
        return "\n".join(
            [
                *_lines({name: value for name, value in named.items() if value}),
                *_lines({"model_provider": "configured", "check_for_update_on_startup": False}),
                "[analytics]",
                *_lines({"enabled": False}),
                "[shell_environment_policy]",
                *_lines({"ignore_default_excludes": False}),
                "[features]",
                *_lines({"unbounded_connection_retries": False, "apps": False, "plugins": False}),
                "[agents]",
                *_lines({"enabled": False}),
                "[tools.update_plan]",
                *_lines({"enabled": True}),
                "[model_providers.configured]",
                *_lines({"name": "configured", "base_url": self.base_url or _OWN_URL, "wire_api": "responses", **key}),
                *_lines({"request_max_retries": self.retries, "stream_max_retries": self.retries}),
                "",
            ]
        )


def _lines(values: dict[str, str | bool | int]) -> list[str]:
    return [f"{name} = {json.dumps(value)}" for name, value in values.items()]
