"""Which files a sandboxed command sees and may change, with bubblewrap and without."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from blocks.local_sandbox import LocalSandbox
from blocks.sandbox import Command
from contracts.errors import Misconfigured
from tests.integration.local_sandbox.commands import shell


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
