"""Any executable as an agent, in real sandboxes: the turn goes in, a reply or the reason of its failure comes out."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from blocks.command_agent import CommandAgent
from blocks.local_sandbox import LocalSandbox
from blocks.sandbox import Seat
from contracts.errors import AgentFailed, Misconfigured
from contracts.failure import FailureKind
from tests.integration.agent_program import Program, a_turn, take, write_program


@pytest.fixture(params=["bubblewrap", "process"])
def sandbox(request: pytest.FixtureRequest) -> LocalSandbox:
    return LocalSandbox(isolation=request.param)


@pytest.fixture
def bubblewrap() -> LocalSandbox:
    return LocalSandbox(isolation="bubblewrap")


@pytest.fixture
def program(tmp_path: Path) -> Program:
    return lambda script: write_program(tmp_path / "agent.py", script)


def test_the_turn_goes_in_and_the_reply_comes_out(sandbox: LocalSandbox, program: Program) -> None:
    turn = a_turn()
    reply = take(program("reply |= {'structured': turn, 'usage': {'model': 'm', 'cost': 0.5}}"), sandbox, turn)
    assert reply.structured == json.loads(turn.model_dump_json(by_alias=True))
    assert (reply.text, reply.usage.model, reply.usage.cost) == ("done", "m", 0.5)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("sys.exit()", "gave no readable reply: reply: Invalid JSON"),
        ("print('Sure! Here you go:')", "gave no readable reply: reply: Invalid JSON"),
        ("print(json.dumps(reply))", "gave no readable reply: reply: Invalid JSON"),
        ("reply = []", "gave no readable reply: reply: Input should be an object"),
        ("reply['text'] = 7", "gave no readable reply: text: Input should be a valid string"),
        ("reply['txt'] = 'x'", "gave no readable reply: txt: Extra inputs"),
        ("reply['usage'] = {'cost': -1}", "usage.cost: Input should be greater than or equal to 0"),
        ("reply['structured'] = ['x']", "structured: Input should be an object"),
        ("print('[' * 100_000); sys.exit()", "gave no readable reply: reply: Invalid JSON"),
        ("reply = {'protocol': 2, 'answer': 'x'}", "speaks protocol 2; this installation speaks 1"),
        ("reply['protocol'] = 0", "speaks protocol 0; this installation speaks 1"),
        ("reply['protocol'] = 'one'", "gave no readable reply: protocol: Input should be a valid integer"),
        ("print('half'); sys.exit(3)", "ended with code 3; see its output"),
        ("json.dump(reply, sys.stdout); sys.stdout.flush(); os._exit(1)", "ended with code 1"),
        ("os.kill(os.getpid(), 15)", "ended with code -15"),
    ],
)
def test_a_reply_that_breaks_the_protocol_fails_the_turn_with_the_reason(
    bubblewrap: LocalSandbox, program: Program, script: str, words: str
) -> None:
    with pytest.raises(AgentFailed) as caught:
        take(program(f"print('seen', file=sys.stderr)\n{script}"), bubblewrap)
    assert words in caught.value.message
    assert "agent.py" not in caught.value.message
    assert "seen" in caught.value.detail
    assert caught.value.kind is FailureKind.AGENT


def test_the_detail_is_the_end_of_both_streams(bubblewrap: LocalSandbox, program: Program) -> None:
    script = "print('o' * 9_000 + 'out'); print('e' * 9_000 + 'err', file=sys.stderr); sys.exit(1)"
    with pytest.raises(AgentFailed) as caught:
        take(program(script), bubblewrap)
    out, err = caught.value.detail.split("\n", 1)
    assert len(caught.value.detail) <= 4_001
    assert (out[-4:], err[-4:]) == ("oout", "eerr")


@pytest.mark.parametrize(
    ("script", "limits", "kind", "words"),
    [
        (
            "while True: print('.', file=sys.stderr, flush=True); time.sleep(0.01)",
            {"wall_seconds": 0.7},
            FailureKind.TIMEOUT,
            "at its wall clock of 0.7 s",
        ),
        ("time.sleep(600)", {"quiet_seconds": 0.7}, FailureKind.STALLED, "after 0.7 s without output"),
        ("while True: print('x' * 999)", {"output_bytes": 9_999}, FailureKind.AGENT, "more than 9999 bytes of output"),
        ("os.kill(os.getpid(), 9)", {}, FailureKind.EVICTED, "was killed from outside"),
    ],
)
def test_a_limit_ends_the_turn_with_a_kind_of_its_own(
    sandbox: LocalSandbox,
    program: Program,
    script: str,
    limits: dict[str, Any],
    kind: FailureKind,
    words: str,
) -> None:
    begun = time.monotonic()
    with pytest.raises(AgentFailed) as caught:
        take(program(script), sandbox, a_turn(**limits))
    assert caught.value.kind is kind
    assert words in caught.value.message
    assert time.monotonic() - begun < 30


def test_lines_arrive_while_the_agent_still_works(tmp_path: Path, program: Program) -> None:
    answer = tmp_path / "answer"
    os.mkfifo(answer)
    script = f"print('asking', file=sys.stderr, flush=True); reply['text'] = open({str(answer)!r}).read()"
    agent, lines = CommandAgent(command=program(script)), list[str]()

    def on_line(line: str) -> None:
        lines.append(line)
        answer.write_text(f"heard {line}")  # the agent goes on when its line was heard, and only then

    reply = agent.take(a_turn(wall_seconds=30), Seat(LocalSandbox(isolation="process")), on_line)
    assert lines == ["asking"]
    assert reply.text == "heard asking"


def test_a_program_that_is_not_there_is_named(sandbox: LocalSandbox) -> None:
    agent = CommandAgent(command=["no-such-agent"])
    with pytest.raises(Misconfigured, match="'no-such-agent' is not in the sandbox"):
        agent.check(LocalSandbox())
    with pytest.raises(Misconfigured, match="'no-such-agent' does not exist"):
        agent.take(a_turn(), Seat(sandbox), lambda _: None)
    CommandAgent(command=[sys.executable]).check(LocalSandbox())


def test_an_argument_that_is_too_long_for_a_path_is_an_argument(sandbox: LocalSandbox, program: Program) -> None:
    argument = "/" + "very long " * 2_000
    assert take([*program("reply['text'] = sys.argv[1]"), argument], sandbox).text == argument


def test_odd_texts_come_through_both_ways(sandbox: LocalSandbox, program: Program) -> None:
    prompt = 'ünï 日本 \u2028 \x7f "quoted" {braces} \\ $HOME\n' * 20_000
    turn = a_turn().model_copy(update={"prompt": prompt})
    assert take(program("reply['text'] = turn['prompt']"), sandbox, turn).text == prompt
