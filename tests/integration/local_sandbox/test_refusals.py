"""What a sandbox refuses before a command runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from blocks.bubblewrap import obstacle
from blocks.local_sandbox import LocalSandbox
from blocks.sandbox import Command
from contracts.errors import Misconfigured


@pytest.mark.parametrize("program", ["no-such-program", "./no-such-program", "/no/such/program", "./text"])
def test_missing_program_is_named(sandbox: LocalSandbox, tmp_path: Path, program: str) -> None:
    (tmp_path / "text").write_text("not executable")
    with pytest.raises(Misconfigured, match=program):
        sandbox.run(Command(argv=[program], directory=tmp_path))


def test_program_that_cannot_be_executed_is_named(sandbox: LocalSandbox, tmp_path: Path) -> None:
    (tmp_path / "tool").write_text("#!/no/such/interpreter\n")
    (tmp_path / "tool").chmod(0o755)
    with pytest.raises(Misconfigured, match=r"'\./tool'.*No such file"):
        sandbox.run(Command(argv=["./tool"], directory=tmp_path))


def test_missing_paths_and_own_variables_of_prefect_are_refused(sandbox: LocalSandbox, tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    for fields in ({"directory": missing}, {"writable": [missing]}, {"environment": {"PREFECT_API_KEY": "x"}}):
        with pytest.raises(Misconfigured, match=r"missing|PREFECT_API_KEY"):
            sandbox.run(Command.model_validate({"argv": ["true"], "directory": tmp_path, **fields}))


def test_demanded_protection_is_never_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "true").symlink_to("/bin/true")
    monkeypatch.setenv("PATH", str(tmp_path))
    command = Command(argv=["true"], directory=tmp_path)
    obstacle.cache_clear()
    try:
        for demand in (LocalSandbox(isolation="bubblewrap"), LocalSandbox(network=False)):
            with pytest.raises(Misconfigured, match="bwrap is not on PATH"):
                demand.run(command)
        assert LocalSandbox().run(command).succeeded
    finally:
        obstacle.cache_clear()
    with pytest.raises(Misconfigured, match="isolation is 'process'"):
        LocalSandbox(isolation="process", network=False).run(command)


def test_broken_bubblewrap_is_found_by_trying_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bwrap").write_text("#!/bin/sh\necho no permissions to create a namespace >&2; exit 1\n")
    (tmp_path / "bwrap").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    obstacle.cache_clear()
    try:
        with pytest.raises(Misconfigured, match="no permissions to create a namespace"):
            LocalSandbox(isolation="bubblewrap").run(Command(argv=["true"], directory=tmp_path))
        assert LocalSandbox().run(Command(argv=["true"], directory=tmp_path)).succeeded
    finally:
        obstacle.cache_clear()


def test_environment_that_is_too_large_is_named(sandbox: LocalSandbox, tmp_path: Path) -> None:
    command = Command(argv=["true"], directory=tmp_path, environment={"BIG": "x" * 3_000_000})
    with pytest.raises(Misconfigured, match="Argument list too long"):
        sandbox.run(command)


def test_every_field_is_described_in_a_sentence() -> None:
    fields = LocalSandbox.model_fields.values()
    assert [field.description for field in fields if not (field.description or "").endswith(".")] == []
