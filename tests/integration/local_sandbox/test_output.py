"""What a sandboxed command says while it runs, and which limits its lines and its silence meet."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from blocks.local_sandbox import LocalSandbox
from blocks.sandbox import Command, Ending
from contracts.agent import Limits
from tests.integration.local_sandbox.commands import shell


def test_lines_come_while_the_command_runs(sandbox: LocalSandbox, tmp_path: Path) -> None:
    lines: list[str] = []

    def go(line: str) -> None:
        lines.append(line)
        (tmp_path / "go").touch()

    script = "echo first >&2; while [ ! -e go ]; do sleep 0.05; done; printf 'out'; printf '\\nlast' >&2"
    result = shell(sandbox, tmp_path, script, go, wall_seconds=20)
    assert result.succeeded
    assert lines == ["first", "", "last"]
    assert result.stderr == "first\n\nlast"


def test_long_lines_come_in_pieces(sandbox: LocalSandbox, tmp_path: Path) -> None:
    lines: list[str] = []
    code = "import sys; sys.stderr.buffer.write(('é€😀' * 70_000 + chr(10) + 'end').encode())"
    sandbox.run(Command(argv=[sys.executable, "-c", code], directory=tmp_path), lines.append)
    assert "".join(lines) == "é€😀" * 70_000 + "end"
    assert lines[-1] == "end"
    assert max(len(line.encode()) for line in lines) <= 65_536


@pytest.mark.parametrize("stream", ["", ">&2"])
def test_any_output_counts_as_progress(sandbox: LocalSandbox, tmp_path: Path, stream: str) -> None:
    script = f"for i in 1 2 3 4 5 6 7 8; do printf x {stream}; sleep 0.5; done"
    assert shell(sandbox, tmp_path, script, quiet_seconds=2.5).succeeded


def test_silence_ends_the_command(sandbox: LocalSandbox, tmp_path: Path) -> None:
    result = shell(sandbox, tmp_path, "echo before; sleep 60", quiet_seconds=1)
    assert (result.ending, result.stdout) == (Ending.QUIET, "before\n")
    assert result.seconds < 30


@pytest.mark.parametrize("script", ["yes", "yes >&2", "yes & yes >&2"])
def test_output_flood_stops_at_the_limit(sandbox: LocalSandbox, tmp_path: Path, script: str) -> None:
    result = shell(sandbox, tmp_path, script, output_bytes=1_000_001)
    assert result.ending is Ending.OUTPUT_LIMIT
    assert len(result.stdout) + len(result.stderr) == 1_000_001


@pytest.mark.parametrize(("limit", "ending"), [(6, Ending.EXITED), (5, Ending.OUTPUT_LIMIT)])
def test_limit_counts_both_streams(sandbox: LocalSandbox, tmp_path: Path, limit: int, ending: Ending) -> None:
    assert shell(sandbox, tmp_path, "printf abc; printf def >&2", output_bytes=limit).ending is ending


def test_lines_that_show_no_progress_do_not_put_off_the_limit_of_silence(sandbox: LocalSandbox, tmp_path: Path) -> None:
    script = "echo begun; while :; do echo retrying; echo retrying >&2; sleep 0.1; done"
    limits = Limits(quiet_seconds=1.0, wall_seconds=60)
    command = Command(argv=["sh", "-c", script], directory=tmp_path, limits=limits)
    heard: list[str] = []

    def useful(line: str) -> bool:
        heard.append(line)
        return line != "retrying"

    assert sandbox.run(command, on_output=useful).ending is Ending.QUIET
    assert heard[0] == "begun"
    assert "retrying" in heard


def test_lines_that_show_progress_put_it_off(sandbox: LocalSandbox, tmp_path: Path) -> None:
    script = "for i in 1 2 3 4 5 6; do echo step; sleep 0.4; done"
    limits = Limits(quiet_seconds=1.5, wall_seconds=60)
    command = Command(argv=["sh", "-c", script], directory=tmp_path, limits=limits)
    assert sandbox.run(command, on_output=lambda line: line == "step").ending is Ending.EXITED


def test_a_line_of_output_is_heard_in_one_piece_however_long(sandbox: LocalSandbox, tmp_path: Path) -> None:
    heard: list[int] = []
    code = "print('x' * 300_000); print('y', end='')"

    def useful(line: str) -> bool:
        heard.append(len(line))
        return True

    assert sandbox.run(Command(argv=[sys.executable, "-c", code], directory=tmp_path), on_output=useful).succeeded
    assert heard == [300_000, 1]
