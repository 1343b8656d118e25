"""The agents that are tried, each pointed at a model server on this machine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from blocks.claude_code_agent import ClaudeCodeAgent
from blocks.cli_agent import CliAgent
from blocks.codex_agent import CodexAgent
from blocks.gemini_agent import GeminiAgent
from blocks.mini_swe_agent import MiniSweAgent
from blocks.open_code_agent import OpenCodeAgent

KEY = "sk-conformance-0123456789-model-key"
"""The key of the model's provider, which must not be seen anywhere."""


class Trait(StrEnum):
    """What not every program has."""

    PRICE = "it states a price"
    SESSION = "it has sessions that can be resumed"
    PERMISSION = "it can be told to do nothing unasked"
    LIMIT = "it has a limit of turns or cost"


@dataclass(frozen=True)
class Subject:
    """One agent.

    Args:
        title: name of the program.
        name: as a command line and the images name it.
        program: its file.
        package: that it is installed by.
        point: makes its block from the address of a model server and further fields.
        traits: what the program has.
        limited: fields of the block that limit it to very little.
        restricted: fields of the block with which it does nothing unasked.
        subscribed: fields of the block with which its provider tells when a quota resets.
        wall_seconds: in which it starts and does a few tool calls.
        remark: for the documentation.
    """

    title: str
    name: str
    program: str
    package: str
    point: Callable[[str, dict[str, Any]], CliAgent]
    traits: frozenset[Trait]
    limited: dict[str, Any] = field(default_factory=dict[str, Any])
    restricted: dict[str, Any] = field(default_factory=dict[str, Any])
    subscribed: dict[str, Any] = field(default_factory=dict[str, Any])
    wall_seconds: float = 60.0
    remark: str = ""

    def block(self, url: str, fields: dict[str, Any]) -> CliAgent:
        """Return its block, pointed at a model server.

        Args:
            url: of the server.
            fields: of the block, beside the usual ones.
        """
        return self.point(url, fields)


def _claude_code(url: str, fields: dict[str, Any]) -> CliAgent:
    usual: dict[str, Any] = {"environment": {"ANTHROPIC_API_KEY": KEY}, "base_url": url, "retries": 0}
    return ClaudeCodeAgent.model_validate(usual | fields)


def _gemini(url: str, fields: dict[str, Any]) -> CliAgent:
    usual: dict[str, Any] = {"environment": {"GEMINI_API_KEY": KEY}, "base_url": url, "retries": 0}
    return GeminiAgent.model_validate(usual | {"model": "gemini-2.5-pro"} | fields)


def _codex(url: str, fields: dict[str, Any]) -> CliAgent:
    usual: dict[str, Any] = {"environment": {"OPENAI_API_KEY": KEY}, "base_url": f"{url}/v1", "retries": 0}
    return CodexAgent.model_validate(usual | {"model": "gpt-6.1-sol"} | fields)


def _open_code(url: str, fields: dict[str, Any]) -> CliAgent:
    usual: dict[str, Any] = {"environment": {"OPENAI_API_KEY": KEY}, "base_url": f"{url}/v1", "retries": 0}
    return OpenCodeAgent.model_validate(usual | {"model": "scripted"} | fields)


def _mini_swe(url: str, fields: dict[str, Any]) -> CliAgent:
    usual: dict[str, Any] = {"environment": {"OPENAI_API_KEY": KEY}, "base_url": f"{url}/v1", "retries": 0}
    return MiniSweAgent.model_validate(usual | {"model": "openai/gpt-4o"} | fields)


SUBJECTS = (
    Subject(
        title="Claude Code",
        name="claude-code",
        program="claude",
        package="@anthropic-ai/claude-code",
        point=_claude_code,
        traits=frozenset(Trait),
        restricted={"permission_mode": "default"},
        limited={"max_turns": 2},
        subscribed={"environment": {"CLAUDE_CODE_OAUTH_TOKEN": KEY}},
        remark="Speaks Anthropic Messages.",
    ),
    Subject(
        title="Codex",
        name="codex",
        program="codex",
        package="@openai/codex",
        point=_codex,
        traits=frozenset({Trait.SESSION}),
        remark="Speaks OpenAI Responses. It states tokens and no price, has no limit of turns or cost, "
        "and asks nobody.",
    ),
    Subject(
        title="Gemini CLI",
        name="gemini",
        program="gemini",
        package="@google/gemini-cli",
        point=_gemini,
        traits=frozenset({Trait.SESSION, Trait.LIMIT, Trait.PERMISSION}),
        restricted={"approval_mode": "default"},
        limited={"max_turns": 2},
        wall_seconds=90.0,
        remark="Speaks Gemini. It states tokens and no price, and not when a quota of the day resets.",
    ),
    Subject(
        title="opencode",
        name="opencode",
        program="opencode",
        package="opencode-ai",
        point=_open_code,
        traits=frozenset({Trait.SESSION}),
        wall_seconds=90.0,
        remark="Speaks Chat Completions. It states no price for models that it does not know, as the one tried, "
        "has no limit of turns or cost, and asks nobody.",
    ),
    Subject(
        title="mini-swe-agent",
        name="mini-swe",
        program="mini",
        package="mini-swe-agent",
        point=_mini_swe,
        traits=frozenset({Trait.PRICE, Trait.LIMIT}),
        limited={"max_turns": 2},
        wall_seconds=90.0,
        remark="Speaks Chat Completions. It has no sessions.",
    ),
)
