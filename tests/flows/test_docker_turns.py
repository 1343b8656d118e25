"""Turns in containers: their flow process, their container or the engine dies, and each turn is still paid once."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterName

import blocks
from bench.docker_engine import Dockerd, build_images, docker_engine
from blocks.docker_engine import Engine
from blocks.ledger import Ledger
from contracts.delivery import DeliveryStatus
from contracts.failure import FailureKind
from contracts.policy import SuitePolicy
from contracts.work import WorkItem
from flows.simple import simple
from tasks.reaping import reap
from tests.flows.documents import put
from tests.flows.shop import FINE, FIXED, GOOD, Shop

AGENT = """
import json, sys, time
from pathlib import Path
turn = json.load(sys.stdin)
replies = json.loads(sys.argv[1])
if turn["kind"] == "coder":
    tree = Path(turn["workspace"]["path"])
    with (tree / "begun").open("a") as begun:
        begun.write("x")
    while not (tree / "go").exists():
        time.sleep(0.05)
    (tree / "go").unlink()
    (tree / "shop.py").write_text(sys.argv[2])
usage = {"model": "m", "input_tokens": 7, "cost": 0.25}
print(json.dumps({"text": "done", "structured": replies.get(turn["kind"]), "usage": usage}))
"""
IN_A_PROCESS = """
import sys
from contracts.work import WorkItem
from flows.simple import simple
simple(WorkItem.model_validate_json(sys.argv[1]), policy=sys.argv[2])
"""
WAIT_SECONDS = 120


@pytest.fixture(scope="session")
def engine() -> Generator[str]:
    """Give the address of an engine with the slim image."""
    with docker_engine() as address:
        build_images(address, "tests")
        yield address


def contained(shop: Shop, engine: str, **fields: Any) -> str:
    """A policy whose agent and suite run in containers."""
    sandbox = blocks.DockerSandbox(
        image="prefect-delivery-tests", network="none", engine=engine, installation=shop.name, engine_seconds=60
    )
    replies = json.dumps({"reviewer": GOOD["structured"], "merger": FINE["structured"]})
    agent = blocks.CommandAgent(command=["python3", "-c", AGENT, replies, FIXED])
    suite = ["python3", *SuitePolicy().command[1:]]
    return shop.policy(
        sandbox=put(sandbox, shop.name),
        agents={"default": put(agent, f"{shop.name}-contained")},
        suite=SuitePolicy(command=suite, single=[*suite, "-k", "{test}"]),
        workspaces=shop.home / f"runs-{shop.name}",
        **fields,
    )


def started(shop: Shop) -> tuple[subprocess.Popen[bytes], WorkItem, str]:
    """Start a run in a process of its own; return when its coder has begun."""
    item = shop.item(title=f"Contained in {shop.name}")
    policy = f"delivery-policy/{shop.name}"
    process = subprocess.Popen([sys.executable, "-c", IN_A_PROCESS, item.model_dump_json(), policy])
    begun(shop, 1)
    with get_client(sync_client=True) as client:
        named = FlowRunFilter(name=FlowRunFilterName(any_=[item.title]))
        return process, item, str(client.read_flow_runs(flow_run_filter=named)[0].id)


def begun(shop: Shop, times: int) -> Path:
    """Return the checkout when its coder has begun so often."""
    deadline = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < deadline:
        for file in (shop.home / f"runs-{shop.name}").glob("*/tree/begun"):
            if file.read_text() == "x" * times:
                return file.parent
        time.sleep(0.05)
    raise AssertionError("the coder did not begin")


def containers(engine: str, shop: Shop) -> list[str]:
    return [seen.name for seen in Engine(engine).containers({"prefect-delivery.installation": shop.name})]


def test_a_turn_whose_flow_process_is_killed_is_finished_and_paid_once(shop: Shop, engine: str):
    contained(shop, engine)
    process, item, run = started(shop)
    process.kill()
    process.wait()
    (begun(shop, 1) / "go").touch()
    assert shop.again(simple, run, item=item) == "Merged"
    assert shop.file("begun") == "x"
    assert Ledger().turns_of(run) == {("coder", 1): 1, ("reviewer", 1): 1, ("merger", 1): 1}
    assert [usage.input_tokens for one in shop.ending(run).timeline if one.step == "coder" for usage in one.usage] == [
        7
    ]
    assert containers(engine, shop) == []


def test_a_killed_container_is_dispatched_again_within_the_budget(shop: Shop, engine: str):
    contained(shop, engine, losses=1)
    process, _, run = started(shop)
    try:
        for name in containers(engine, shop):
            Engine(engine).remove(name)
        tree = begun(shop, 1)
        again = time.monotonic() + WAIT_SECONDS
        while not containers(engine, shop) and time.monotonic() < again:
            time.sleep(0.05)
        (begun(shop, 1) / "go").touch()
        assert process.wait(WAIT_SECONDS) == 0
    finally:
        process.kill()
    assert not tree.joinpath("go").exists()
    assert shop.ending(run).status is DeliveryStatus.MERGED
    assert shop.file("begun") == "x"


def test_a_container_that_is_lost_too_often_ends_the_run(shop: Shop, engine: str):
    contained(shop, engine, losses=0)
    process, _, run = started(shop)
    try:
        for name in containers(engine, shop):
            Engine(engine).remove(name)
        process.wait(WAIT_SECONDS)
    finally:
        process.kill()
    failure = shop.ending(run).failure
    assert failure is not None
    assert failure.kind is FailureKind.EVICTED
    assert containers(engine, shop) == []


def test_a_restarted_engine_costs_a_turn_nothing(shop: Shop, engine: str):
    folder = Path(tempfile.mkdtemp(prefix="engine-"))
    daemon = Dockerd(folder, "--live-restore", apart=True)
    daemon.start()
    try:
        image = folder / "image.tar"
        subprocess.run(["docker", "-H", engine, "save", "-o", image, "prefect-delivery-tests"], check=True)
        subprocess.run(["docker", "-H", daemon.address, "load", "-q", "-i", image], check=True)
        contained(shop, daemon.address)
        process, _, run = started(shop)
        daemon.stop()
        (begun(shop, 1) / "go").touch()
        daemon.start()
        assert process.wait(WAIT_SECONDS) == 0
        assert shop.ending(run).status is DeliveryStatus.MERGED
        assert shop.file("begun") == "x"
    finally:
        daemon.remove()


def test_what_a_dead_run_left_in_the_engine_is_removed_by_the_sweep(shop: Shop, engine: str):
    contained(shop, engine)
    process, _, run = started(shop)
    process.kill()
    process.wait()
    reap()
    assert containers(engine, shop)
    Ledger().end(run, 1, "failed")
    told = reap()
    assert containers(engine, shop) == [], told
