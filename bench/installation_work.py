"""The work of the load: items that each add a file of their own, half of them on the base of one repository."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import yaml
from prefect.client.orchestration import SyncPrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.client.schemas.objects import FlowRun

from bench.bare_run import bare_run
from bench.installation_scene import Installation
from blocks.git import Git, init_bare
from contracts.work import Repository, WorkItem
from deployments.bootstrap import python_folder, set_up

HERE = Path(__file__).parent
SHARED = "shared"
OTHERS = 5
"""Further repositories, on which the other half of the items work."""
AT_ONCE = 8
"""Runs at once, all workers together, as in deployments/installation.yaml."""
PATIENCE_SECONDS = 3_600.0
_LOOK_SECONDS = 2.0
_CALLERS = 10
FILES = {
    "shop.py": "def total(prices):\n    return sum(prices)\n",
    "tests/test_shop.py": "from shop import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n",
}


class Carried(NamedTuple):
    """What became of some runs.

    Args:
        runs: the flow runs at their end.
        seconds: from the first call until the last run had ended.
    """

    runs: list[FlowRun]
    seconds: float

    @property
    def merged(self) -> list[FlowRun]:
        """Those that merged."""
        return [one for one in self.runs if one.state_name == "Merged"]


def furnish(made: Installation) -> None:
    """Bring the server to a document like deployments/installation.yaml, and make the repositories."""
    sandbox = {"isolation": "process", "path": [python_folder()]}
    suite = [sys.executable, "-I", "-S", str(HERE / "chaos_suite.py"), "{junit}"]
    policy: dict[str, Any] = {
        "workspaces": str(made.home / "runs"),
        "suite": {"command": suite, "single": []},
        "settle_seconds": 0,
        "attended": False,
    }
    agent = [sys.executable, "-I", "-S", str(HERE / "instant_agent.py")]
    url = made.own_database("delivery").set(password="PASSWORD").render_as_string(hide_password=False)
    fields: dict[str, dict[str, Any]] = {
        "ledger/main": {"url": url.replace("PASSWORD", f"${{file:{made.secrets}/delivery_password}}")},
        "local-sandbox/main": sandbox,
        "local-forge/main": {"root": str(made.home / "forge"), "sandbox": sandbox},
        "command-agent/main": {"command": agent},
        "delivery-policy/main": {"policy": policy},
    }
    document = {
        "work_pools": [{"name": "delivery", "concurrency_limit": AT_ONCE}],
        "paused": ["recover/every-minute", "escalate/every-five-minutes"],
        "blocks": [{"block": block, "fields": values} for block, values in fields.items()],
    }
    file = made.home / "installation.yaml"
    file.write_text(yaml.safe_dump(document))
    set_up(made.home, file)
    for name in (SHARED, *(f"shop-{number}" for number in range(OTHERS))):
        _seed(made.home / f"forge/{name}.git")


def _seed(directory: Path) -> None:
    tree = directory.with_suffix(".seed")
    for path, content in FILES.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(content)
    git = Git(init_bare(directory).directory, tree)
    git.run("add", "--all")
    git.run("update-ref", "refs/heads/main", git.run("commit-tree", git.run("write-tree"), "-m", "A shop"))


def deploy_bare() -> UUID:
    """Register the bare flow with the pool of the workers; return its deployment."""
    with get_client(sync_client=True) as client:
        return client.create_deployment(
            client.create_flow(bare_run),
            "on-demand",
            entrypoint="bench.bare_run.bare_run",
            work_pool_name="delivery",
            pull_steps=[],
        )


def items(number: int, series: str) -> list[WorkItem]:
    """Return so many work items, every second one on the shared repository; the key names the file that it adds."""
    where = [SHARED if one % 2 == 0 else f"shop-{one // 2 % OTHERS}" for one in range(number)]
    return [
        WorkItem(repository=Repository(name=name), title=f"Item {one} of {series}", key=f"{series}-{one}")
        for one, name in enumerate(where)
    ]


def deliver(work: Sequence[WorkItem]) -> Carried:
    """Start a run for each item at once, and return when all have ended."""
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("simple/on-demand").id
    return _carry(deployment, [{"item": item.model_dump(mode="json")} for item in work])


def run_bare(deployment: UUID, number: int, steps: int) -> Carried:
    """Start so many bare runs at once, and return when all have ended."""
    return _carry(deployment, [{"steps": steps}] * number)


def _carry(deployment: UUID, parameters: Sequence[dict[str, Any]]) -> Carried:
    begun = time.time()

    def start(values: dict[str, Any]) -> UUID:
        with get_client(sync_client=True) as client:
            return client.create_flow_run_from_deployment(deployment, parameters=values).id

    with ThreadPoolExecutor(_CALLERS) as callers:
        started = [callers.submit(_inside(start), values) for values in parameters]
        wanted = [one.result() for one in started]
    with get_client(sync_client=True) as client:
        runs = _ended(client, wanted)
    return Carried(runs, max(one.end_time.timestamp() for one in runs if one.end_time) - begun)


def _inside(call: Callable[[dict[str, Any]], UUID]) -> Callable[[dict[str, Any]], UUID]:
    """The same call with the settings of this thread, which others do not see."""
    context = copy_context()
    return lambda values: context.copy().run(call, values)


def _ended(client: SyncPrefectClient, wanted: list[UUID]) -> list[FlowRun]:
    only = FlowRunFilter(id=FlowRunFilterId(any_=wanted))
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        runs = client.read_flow_runs(flow_run_filter=only)
        if all(one.state is not None and one.state.is_final() for one in runs):
            return runs
        if time.monotonic() > deadline:
            raise SystemExit(f"not ended: {[(str(one.id), one.state_name) for one in runs]}")
        time.sleep(_LOOK_SECONDS)


def lost_updates(home: Path, work: Sequence[WorkItem], carried: Carried) -> int:
    """Return how many merged runs' files are not on their base."""
    merged = {one.name for one in carried.merged}
    lost = 0
    for name in {item.repository.name for item in work}:
        listed = Git(home / f"forge/{name}.git").run("ls-tree", "-r", "--name-only", "main", "items/").splitlines()
        wanted = {f"items/{one.key}.txt" for one in work if one.repository.name == name and one.title in merged}
        lost += len(wanted - set(listed))
    return lost


def steps_of(home: Path, runs: Sequence[FlowRun]) -> int:
    """Return how many records some runs have: each is a task with a persisted result."""
    return sum(len(list((home / "journal" / str(one.id)).rglob("*.json"))) for one in runs)
