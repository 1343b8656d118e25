"""Agents that are installed on a machine: found with their keys, and what is missing is said."""

from __future__ import annotations

from pathlib import Path

import pytest

from blocks.cli_agent import CliAgent
from contracts.errors import Misconfigured
from deployments.own_agents import NAMES, at_hand, own_agent

PROGRAMS = {"claude-code": "claude", "codex": "codex", "gemini": "gemini", "opencode": "opencode", "mini-swe": "mini"}


@pytest.fixture
def machine(tmp_path: Path) -> dict[str, str]:
    """A PATH with the links that an installer makes, and no key."""
    package = tmp_path / "lib/node_modules/@maker/agent/bin"
    package.mkdir(parents=True)
    (tmp_path / "bin").mkdir()
    for program in PROGRAMS.values():
        (package / program).write_text("#!/bin/sh\n")
        (package / program).chmod(0o755)
        (tmp_path / "bin" / program).symlink_to(package / program)
    return {"PATH": str(tmp_path / "bin")}


def test_only_agents_with_a_program_and_a_key_are_at_hand(machine: dict[str, str], tmp_path: Path):
    assert at_hand(machine) == []
    assert at_hand({**machine, "GEMINI_API_KEY": "k"}) == ["gemini", "opencode", "mini-swe"]
    assert at_hand({"PATH": str(tmp_path), "GEMINI_API_KEY": "k"}) == []


@pytest.mark.parametrize("name", NAMES)
def test_an_agent_gets_its_own_keys_only_and_its_program_stays_readable(
    name: str, machine: dict[str, str], tmp_path: Path
):
    keys = {"ANTHROPIC_API_KEY": "a-key", "OPENAI_API_KEY": "o-key", "GEMINI_API_KEY": "g-key", "GITHUB_TOKEN": "t"}
    own = own_agent(name, "some/model", machine | keys)
    assert isinstance(own.block, CliAgent)
    assert own.block.program == PROGRAMS[name]
    assert own.block.environment
    for variable, value in own.block.environment.items():
        assert value.get_secret_value() == keys[variable]
    assert "GITHUB_TOKEN" not in own.block.environment
    assert own.path == [str(tmp_path / "bin")]
    assert own.readable == [tmp_path / "bin", tmp_path / "lib/node_modules"]


def test_a_program_in_the_home_does_not_make_the_home_readable(
    machine: dict[str, str], monkeypatch: pytest.MonkeyPatch
):
    home = Path(machine["PATH"]).parent
    monkeypatch.setenv("HOME", str(home))
    (home / "bin/claude").unlink()
    (home / "bin/claude").write_text("#!/bin/sh\n")
    (home / "bin/claude").chmod(0o755)
    own = own_agent("claude-code", environment={**machine, "ANTHROPIC_API_KEY": "k"})
    assert own.readable == [home / "bin", home / "bin/claude"]


@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("claude-code", {}, "set one of ANTHROPIC_API_KEY, CLAUDE_CODE_OAUTH_TOKEN"),
        ("codex", {"PATH": "", "OPENAI_API_KEY": "k"}, "'codex' of 'codex' is not on PATH"),
        ("mini-swe", {"OPENAI_API_KEY": "k"}, "give --model provider/model"),
    ],
)
def test_what_is_missing_is_said(name: str, more: dict[str, str], said: str, machine: dict[str, str]):
    with pytest.raises(Misconfigured, match=said):
        own_agent(name, environment=machine | more)
