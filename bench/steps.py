"""What a step of a pipeline costs beside a bare Prefect task that keeps its result.

Both run in one process against one server, in turns, so that a noisy machine disturbs both alike; what is printed
are ratios of ours to bare. The pipeline's steps are text steps of an instant scripted agent, so that neither a
repository nor a suite is in the figure, but the journal with its fsync, the ledger and every rule are.
"""

from __future__ import annotations

import logging
import os
import statistics
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
from pydantic import SecretStr

import blocks
from bench.bare import bare
from bench.postgres import postgres_server
from blocks.scripted_agent import Play
from contracts.pipeline import Pipeline, Step
from contracts.policy import Policy
from contracts.work import Repository, WorkItem
from deployments.bootstrap import bootstrap, save
from deployments.server import Server, local_server
from flows.custom import custom

STEPS = 10
ROUNDS = 30
AT_ONCE = (5, 50)
_TICK = os.sysconf("SC_CLK_TCK")
_SETTLE_SECONDS = 3.0
"""The server writes what it received in batches, up to a second later; its work belongs to the run that caused it."""


@dataclass(frozen=True)
class Cost:
    """What some runs cost.

    Args:
        step: wall clock between the starts of two following steps, milliseconds, median.
        run: wall clock of a run, milliseconds, median.
        calls: calls of the API a step.
        server: CPU time of the server a step, milliseconds.
    """

    step: float
    run: float
    calls: float
    server: float


class Calls:
    """Counts the requests that this process sends, whatever client sends them."""

    def __init__(self) -> None:
        self.count = 0
        for kind, name in ((httpx.HTTPTransport, "handle_request"), (httpx.AsyncHTTPTransport, "handle_async_request")):
            self._count(kind, name)

    def _count(self, kind: type[Any], name: str) -> None:
        send = getattr(kind, name)

        def counted(transport: Any, request: httpx.Request) -> Any:
            self.count += 1
            return send(transport, request)

        setattr(kind, name, counted)


def cpu_seconds(pid: int) -> float:
    """Return the CPU time that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def ours(number: str) -> list[float]:
    """Run the pipeline once; return when each of its steps began, in seconds."""
    item = WorkItem(repository=Repository(name="none"), title=f"Run {number}", key=number)
    steps = [Step(kind="researcher", id=f"step-{index}") for index in range(STEPS)]
    delivery = custom(item, Pipeline(name="bench", steps=steps))
    return [outcome.started.timestamp() for outcome in delivery.timeline]


def one_by_one(server: Server, calls: Calls) -> dict[str, Cost]:
    """Run both in turns, one run at a time."""
    runs = {"bare": bare, "ours": ours}
    seen: dict[str, list[tuple[float, float, int, float]]] = {name: [] for name in runs}
    for number in range(-1, ROUNDS):
        for name, run in runs.items():
            calls_before, cpu_before, begun = calls.count, cpu_seconds(server.pid), time.perf_counter()
            starts = run(f"{name}-{number}")
            took, made = time.perf_counter() - begun, calls.count - calls_before
            time.sleep(_SETTLE_SECONDS)
            step = statistics.median(after - before for before, after in pairwise(starts))
            if number >= 0:
                seen[name].append((step, took, made, cpu_seconds(server.pid) - cpu_before))
    return {name: _cost(rows) for name, rows in seen.items()}


def _cost(rows: list[tuple[float, float, int, float]]) -> Cost:
    step, run, calls, server = (statistics.median(column) for column in zip(*rows, strict=True))
    return Cost(step * 1e3, run * 1e3, calls / STEPS, server / STEPS * 1e3)


def at_once(server: Server, number: int) -> dict[str, tuple[float, float]]:
    """Run both with many runs at the same time; return steps a second and server CPU a step, milliseconds."""
    figures: dict[str, tuple[float, float]] = {}
    for name, run in {"bare": bare, "ours": ours}.items():
        cpu, begun = cpu_seconds(server.pid), time.perf_counter()
        with ThreadPoolExecutor(number) as threads:
            list(threads.map(run, [f"{name}-{number}-{index}" for index in range(number)]))
        took = time.perf_counter() - begun
        time.sleep(_SETTLE_SECONDS)
        figures[name] = (number * STEPS / took, (cpu_seconds(server.pid) - cpu) / (number * STEPS) * 1e3)
    return figures


def main() -> int:
    """Measure and print; return 0 when a step costs at most one and a half times a bare one."""
    logging.disable(logging.WARNING)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        os.environ["DELIVERY_HOME"] = str(home)
        database = stack.enter_context(postgres_server())
        plain = database.render_as_string(hide_password=False)
        asynchronous = database.set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)
        server = stack.enter_context(local_server(home, database=asynchronous))
        bootstrap(home)
        save(blocks.Ledger(url=SecretStr(plain)))
        agent = save(blocks.ScriptedAgent(script={"researcher": [Play(text="x" * 300)]}))
        save(blocks.DeliveryPolicy(policy=Policy(agents={"default": agent}, workspaces=home / "runs")))
        return _print(one_by_one(server, Calls()), {number: at_once(server, number) for number in AT_ONCE})


def _print(single: dict[str, Cost], many: dict[int, dict[str, tuple[float, float]]]) -> int:
    bare_cost, our_cost = single["bare"], single["ours"]
    print(f"{'one run at a time':<28}{'bare':>10}{'ours':>10}{'ratio':>8}")
    for title, name in (
        ("step, ms", "step"),
        ("run, ms", "run"),
        ("API calls a step", "calls"),
        ("server CPU a step, ms", "server"),
    ):
        low, high = getattr(bare_cost, name), getattr(our_cost, name)
        print(f"{title:<28}{low:>10.2f}{high:>10.2f}{high / low:>8.2f}")
    for number, figures in many.items():
        (bare_rate, bare_cpu), (our_rate, our_cpu) = figures["bare"], figures["ours"]
        print(f"{f'{number} at once, steps/s':<28}{bare_rate:>10.1f}{our_rate:>10.1f}{our_rate / bare_rate:>8.2f}")
        print(f"{f'{number} at once, CPU a step':<28}{bare_cpu:>10.2f}{our_cpu:>10.2f}{our_cpu / bare_cpu:>8.2f}")
    step_ratio, cpu_ratio = our_cost.step / bare_cost.step, our_cost.server / bare_cost.server
    throughput = min(figures["ours"][0] / figures["bare"][0] for figures in many.values())
    print(f"step_ratio={step_ratio:.2f} server_cpu_ratio={cpu_ratio:.2f} throughput_ratio={throughput:.2f}")
    return 0 if step_ratio <= 1.5 else 1


if __name__ == "__main__":
    sys.exit(main())
