"""What a turn in a container costs over the same command called directly, and how soon a container is ready.

Run `.venv/bin/python -m bench.agents`. The last line is `turn_ratio=… cold_ms=… warm_ms=…`: the median of turns in a
container that is reused over the median of direct calls, the first turn of a run beyond a direct call, a later one.
"""

from __future__ import annotations

import argparse
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench.docker_engine import build_images, docker_engine
from blocks.command_agent import CommandAgent
from blocks.docker_sandbox import DockerSandbox
from blocks.sandbox import Seat
from contracts.agent import AgentTurn, Workspace
from contracts.work import Repository, WorkItem

_PROGRAM = """
import json, sys, time
json.load(sys.stdin)
time.sleep(float(sys.argv[1]))
print(json.dumps({"text": "done"}))
"""


def timed(act: Callable[[], object]) -> float:
    """Return the seconds that a call takes."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def main() -> None:
    """Measure direct calls, first turns and later turns by turns, so that all meet the same machine."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--turns", type=int, default=15)
    parser.add_argument(
        "--seconds", type=float, default=3.0, help="what the program itself takes; real turns take more"
    )
    given = parser.parse_args()
    command = ["/usr/bin/python3", "-c", _PROGRAM, str(given.seconds)]
    direct, cold, warm = list[float](), list[float](), list[float]()
    with docker_engine() as address, tempfile.TemporaryDirectory() as folder:
        build_images(address, "tests")
        tree = Path(folder).resolve()
        item = WorkItem(repository=Repository(name="shop"), title="x", kind="bug")
        place = Workspace(path=str(tree), writable=True, base="main", base_commit="0", branch="b")
        turn = AgentTurn(kind="coder", session="r/s/1", item=item, prompt="", workspace=place)
        agent, told = CommandAgent(command=command), turn.model_dump_json(by_alias=True)
        sandbox = DockerSandbox(image="prefect-delivery-tests", network="none", engine=address, installation="bench")
        for number in range(given.turns):
            run = secrets.token_hex(4)
            direct.append(
                timed(lambda: subprocess.run(command, input=told, text=True, check=True, capture_output=True))
            )
            for times in (cold, warm):
                seat = Seat(sandbox, run=run, job=f"{number}/{len(times)}/{secrets.token_hex(4)}")
                times.append(timed(lambda seat=seat: agent.take(turn, seat, lambda _: None)))
                sandbox.forget(seat.run, seat.job)
            sandbox.release(run)
    usual = statistics.median(direct)
    over = [1_000 * (statistics.median(times) - usual) for times in (cold, warm)]
    ratio = statistics.median(warm) / usual
    sys.stdout.write(f"turns={given.turns} direct_ms={1_000 * usual:.0f} turn_ratio={ratio:.3f}\n")
    sys.stdout.write(f"turn_ratio={ratio:.3f} cold_ms={over[0]:.0f} warm_ms={over[1]:.0f}\n")


if __name__ == "__main__":
    main()
