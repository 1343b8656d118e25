"""What a sandboxed command is given and gives back: streams, environment, programs, network."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from pydantic import ValidationError

from blocks.local_sandbox import LocalSandbox
from blocks.sandbox import Command, Ending
from contracts.agent import Limits
from tests.integration.local_sandbox.commands import shell


def test_gives_code_streams_and_seconds(sandbox: LocalSandbox, workspace: Path) -> None:
    result = shell(sandbox, workspace, "echo out; echo err >&2; sleep 0.2; exit 3")
    assert (result.ending, result.code, result.stdout, result.stderr) == (Ending.EXITED, 3, "out\n", "err\n")
    assert 0.2 <= result.seconds < 30
    assert not result.succeeded
    assert shell(sandbox, workspace, "true").succeeded


@pytest.mark.parametrize(
    ("script", "ending", "code"),
    [
        ("kill -TERM $$", Ending.EXITED, -15),
        ("kill -KILL $$", Ending.KILLED, -9),
        ("exit 137", Ending.EXITED, 137),
    ],
)
def test_tells_signals_from_exit_codes(
    sandbox: LocalSandbox, workspace: Path, script: str, ending: Ending, code: int
) -> None:
    result = shell(sandbox, workspace, script)
    assert (result.ending, result.code) == (ending, code)


def test_streams_may_hold_any_bytes(sandbox: LocalSandbox, workspace: Path) -> None:
    result = shell(sandbox, workspace, r"printf 'a\377\000\303\244'; printf '\303' >&2")
    assert (result.stdout, result.stderr) == ("a\ufffd\x00ä", "\ufffd")


def test_environment_is_an_allow_list(sandbox: LocalSandbox, workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PREFECT_API_KEY", "GITHUB_TOKEN", "UNRELATED", "LD_PRELOADED"):
        monkeypatch.setenv(name, "s3cret-of-the-flow")
    monkeypatch.setenv("TERM", "xterm")
    for name in ("LANG", "LC_ALL", "LC_CTYPE", "TZ", "LANGUAGE", "COLORTERM", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    command = Command(argv=["env"], directory=workspace, environment={"MODEL_KEY": "given"})
    variables = dict(line.split("=", 1) for line in sandbox.run(command).stdout.splitlines())
    own = {"HOME", "TMPDIR", "PYTHONDONTWRITEBYTECODE", "GIT_CONFIG_NOSYSTEM"}
    assert variables.keys() == own | {"PATH", "TERM", "LANG", "MODEL_KEY"}
    assert "s3cret-of-the-flow" not in str(variables)


def test_no_process_environment_shows_a_secret(
    protected: LocalSandbox, workspace: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNRELATED", "s3cret-of-the-flow")
    seen = shell(protected, workspace, "cat /proc/[0-9]*/environ /proc/[0-9]*/cmdline; ls -d /proc/[0-9]*").stdout
    assert "s3cret-of-the-flow" not in seen
    assert str(os.getpid()) not in seen.replace("/proc/", " ").split()


@pytest.mark.parametrize("name", ["PREFECT_API_URL", "GITHUB_TOKEN", "SLACK_SIGNING_SECRET", "OPENAI_API_KEY"])
def test_credentials_cannot_be_passed_on_by_name(name: str) -> None:
    with pytest.raises(ValidationError, match=name):
        LocalSandbox(environment=["PATH", name])


def test_path_directories_come_first(sandbox: LocalSandbox, workspace: Path, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "ls").write_text("#!/bin/sh\necho mine\n")
    (tools / "ls").chmod(0o755)
    own = sandbox.model_copy(update={"path": [str(tools)]})
    assert own.run(Command(argv=["ls"], directory=workspace)).stdout == "mine\n"
    assert shell(own, workspace, "ls").stdout == "mine\n"


def test_interpreter_and_environment_of_the_flow_work(sandbox: LocalSandbox, workspace: Path) -> None:
    command = Command(argv=[sys.executable, "-c", "import sys, pydantic; print(sys.prefix)"], directory=workspace)
    result = sandbox.run(command)
    assert result.stdout.strip() == sys.prefix, result.stderr


@pytest.fixture
def port() -> Generator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("network", [True, False])
def test_network_can_be_taken_away(protected: LocalSandbox, workspace: Path, port: int, *, network: bool) -> None:
    code = f"import socket; socket.create_connection(('127.0.0.1', {port}), 5)"
    own = protected.model_copy(update={"network": network})
    assert own.run(Command(argv=[sys.executable, "-c", code], directory=workspace)).succeeded is network


@pytest.mark.parametrize("large", [0, 5_000_000])
def test_standard_input_is_fed_while_output_flows(sandbox: LocalSandbox, workspace: Path, large: int) -> None:
    text = "ä" * large
    result = sandbox.run(Command(argv=["cat"], directory=workspace, stdin=text, limits=Limits(output_bytes=20_000_000)))
    assert result.succeeded
    assert result.stdout == text


@pytest.mark.parametrize("script", ["true", "exec 0<&-; sleep 0.3; echo done", "sleep 0.3"])
def test_standard_input_need_not_be_read(sandbox: LocalSandbox, workspace: Path, script: str) -> None:
    assert shell(sandbox, workspace, script, stdin="x" * 5_000_000).succeeded


def test_a_program_is_found_where_commands_find_it(sandbox: LocalSandbox, tmp_path: Path) -> None:
    tool = tmp_path / "own-tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    assert sandbox.has("sh")
    assert sandbox.has(str(tool))
    assert not sandbox.has("own-tool")
    assert sandbox.model_copy(update={"path": [str(tmp_path)]}).has("own-tool")
