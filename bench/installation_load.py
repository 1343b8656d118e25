"""What an installation consumes while runs go on: CPU of its server, CPU and memory of its runs."""

from __future__ import annotations

import os
import statistics
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from bench.installation_scene import Installation

_TICK = os.sysconf("SC_CLK_TCK")
_LOOK_SECONDS = 2.0
_SETTLE_SECONDS = 10.0
"""The server writes what it received in batches; its work belongs to the runs that caused it."""


@dataclass
class Load:
    """What some runs consumed.

    Args:
        server: CPU time of API and background services, seconds.
        runs: CPU time of the workers' processes, seconds.
        memory: memory of all processes of one run, MB, in each look at what was going on.
    """

    server: float = 0.0
    runs: float = 0.0
    memory: list[float] = field(default_factory=list[float])

    @property
    def megabytes(self) -> float:
        """Memory of a run, MB, median."""
        return statistics.median(self.memory) if self.memory else 0.0


@contextmanager
def observed(made: Installation) -> Generator[Load]:
    """Look at an installation until the end of the block; the result is complete afterwards."""
    load, over = Load(), threading.Event()
    servers, workers = [made.server.pid, made.services.pid], [one.pid for one in made.workers]
    server, runs = _spent(servers), _spent(workers)
    looking = threading.Thread(target=_look, args=(workers, load, over), daemon=True)
    looking.start()
    try:
        yield load
    finally:
        over.set()
        looking.join()
        time.sleep(_SETTLE_SECONDS)
        load.server, load.runs = _spent(servers) - server, _spent(workers) - runs


def _look(workers: Sequence[int], load: Load, over: threading.Event) -> None:
    while not over.wait(_LOOK_SECONDS):
        below = [pid for worker in workers for pid in _descendants(worker)]
        engines = sum(_runs_a_flow(pid) for pid in below)
        if engines:
            load.memory.append(sum(_megabytes(pid) for pid in below) / engines)


def _spent(pids: Sequence[int]) -> float:
    """CPU seconds of processes and of everything that they started and that has ended."""
    return sum(sum(int(one) for one in _fields(pid)[11:15]) for pid in pids) / _TICK


def _descendants(pid: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError, IndexError):
            children.setdefault(int(_fields(int(folder.name))[1]), []).append(int(folder.name))
    found, rest = list[int](), [pid]
    while rest:
        below = children.get(rest.pop(), [])
        found += below
        rest += below
    return found


def _runs_a_flow(pid: int) -> bool:
    with suppress(OSError):
        return b"prefect.engine" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def _megabytes(pid: int) -> float:
    """Memory of a process, with its share of what it has in common with others."""
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0


def _fields(pid: int) -> list[str]:
    """Fields of a process's status behind its name."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
