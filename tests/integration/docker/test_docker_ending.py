"""How a command in a container ends: by itself, at a limit, with its container, and never with a process left."""

from __future__ import annotations

import secrets
import time
from pathlib import Path
from typing import Any

import pytest

from blocks.docker_engine import Engine
from blocks.docker_sandbox import DockerSandbox
from blocks.sandbox import Ending
from tests.integration.docker.commands import python, shell
from tests.integration.docker.conftest import Make

DAEMONS = "setsid sleep {0} & (setsid sh -c 'sleep {0} & exec sleep {0}' &) ; (trap '' TERM HUP; exec sleep {0}) &"
IN_RUN: dict[str, Any] = {"run": "r", "job": "j"}


@pytest.fixture
def mark() -> str:
    """A number of seconds that no other process sleeps."""
    return f"98765.{secrets.randbelow(10**12):012}"


def marked(mark: str) -> list[str]:
    """Return the host's ids of all processes that sleep so long; the host sees into every container."""
    found: list[str] = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().split(b"\0")
        except OSError:
            continue
        found += [entry.parent.name] if mark.encode() in words else []
    return found


def test_normal_end_leaves_no_process(sandbox: DockerSandbox, tmp_path: Path, mark: str) -> None:
    counts: list[int] = []
    settled = "while [ $(ps axww | grep -c '[s]leep {0}$') -lt 4 ]; do sleep 0.05; done; echo ready >&2;"

    def count(line: str) -> None:
        counts.append(len(marked(mark)))
        (tmp_path / "go").touch()

    script = (DAEMONS + settled + "while [ ! -e go ]; do sleep 0.05; done; exit 5").format(mark)
    result = shell(sandbox, tmp_path, script, count, **IN_RUN)
    assert (result.ending, result.code) == (Ending.EXITED, 5)
    assert counts[0] >= 4
    assert marked(mark) == []


@pytest.mark.parametrize(
    ("limit", "ending"), [({"quiet_seconds": 1}, Ending.QUIET), ({"wall_seconds": 1.5}, Ending.WALL_CLOCK)]
)
def test_forced_end_leaves_no_process(
    sandbox: DockerSandbox, tmp_path: Path, mark: str, limit: dict[str, Any], ending: Ending
) -> None:
    script = ("trap '' TERM INT HUP;" + DAEMONS + "while :; do sleep {0}; done").format(mark)
    result = shell(sandbox, tmp_path, script, **limit, **IN_RUN)
    assert (result.ending, result.code) == (ending, -9)
    assert marked(mark) == []


def test_only_progress_counts_against_silence(sandbox: DockerSandbox, tmp_path: Path) -> None:
    script = "for i in 1 2 3 4 5 6 7 8; do echo again; echo noise >&2; sleep 0.5; done"
    result = shell(sandbox, tmp_path, script, None, lambda line: False, quiet_seconds=1.5)
    assert result.ending is Ending.QUIET
    assert shell(sandbox, tmp_path, script, None, lambda line: True, quiet_seconds=1.5).succeeded


def test_flood_is_ended_at_its_limit(sandbox: DockerSandbox, tmp_path: Path) -> None:
    result = shell(sandbox, tmp_path, "yes", output_bytes=100_000)
    assert (result.ending, len(result.stdout)) == (Ending.OUTPUT_LIMIT, 100_000)


def test_signal_is_an_exit_with_a_negative_code_and_kill_is_not(sandbox: DockerSandbox, tmp_path: Path) -> None:
    assert (shell(sandbox, tmp_path, "kill -TERM $$")).code == -15
    result = shell(sandbox, tmp_path, "kill -KILL $$")
    assert (result.ending, result.code) == (Ending.KILLED, -9)


@pytest.mark.parametrize("signal", ["KILL", "STOP"])
def test_a_command_cannot_get_rid_of_its_supervisor(
    sandbox: DockerSandbox, tmp_path: Path, mark: str, signal: str
) -> None:
    script = f"setsid sleep {mark} & kill -{signal} $PPID; sleep {mark}"
    result = shell(sandbox, tmp_path, script, wall_seconds=2, **IN_RUN)
    assert result.ending is (Ending.KILLED if signal == "KILL" else Ending.WALL_CLOCK)
    assert marked(mark) == []


def test_exception_of_a_listener_ends_the_command(sandbox: DockerSandbox, tmp_path: Path, mark: str) -> None:
    def fail(line: str) -> None:
        raise ZeroDivisionError(line)

    with pytest.raises(ZeroDivisionError, match="ready"):
        shell(sandbox, tmp_path, f"echo ready >&2; sleep {mark}", fail, **IN_RUN)
    assert marked(mark) == []


def test_fork_bomb_stays_in_its_container(make: Make, tmp_path: Path, mark: str) -> None:
    script = f"b() {{ sleep {mark} & b | b & }}; b; sleep {mark}"
    result = shell(make(pids=64), tmp_path, script, wall_seconds=3, output_bytes=1_000_000)
    assert result.ending in (Ending.WALL_CLOCK, Ending.OUTPUT_LIMIT)
    assert marked(mark) == []


def test_memory_that_is_used_up_is_told_apart(make: Make, tmp_path: Path) -> None:
    result = python(make(memory_mb=96), tmp_path, "b = bytearray(400_000_000)", **IN_RUN)
    assert result.ending is Ending.KILLED
    assert "memory was used up" in result.stderr


def test_temporary_files_are_bounded(make: Make, tmp_path: Path) -> None:
    script = "dd if=/dev/zero of=/tmp/f bs=1M count=64; dd if=/dev/zero of=$HOME/f bs=1M count=64; true"
    result = shell(make(scratch_mb=16), tmp_path, script)
    assert result.stderr.count("No space left on device") == 2


def test_filling_the_disk_ends_the_command(make: Make, tmp_path: Path) -> None:
    script = "i=0; while :; do i=$((i+1)); head -c 4000000 /dev/zero > f$i; done"
    result = shell(make(disk_mb=64), tmp_path, script, wall_seconds=60)
    assert result.ending is Ending.OUTPUT_LIMIT
    assert "disk_mb" in result.stderr
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 4_000_000_000


def names_of(sandbox: DockerSandbox, run: str) -> list[str]:
    return [seen.name for seen in Engine(sandbox.engine).containers({"prefect-delivery.run": run})]


def test_a_removed_container_is_told_and_the_next_command_has_another(sandbox: DockerSandbox, tmp_path: Path) -> None:
    def remove(line: str) -> None:
        for name in names_of(sandbox, "lost"):
            Engine(sandbox.engine).remove(name)

    begun = time.monotonic()
    result = shell(sandbox, tmp_path, "echo told; echo ready >&2; sleep 60", remove, run="lost", job="1")
    assert (result.ending, result.stdout) == (Ending.KILLED, "told\n")
    assert "was lost: it was removed" in result.stderr
    assert time.monotonic() - begun < 30
    assert not sandbox.holds("lost", "1")
    assert shell(sandbox, tmp_path, "echo again", run="lost", job="2").stdout == "again\n"


def test_a_container_without_a_run_is_told_too(sandbox: DockerSandbox, tmp_path: Path) -> None:
    def remove(line: str) -> None:
        for seen in Engine(sandbox.engine).containers({"prefect-delivery.installation": sandbox.installation}):
            Engine(sandbox.engine).remove(seen.name)

    result = shell(sandbox, tmp_path, "echo ready >&2; sleep 60", remove)
    assert result.ending is Ending.KILLED
