"""What a sandboxed command sees, may change and gives back, with bubblewrap and without."""

from __future__ import annotations

import os
import shutil
import socket
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from pydantic import ValidationError

from blocks.bubblewrap import obstacle
from blocks.local_sandbox import LocalSandbox
from blocks.sandbox import Command, CommandResult, Ending
from contracts.agent import Limits
from contracts.errors import Misconfigured


@pytest.fixture
def protected() -> LocalSandbox:
    reason = obstacle(network=True) or obstacle(network=False)
    assert not reason, f"these tests need a bubblewrap that works: install the package bubblewrap ({reason})"
    return LocalSandbox(isolation="bubblewrap")


@pytest.fixture(params=["bubblewrap", "process"])
def sandbox(request: pytest.FixtureRequest, protected: LocalSandbox) -> LocalSandbox:
    return protected if request.param == "bubblewrap" else LocalSandbox(isolation="process")


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    directory = tmp_path / "workspace"
    directory.mkdir()
    return directory


def shell(
    sandbox: LocalSandbox,
    workspace: Path,
    script: str,
    *,
    writable: list[Path] | None = None,
    readable: list[Path] | None = None,
    stdin: str = "",
) -> CommandResult:
    command = Command(
        argv=["sh", "-c", script],
        directory=workspace,
        writable=[workspace] if writable is None else writable,
        readable=readable or [],
        stdin=stdin,
    )
    return sandbox.run(command)


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


def test_a_link_to_a_program_below_a_hidden_directory_is_started(
    protected: LocalSandbox, workspace: Path, tmp_path: Path
) -> None:
    programs = tmp_path / "environment" / "bin"
    programs.mkdir(parents=True)
    (programs / "tool").symlink_to(shutil.which("true") or "/bin/true")
    sandbox = protected.model_copy(update={"path": [str(programs)], "readable": [programs.parent]})
    assert sandbox.run(Command(argv=["tool"], directory=workspace)).succeeded


def test_what_the_installation_keeps_is_not_visible(
    protected: LocalSandbox, workspace: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Path("/var/tmp") / tmp_path_factory.mktemp("kept").name
    home.mkdir()
    (home / "ledger.db").touch()
    monkeypatch.setenv("DELIVERY_HOME", str(home))
    try:
        assert protected.run(Command(argv=["ls", str(home)], directory=workspace)).stdout == ""
    finally:
        shutil.rmtree(home)


def test_home_and_temporary_directory_are_new_and_removed(sandbox: LocalSandbox, workspace: Path) -> None:
    script = 'ls -A "$HOME"; mkdir -p "$HOME/a/b" && chmod 0 "$HOME/a"; mktemp; echo "$HOME"'
    result = shell(sandbox, workspace, script, writable=[])
    made, home = result.stdout.splitlines()
    assert result.stderr == ""
    assert not Path(made).exists()
    assert not Path(home).parent.exists()


def test_only_writable_paths_can_be_changed(protected: LocalSandbox, workspace: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    script = f"echo x > inside; echo x > {other}/f; echo x > /etc/delivery-test; mkdir /delivery-test; chmod 777 /etc"
    result = shell(protected, workspace, script, readable=[other])
    assert (workspace / "inside").read_text() == "x\n"
    assert result.stderr.count("Read-only file system") == 4
    assert not any(path.exists() for path in (other / "f", Path("/etc/delivery-test"), Path("/delivery-test")))


def test_directory_that_is_not_writable_can_be_read(protected: LocalSandbox, workspace: Path) -> None:
    (workspace / "f").write_text("text")
    result = shell(protected, workspace, "cat f; echo x > f", writable=[])
    assert result.stdout == "text"
    assert (workspace / "f").read_text() == "text"


def test_temporary_files_of_the_host_are_not_visible(protected: LocalSandbox, workspace: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret")
    result = shell(protected, workspace, f"ls {tmp_path}; cat {secret}; touch /tmp/made-inside && ls /tmp/made-inside")
    assert result.stdout == "workspace\n/tmp/made-inside\n"
    assert not Path("/tmp/made-inside").exists()


def test_home_is_hidden_but_for_what_is_needed(
    protected: LocalSandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    for name in (".ssh", "work", "bin", "tools", "install-1.0"):
        (home / name).mkdir(parents=True)
        (home / name / "f").write_text(name)
    (home / "install").symlink_to("install-1.0")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", f"{home}/bin:{home}:{os.environ['PATH']}")
    own = protected.model_copy(update={"readable": [home / "install"]})
    script = f"cd {home}; cat work/f bin/f tools/f install/f; ls -A; touch work/new bin/new new .ssh/new"
    result = shell(own, home / "work", script, writable=[home / "work"], readable=[home / "tools"])
    assert result.stdout.startswith("workbintoolsinstall-1.0")
    assert result.stdout.split("\n")[0].endswith("bin")
    assert ".ssh" not in result.stdout
    assert (home / "work" / "new").exists()
    assert not (home / "bin" / "new").exists()
    assert not (home / "new").exists()


def test_hidden_directories_are_empty_and_their_inside_can_be_given(
    protected: LocalSandbox, workspace: Path, tmp_path: Path
) -> None:
    (workspace / "vault").mkdir()
    (workspace / "vault" / "f").write_text("s3cret")
    (workspace / "key").write_text("s3cret")
    own = protected.model_copy(update={"hidden": [workspace / "vault", workspace / "key", tmp_path / "missing"]})
    result = shell(own, workspace, "ls -A vault; cat key; touch vault/f; ls -A /run")
    assert (result.stdout.replace("\n", " ").find("s3cret"), "vault/f" in result.stderr) == (-1, True)
    assert shell(protected, workspace, "ls -A /run | grep -v systemd").stdout == ""


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


def test_a_home_that_is_given_stays(sandbox: LocalSandbox, workspace: Path, tmp_path: Path) -> None:
    home = tmp_path / "kept"
    home.mkdir()
    script = 'echo said >> "$HOME/memory"; cat "$HOME/memory"'
    command = Command(argv=["sh", "-c", script], directory=workspace, home=home)
    assert [sandbox.run(command).stdout for _ in range(2)] == ["said\n", "said\nsaid\n"]
    assert (home / "memory").read_text() == "said\nsaid\n"


def test_a_home_that_is_missing_is_refused(sandbox: LocalSandbox, workspace: Path, tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"gone' for a sandbox does not exist"):
        sandbox.run(Command(argv=["true"], directory=workspace, home=tmp_path / "gone"))


def test_a_program_is_found_where_commands_find_it(sandbox: LocalSandbox, tmp_path: Path) -> None:
    tool = tmp_path / "own-tool"
    tool.write_text("#!/bin/sh\n")
    tool.chmod(0o755)
    assert sandbox.has("sh")
    assert sandbox.has(str(tool))
    assert not sandbox.has("own-tool")
    assert sandbox.model_copy(update={"path": [str(tmp_path)]}).has("own-tool")
