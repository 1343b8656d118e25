"""What waiting runs cost, and how soon an answered one goes on beside bare Prefect: `make waiting`.

Runs are brought to their gate in this process, where they hand over to a suspended state at once; what is measured is
what is left of them then. Answered runs are taken up by a real worker, ours and bare ones in turns, so that a noisy
machine disturbs both alike.
"""

from __future__ import annotations

import argparse
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, cast
from uuid import UUID

from prefect import Flow
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.exceptions import Pause
from prefect.flow_engine import run_flow

import blocks
from bench.bare_gate import bare_gate
from contracts.pipeline import Pipeline, Step
from contracts.policy import Policy
from contracts.work import Repository, WorkItem
from deployments.bootstrap import bootstrap, python_folder, save
from deployments.server import local_server, local_worker
from flows.custom import custom

AGENT = Path(__file__).with_name("marking_agent.py")
PIPELINE = Pipeline(name="waiting", steps=[Step(kind="researcher", approval=True), Step(kind="researcher", id="next")])
LONGEST_SECONDS = 120.0
_POLL_SECONDS = 0.02


def bring_to_gate(client: SyncPrefectClient, flow: Flow[..., Any], deployment: UUID, **parameters: Any) -> str:
    """Run a flow of a deployment until it is suspended, and return its id."""
    made = client.create_flow_run_from_deployment(deployment, parameters=parameters)
    with suppress(Pause):
        run_flow(flow, flow_run=client.read_flow_run(made.id), parameters=parameters, return_type="state")
    state = client.read_flow_run(made.id).state
    if state is None or state.name != "Suspended":
        raise SystemExit(f"{flow.name} run {made.id} is not suspended: {state}")
    return str(made.id)


def deploy(client: SyncPrefectClient, flow: Flow[..., Any], entrypoint: str) -> UUID:
    """Register a flow with the worker's pool and return its deployment."""
    return client.create_deployment(
        client.create_flow(flow), "waiting", entrypoint=entrypoint, work_pool_name="delivery", pull_steps=[]
    )


def processes_of(runs: list[str]) -> list[int]:
    """Return the processes whose command line or environment names one of the runs."""
    found: list[int] = []
    for folder in Path("/proc").iterdir():
        try:
            words = (
                (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes() if folder.name.isdigit() else b""
            )
        except OSError:
            continue
        if any(run.encode() in words for run in runs) and int(folder.name) != os.getpid():
            found.append(int(folder.name))
    return found


def containers_of(runs: list[str]) -> int:
    """Return how many containers carry the label of one of the runs; without an engine there are none."""
    try:
        listed = subprocess.run(
            ["docker", "ps", "--all", "--format", "{{.Labels}}"], capture_output=True, text=True, check=True
        )
    except (OSError, subprocess.CalledProcessError):
        return 0
    return sum(any(run in line for run in runs) for line in listed.stdout.splitlines())


def bytes_of(folder: Path) -> int:
    """Return what a folder takes on the disk."""
    return sum(file.stat().st_blocks * 512 for file in folder.rglob("*") if file.is_file())


def wake(client: SyncPrefectClient, run: str, values: Callable[[list[str]], dict[str, str]], mark: Path) -> float:
    """Answer a waiting run and return the seconds until its next step runs."""
    state = client.read_flow_run(UUID(run)).state
    keys: Any = state.state_details.run_input_keyset if state else None
    schema = client.request("GET", "/flow_runs/{id}/input/{key}", path_params={"id": run, "key": keys["schema"]}).json()
    choices = cast(list[str], schema["properties"]["decision"]["enum"])
    begun = time.time()
    result = client.resume_flow_run(UUID(run), run_input=values(choices))
    if result.status.value != "ACCEPT":
        raise SystemExit(f"run {run} did not take the answer: {result.details}")
    while not mark.exists() or not mark.read_text():
        if time.time() - begun > LONGEST_SECONDS:
            raise SystemExit(f"run {run} did not go on within {LONGEST_SECONDS:.0f} s")
        time.sleep(_POLL_SECONDS)
    return float(mark.read_text()) - begun


def _answer(choices: list[str]) -> dict[str, str]:
    return {"decision": next(one for one in choices if one.startswith("approve")), "your_name": "Ada", "comment": ""}


def measure(home: Path, count: int, answered: int) -> int:
    """Bring runs to their gates, count what they hold, answer some, and print the figures."""
    marks = home / "marks"
    marks.mkdir()
    before = bytes_of(home)
    with get_client(sync_client=True) as client:
        ours_at = deploy(client, custom, "flows.custom.custom")
        bare_at = deploy(client, bare_gate, "bench.bare_gate.bare_gate")
        ours: list[str] = []
        for number in range(count):
            item = WorkItem(repository=Repository(name="none"), title=f"Run {number}", key=str(number))
            values = {"item": item.model_dump(mode="json"), "pipeline": PIPELINE.model_dump(mode="json")}
            ours.append(bring_to_gate(client, custom, ours_at, **values))
        held = (bytes_of(home) - before) // count
        processes, containers = processes_of(ours), containers_of(ours)
        bare = [
            bring_to_gate(client, bare_gate, bare_at, mark=str(marks / f"bare-{number}")) for number in range(answered)
        ]
        times: dict[str, list[float]] = {"bare": [], "ours": []}
        with local_worker(home):
            for number in range(answered):
                times["bare"].append(wake(client, bare[number], _answer, marks / f"bare-{number}"))
                times["ours"].append(wake(client, ours[number], _answer, marks / str(number)))
    return _print(times, len(processes), containers, held)


def _print(times: dict[str, list[float]], processes: int, containers: int, held: int) -> int:
    print(f"{'from answer to next step':<28}{'p50, s':>10}{'p95, s':>10}")
    p50: dict[str, float] = {}
    for name, seconds in times.items():
        low, high = statistics.median(seconds), statistics.quantiles(seconds, n=20)[-1]
        p50[name] = low
        print(f"{name:<28}{low:>10.2f}{high:>10.2f}")
    ratio = p50["ours"] / p50["bare"]
    print(f"processes={processes} containers={containers} wake_ratio={ratio:.2f} bytes_per_run={held}")
    return 0 if not processes and not containers and ratio <= 1.3 else 1


def main() -> int:
    """Measure and print; return 0 when waiting runs hold nothing and ours goes on within 1.3 of the time of bare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=100, help="how many runs wait at once")
    parser.add_argument("--answered", type=int, default=20, help="how many of them are answered, and as many bare ones")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        home = Path(folder)
        os.environ["DELIVERY_HOME"] = str(home)
        with local_server(home):
            bootstrap(home)
            subprocess.run(
                [sys.executable, "-m", "prefect", "work-pool", "create", "delivery", "--type", "process"],
                check=True,
                capture_output=True,
            )
            save(blocks.LocalSandbox(isolation="process", path=[python_folder()]))
            agent = save(blocks.CommandAgent(command=[sys.executable, str(AGENT), str(home / "marks")]))
            policy = Policy(agents={"default": agent}, workspaces=home / "runs", attentive_minutes=0)
            save(blocks.DeliveryPolicy(policy=policy))
            return measure(home, arguments.runs, arguments.answered)


if __name__ == "__main__":
    sys.exit(main())
