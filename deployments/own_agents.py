"""Agents' programs that are installed on this machine, with the keys of this terminal."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import blocks
from blocks.cli_agent import CliAgent
from blocks.coding_agent import CodingAgent
from contracts.errors import Misconfigured

_ANY = ("ANTHROPIC_API_KEY", "OPENAI_API_KEY", "OPENROUTER_API_KEY", "GEMINI_API_KEY")


class _Known(NamedTuple):
    block: type[CliAgent]
    program: str
    keys: tuple[str, ...]


_KNOWN = {
    "claude-code": _Known(blocks.ClaudeCodeAgent, "claude", ("ANTHROPIC_API_KEY", "CLAUDE_CODE_OAUTH_TOKEN")),
    "codex": _Known(blocks.CodexAgent, "codex", ("OPENAI_API_KEY", "CODEX_API_KEY")),
    "gemini": _Known(blocks.GeminiAgent, "gemini", ("GEMINI_API_KEY", "GOOGLE_API_KEY")),
    "opencode": _Known(blocks.OpenCodeAgent, "opencode", _ANY),
    "mini-swe": _Known(blocks.MiniSweAgent, "mini", _ANY),
}
NAMES = tuple(_KNOWN)


class OwnAgent(NamedTuple):
    """An agent whose program is installed here.

    Args:
        block: the agent, with the keys that are set here.
        path: folders of its program, for a sandbox's PATH.
        readable: what a sandbox must show so that the program works.
    """

    block: CodingAgent
    path: list[str]
    readable: list[Path]


def at_hand(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Return the names of the agents whose program and key are here."""
    return [name for name, known in _KNOWN.items() if _found(known, environment) and _keys(known, environment)]


def own_agent(name: str, model: str = "", environment: Mapping[str, str] = os.environ) -> OwnAgent:
    """Return an agent that is installed here.

    Args:
        name: one of NAMES.
        model: as its program names it; empty: the program's own choice.
        environment: variables, PATH and keys among them.

    Raises:
        Misconfigured: program, key or model is missing; the message says what to do.
    """
    known = _KNOWN[name]
    program, keys = _found(known, environment), _keys(known, environment)
    if program is None:
        raise Misconfigured(f"the program {known.program!r} of {name!r} is not on PATH; install it")
    if not keys:
        raise Misconfigured(f"{name!r} has no key here; set one of {', '.join(known.keys)}")
    if not model and known.block.model_fields["model"].is_required():
        raise Misconfigured(f"{name!r} must be told its model; give --model provider/model")
    fields = {"environment": keys} | ({"model": model} if model else {})
    folder = Path(program).parent
    return OwnAgent(
        known.block.model_validate(fields), [str(folder)], [folder, _installed_with(Path(program).resolve())]
    )


def _found(known: _Known, environment: Mapping[str, str]) -> str | None:
    found = shutil.which(known.program, path=environment.get("PATH", ""))
    return os.path.abspath(found) if found else None  # noqa: PTH100 - a link keeps its own folder


def _keys(known: _Known, environment: Mapping[str, str]) -> dict[str, str]:
    return {key: environment[key] for key in known.keys if environment.get(key)}


def _installed_with(program: Path) -> Path:
    """The folder in which a program finds what belongs to it, but never a home with everything else in it."""
    modules = [folder for folder in program.parents if folder.name == "node_modules"]
    folder = modules[-1] if modules else program.parents[1]
    return program if Path.home().is_relative_to(folder) else folder
