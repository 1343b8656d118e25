"""How the programs are called: headless, with a stream, without text from outside or a secret among the arguments."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from blocks.claude_code_agent import ClaudeCodeAgent
from blocks.cli_agent import CliAgent, Invocation
from blocks.gemini_agent import GeminiAgent
from blocks.mini_swe_agent import MiniSweAgent
from contracts.agent import AgentTurn
from tests.integration.agent_program import a_turn

HOME = Path("/home/agent")
SESSION = "11111111-1111-4111-8111-111111111111"
PROMPT = "Do 'it' now; $(rm -rf ~) é\n"
KEY = "a-key-of-no-known-shape"
AGENTS = [
    ClaudeCodeAgent.model_validate({"environment": {"ANTHROPIC_API_KEY": KEY}}),
    GeminiAgent.model_validate({"environment": {"GEMINI_API_KEY": KEY}}),
    MiniSweAgent.model_validate({"environment": {"OPENAI_API_KEY": KEY}, "model": "openai/m"}),
]
NAMES = [type(one).__name__ for one in AGENTS]


def called(agent: CliAgent, turn: AgentTurn | None = None, *, resumes: bool = False) -> Invocation:
    return agent.prepare(turn or a_turn(), PROMPT, HOME, SESSION, resumes)


def pairs(invocation: Invocation) -> set[tuple[str, str]]:
    return set(zip(invocation.argv, invocation.argv[1:], strict=False))


@pytest.mark.parametrize("agent", AGENTS, ids=NAMES)
@pytest.mark.parametrize("resumes", [False, True])
def test_prompt_and_key_are_no_arguments(agent: CliAgent, resumes: bool) -> None:
    invocation = called(agent, resumes=resumes)
    shown = "\n".join([*invocation.argv, *invocation.environment.values()])
    assert PROMPT not in shown
    assert KEY not in shown + "".join(invocation.files.values())
    assert PROMPT in (invocation.stdin, *invocation.files.values())


@pytest.mark.parametrize("agent", AGENTS[:2], ids=NAMES[:2])
def test_a_session_is_begun_under_its_id_or_resumed(agent: CliAgent) -> None:
    assert ("--session-id", SESSION) in pairs(called(agent))
    assert ("--resume", SESSION) in pairs(called(agent, resumes=True))
    assert "--session-id" not in called(agent, resumes=True).argv
    assert ("--output-format", "stream-json") in pairs(called(agent))


def test_claude_code_is_free_within_the_sandbox_and_quiet_outside() -> None:
    invocation = called(AGENTS[0])
    assert ("--permission-mode", "bypassPermissions") in pairs(invocation)
    assert {"--print", "--verbose", "--strict-mcp-config"} <= set(invocation.argv)
    assert ("--setting-sources", "user") in pairs(invocation)
    wanted = {"IS_SANDBOX", "DISABLE_AUTOUPDATER", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"}
    assert {name: invocation.environment.get(name) for name in wanted} == dict.fromkeys(wanted, "1")
    assert invocation.environment["CLAUDE_CODE_MAX_RETRIES"] == "2"
    assert "ANTHROPIC_BASE_URL" not in invocation.environment


def test_claude_code_gets_the_blocks_fields() -> None:
    agent = ClaudeCodeAgent(
        model="m",
        fallback_model="f",
        permission_mode="acceptEdits",
        denied_tools=["WebSearch", "WebFetch"],
        max_turns=7,
        max_cost=1.5,
        retries=0,
        base_url="http://gateway:1/",
        repository_settings=True,
    )
    turn = a_turn().model_copy(update={"schema_": {"type": "object"}})
    invocation = called(agent, turn)
    assert {
        ("--model", "m"),
        ("--fallback-model", "f"),
        ("--permission-mode", "acceptEdits"),
        ("--disallowedTools", "WebSearch,WebFetch"),
        ("--max-turns", "7"),
        ("--max-budget-usd", "1.5"),
        ("--json-schema", '{"type":"object"}'),
    } <= pairs(invocation)
    assert "--setting-sources" not in invocation.argv
    assert invocation.environment["ANTHROPIC_BASE_URL"] == "http://gateway:1"
    assert invocation.environment["CLAUDE_CODE_MAX_RETRIES"] == "0"


def test_gemini_gets_the_blocks_fields_as_settings_that_the_repository_cannot_overrule() -> None:
    agent = GeminiAgent(model="m", approval_mode="auto_edit", max_turns=7, retries=0, base_url="http://gateway:1")
    invocation = called(agent)
    settings = json.loads(invocation.files[".gemini/settings.json"])
    assert {("--model", "m"), ("--approval-mode", "auto_edit")} <= pairs(invocation)
    assert settings["security"]["auth"]["selectedType"] == "gemini-api-key"
    assert settings["general"]["maxAttempts"] == 1
    assert settings["general"]["enableAutoUpdate"] is False
    assert settings["model"]["maxSessionTurns"] == 7
    assert not settings["privacy"]["usageStatisticsEnabled"]
    assert not settings["telemetry"]["enabled"]
    assert invocation.environment["GOOGLE_GEMINI_BASE_URL"] == "http://gateway:1"
    assert invocation.environment["GEMINI_CLI_SYSTEM_SETTINGS_PATH"] == "/home/agent/.gemini/settings.json"
    assert ("--approval-mode", "yolo") in pairs(called(AGENTS[1]))


def test_mini_swe_agent_reads_no_file_of_the_repository_as_its_settings() -> None:
    invocation = called(AGENTS[2])
    assert ("--config", "/home/agent/mini/config.yaml") in pairs(invocation)
    assert invocation.environment["LITELLM_MODE"] == "PRODUCTION"
    assert invocation.environment["MSWEA_GLOBAL_CONFIG_DIR"] == "/home/agent/mini"


def test_mini_swe_agent_gets_the_blocks_fields() -> None:
    agent = MiniSweAgent(model="openai/m", max_turns=7, max_cost=1.5, retries=0, base_url="http://gateway:1/v1")
    invocation = called(agent)
    config = json.loads(invocation.files["mini/config.yaml"])
    assert config["agent"]["agent_class"] == "telling_agent.TellingAgent"
    assert (config["agent"]["step_limit"], config["agent"]["cost_limit"]) == (7, 1.5)
    assert config["model"]["model_name"] == "openai/m"
    assert config["model"]["model_kwargs"]["api_base"] == "http://gateway:1/v1"
    assert invocation.environment["MSWEA_MODEL_RETRY_STOP_AFTER_ATTEMPT"] == "1"
    compile(invocation.files["mini/telling_agent.py"], "telling_agent.py", "exec")
