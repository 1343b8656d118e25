"""The examples in docs/agent-protocol.md are agents: each is run as it stands there, in the sandbox."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from blocks.command_agent import CommandAgent
from blocks.local_sandbox import LocalSandbox
from blocks.sandbox import Seat
from contracts.agent import AgentReply, AgentTurn, Workspace
from contracts.errors import AgentFailed
from contracts.work import Repository, WorkItem

DOCUMENT = Path(__file__).parents[2] / "docs" / "agent-protocol.md"
EVENTS: list[dict[str, Any]] = [
    {"type": "system", "subtype": "init"},
    {"type": "assistant", "message": {"content": [{"type": "text", "text": "working"}]}},
]
RESULT: dict[str, Any] = {
    "type": "result",
    "subtype": "success",
    "is_error": False,
    "result": "Wrote it.",
    "session_id": "s-1",
    "total_cost_usd": 0.25,
    "usage": {
        "input_tokens": 10,
        "cache_creation_input_tokens": 20,
        "cache_read_input_tokens": 30,
        "output_tokens": 40,
    },
}


def example(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", DOCUMENT.read_text("utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


@pytest.fixture
def turn(tmp_path: Path) -> AgentTurn:
    (tmp_path / "tree").mkdir()
    return AgentTurn(
        kind="documenter",
        session="run/documenter/1",
        item=WorkItem(repository=Repository(name="shop"), title="Discount codes"),
        prompt="the whole turn",
        workspace=Workspace(
            path=str(tmp_path / "tree"), writable=True, base="main", base_commit="0" * 40, branch="delivery/codes"
        ),
    )


def stand_in(folder: Path, events: list[dict[str, Any]], ending: str = "") -> LocalSandbox:
    """Put a `claude` on the sandbox's PATH that takes the prompt, changes a file and prints the events of a session."""
    folder.mkdir()
    lines = [f"print({json.dumps(event)!r})" for event in events]
    body = ["import pathlib, sys", "pathlib.Path('asked').write_text(f'{sys.argv[1:]} {sys.stdin.read()}')", *lines]
    (folder / "claude").write_text("\n".join([f"#!{sys.executable}", *body, ending]))
    (folder / "claude").chmod(0o755)
    return LocalSandbox(path=[str(folder)])


@pytest.fixture
def wrapper(tmp_path: Path) -> CommandAgent:
    (tmp_path / "agent.sh").write_text(example("sh"))
    return CommandAgent(command=["sh", str(tmp_path / "agent.sh")])


def test_the_example_in_python_changes_a_file_and_then_needs_no_change(tmp_path: Path, turn: AgentTurn) -> None:
    (tmp_path / "agent.py").write_text(example("python"))
    agent = CommandAgent(command=[sys.executable, str(tmp_path / "agent.py")])
    said: list[str] = []
    first = agent.take(turn, Seat(LocalSandbox()), said.append)
    assert first == AgentReply(text="Added a line to the README.", commit_message="Name the work item in the README")
    assert (tmp_path / "tree" / "README.md").read_text() == "\n- Discount codes\n"
    assert said[0].startswith("writing ")
    second = agent.take(turn, Seat(LocalSandbox()), said.append)
    assert second == AgentReply(no_change_needed="the README names the work item already")


@pytest.fixture
def jq() -> None:
    if shutil.which("jq") is None:
        pytest.fail(
            "jq is not on PATH; install the package 'jq', the example in shell is written with it", pytrace=False
        )


@pytest.mark.usefixtures("jq")
def test_the_example_in_shell_hands_on_prompt_answer_and_price(
    tmp_path: Path, turn: AgentTurn, wrapper: CommandAgent
) -> None:
    said: list[str] = []
    reply = wrapper.take(turn, Seat(stand_in(tmp_path / "bin", [*EVENTS, RESULT])), said.append)
    assert (reply.text, reply.session, reply.no_change_needed) == ("Wrote it.", "s-1", "")
    assert (reply.usage.model, reply.usage.cost) == ("claude", 0.25)
    tokens = (reply.usage.input_tokens, reply.usage.output_tokens)
    assert (*tokens, reply.usage.cache_write_tokens, reply.usage.cache_read_tokens) == (10, 40, 20, 30)
    asked = (tmp_path / "tree" / "asked").read_text()
    assert asked.startswith("['-p', ")
    assert asked.endswith("] the whole turn\n")
    assert len(said) == len(EVENTS) + 1


@pytest.mark.usefixtures("jq")
def test_the_example_in_shell_tells_a_reason_from_an_answer(
    tmp_path: Path, turn: AgentTurn, wrapper: CommandAgent
) -> None:
    result = {**RESULT, "result": "I looked.\nNO CHANGE NEEDED: it is there."}
    reply = wrapper.take(turn, Seat(stand_in(tmp_path / "bin", [*EVENTS, result])), print)
    assert reply.no_change_needed == "it is there."


@pytest.mark.usefixtures("jq")
@pytest.mark.parametrize("events", [EVENTS, [*EVENTS, {**RESULT, "is_error": True}]], ids=["none", "error"])
def test_the_example_in_shell_fails_with_its_tool(
    tmp_path: Path, turn: AgentTurn, wrapper: CommandAgent, events: list[dict[str, Any]]
) -> None:
    with pytest.raises(AgentFailed) as caught:
        wrapper.take(turn, Seat(stand_in(tmp_path / "bin", events, "sys.exit('no credit')")), print)
    assert "no credit" in caught.value.detail
