"""How a sandboxed command ends: by itself, at a limit, with the flow, and never with a process left behind."""

from __future__ import annotations

import os
import secrets
import select
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from blocks.local_sandbox import LocalSandbox
from blocks.sandbox import CommandResult, Ending
from tests.integration.local_sandbox.commands import shell

WAIT_SECONDS = 30


@pytest.fixture
def mark() -> str:
    """A number of seconds that no other process sleeps."""
    return f"98765.{secrets.randbelow(10**12):012}"


def marked(mark: str) -> set[int]:
    """Return the host's process ids of all processes with the mark in their arguments."""
    found: set[int] = set()
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if mark.encode() in entry.read_bytes():
                found.add(int(entry.parent.name))
        except OSError:
            continue
    return found


class Census:
    """Counts the marked processes when the command says that it is ready, then lets it go on."""

    def __init__(self, mark: str, directory: Path) -> None:
        self.mark = mark
        self.go = directory / "go"
        self.counts: list[int] = []

    def __call__(self, line: str) -> None:
        if line == "ready":
            self.counts.append(len(marked(self.mark)))
            self.go.touch()


DAEMONS = "setsid sleep {0} & (setsid sh -c 'sleep {0} & exec sleep {0}' &) ; (trap '' TERM HUP; exec sleep {0}) &"
SETTLED = "while [ $(ps axww | grep -c '[s]leep {0}$') -lt {1} ]; do sleep 0.05; done; echo ready >&2;"
COUNTED = "while [ ! -e go ]; do sleep 0.05; done;"


def test_normal_end_leaves_no_process(sandbox: LocalSandbox, tmp_path: Path, mark: str) -> None:
    census = Census(mark, tmp_path)
    result = shell(sandbox, tmp_path, (DAEMONS + SETTLED + COUNTED + "exit 5").format(mark, 4), census)
    assert (result.ending, result.code) == (Ending.EXITED, 5)
    assert census.counts[0] >= 4
    assert marked(mark) == set()


def test_forced_end_leaves_no_process(sandbox: LocalSandbox, tmp_path: Path, mark: str) -> None:
    census = Census(mark, tmp_path)
    script = "trap '' TERM INT HUP;" + DAEMONS + SETTLED + "while :; do sleep {0}; done"
    result = shell(sandbox, tmp_path, script.format(mark, 4), census, quiet_seconds=1.5)
    assert (result.ending, result.code) == (Ending.QUIET, -9)
    assert census.counts[0] >= 4
    assert marked(mark) == set()


def test_fifty_children_are_gone_after_the_wall_clock(sandbox: LocalSandbox, tmp_path: Path, mark: str) -> None:
    census = Census(mark, tmp_path)
    script = "for i in $(seq 50); do setsid sleep {0} & done;" + SETTLED + "wait"
    result = shell(sandbox, tmp_path, script.format(mark, 50), census, wall_seconds=6)
    assert (result.ending, result.code) == (Ending.WALL_CLOCK, -9)
    assert 6 <= result.seconds < 25
    assert census.counts[0] >= 50
    assert marked(mark) == set()


def test_bomb_that_keeps_forking_is_ended(sandbox: LocalSandbox, tmp_path: Path, mark: str) -> None:
    script = f"b() {{ sleep 0.02; b & }}; for i in 1 2 3 4 5; do b & done; sleep {mark}"
    result = shell(sandbox, tmp_path, script, wall_seconds=2)
    assert result.ending is Ending.WALL_CLOCK
    assert marked(mark) == set()


@pytest.mark.parametrize("signal_name", ["STOP", "TERM"])
def test_supervisor_cannot_be_put_off(sandbox: LocalSandbox, tmp_path: Path, mark: str, signal_name: str) -> None:
    script = f"setsid sleep {mark} & kill -{signal_name} $PPID; sleep {mark}"
    result = shell(sandbox, tmp_path, script, wall_seconds=3)
    assert result.ending is (Ending.WALL_CLOCK if signal_name == "STOP" else Ending.KILLED)
    assert marked(mark) == set()


def test_supervisor_is_out_of_reach_under_bubblewrap(tmp_path: Path) -> None:
    result = shell(LocalSandbox(isolation="bubblewrap"), tmp_path, "kill -KILL 1; kill -KILL $PPID; echo alive")
    assert (result.stdout, result.succeeded) == ("alive\n", True)


FLOW = """
import sys
from pathlib import Path
from blocks.local_sandbox import LocalSandbox
from blocks.sandbox import Command

command = Command(argv=["sh", "-c", sys.argv[2]], directory=Path(sys.argv[3]))
LocalSandbox(isolation=sys.argv[1]).run(command, lambda line: print(line, flush=True))
"""


def test_killed_flow_takes_everything_with_it(sandbox: LocalSandbox, tmp_path: Path, mark: str) -> None:
    script = ("trap '' TERM HUP;" + DAEMONS + SETTLED + "wait").format(mark, 4)
    flow = [sys.executable, "-c", FLOW, sandbox.isolation, script, str(tmp_path)]
    temporary = tmp_path / "of-the-flow"
    temporary.mkdir()
    environment = {**os.environ, "TMPDIR": str(temporary)}
    project = Path(__file__).parents[3]
    with subprocess.Popen(flow, stdout=subprocess.PIPE, text=True, cwd=project, env=environment) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        handles = [os.pidfd_open(pid) for pid in marked(mark) - {process.pid}]
        assert len(handles) >= 5
        process.send_signal(signal.SIGKILL)
        assert process.wait() == -signal.SIGKILL
        gone = [bool(select.select([handle], [], [], WAIT_SECONDS)[0]) for handle in handles]
    for handle in handles:
        os.close(handle)
    assert all(gone)
    assert marked(mark) == set()


def test_exception_in_on_line_ends_the_command(sandbox: LocalSandbox, tmp_path: Path, mark: str) -> None:
    def refuse(line: str) -> None:
        raise ZeroDivisionError(line)

    with pytest.raises(ZeroDivisionError, match="ready"):
        shell(sandbox, tmp_path, (DAEMONS + SETTLED + "sleep {0}").format(mark, 4), refuse)
    assert marked(mark) == set()


def test_commands_run_side_by_side(sandbox: LocalSandbox, tmp_path: Path, mark: str) -> None:
    def run(index: int) -> CommandResult:
        wall = 60 if index % 2 else 2
        return shell(sandbox, tmp_path, f"sleep {4 if index % 2 else mark}; echo {index}", wall_seconds=wall)

    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(run, range(4)))
    assert [result.stdout for result in results] == ["", "1\n", "", "3\n"]
    assert [result.ending for result in results] == [Ending.WALL_CLOCK, Ending.EXITED] * 2
    assert all(result.seconds < 4 for result in results[::2])
