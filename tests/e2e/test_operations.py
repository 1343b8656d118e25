"""The walk of docs/operations.md, command by command, on the server and the worker that `delivery up` runs."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client

import blocks
from contracts.journal import short
from deployments.bootstrap import save
from deployments.server import pointed_at
from tests.e2e.machine import Machine, until
from tests.flows.shop import FINE, FIXED, GOOD, Shop

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "operations.md"
RISKY: dict[str, Any] = {"structured": {"complexity": 0.9, "risk": 0.1, "impact": 0.2, "rationale": "much at once"}}
HANGS = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).write_text('hangs'); time.sleep(600)"


def walk() -> dict[str, list[str]]:
    """The commands of the walk, by the heading above them."""
    text = DOCUMENT.read_text().partition("## Operating runs\n")[2].partition("\n## ")[0]
    _, *parts = re.split(r"^### (.+)$", "### Start\n" + text, flags=re.MULTILINE)
    found: dict[str, list[str]] = {}
    for title, body in zip(parts[::2], parts[1::2], strict=True):
        scripts: list[str] = re.findall(r"```sh\n(.*?)```", body, re.DOTALL)
        found[title] = [line for script in scripts for line in script.splitlines()]
    return {title: lines for title, lines in found.items() if lines}


def state(run: str) -> str:
    with get_client(sync_client=True) as client:
        found = client.read_flow_run(UUID(run)).state
    return found.name or "" if found else ""


def shop_of(machine: Machine, name: str, **policy: Any) -> Shop:
    shop = Shop(machine.home, machine.root, name)
    shop.folder.mkdir()
    shop.seed({"shop.py": "def total(prices):\n    return sum(prices) - 1\n", "tests/test_shop.py": TESTS})
    shop.play(coder=[{"files": {"shop.py": FIXED}}, {"files": {"shop.py": f"{FIXED}# asked\n"}}], reviewer=[GOOD])
    shop.play(merger=[RISKY])
    shop.policy(attended=True, **policy)
    return shop


TESTS = "from shop import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"


def start(shop: Shop) -> str:
    item = shop.item(title=f"Fix {shop.name}").model_dump(mode="json")
    parameters = {"item": item, "policy": f"delivery-policy/{shop.name}"}
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name("simple/on-demand").id
        return str(client.create_flow_run_from_deployment(deployment, parameters=parameters).id)


def test_the_walk_begins_with_the_service_and_names_every_command():
    commands = [line for lines in walk().values() for line in lines]
    assert walk()["Start"] == ["delivery up"]
    said = {line.split()[1] for line in commands if line.startswith("delivery ")}
    assert said == {"up", "runs", "show", "answer", "retry", "restart", "stop"}


@dataclass
class Operator:
    """Somebody who follows the walk: each section with a run of its own, waiting for what each command leads to."""

    machine: Machine
    say: Callable[[str], str]
    shops: dict[str, Shop] = field(default_factory=dict[str, Shop])
    runs: dict[str, str] = field(default_factory=dict[str, str])

    def begin(self) -> None:
        hangs = [sys.executable, "-c", HANGS, str(self.machine.root / "hangs.txt")]
        self.shops = {
            "waits": shop_of(self.machine, "waits"),
            "fails": shop_of(self.machine, "fails"),
            "hangs": shop_of(self.machine, "hangs"),
            "moves": shop_of(self.machine, "moves", attentive_minutes=0),
        }
        self.shops["fails"].play(merger=[{"text": "no idea"}])
        agents = {"default": "command-agent/hangs", "coder": save(blocks.CommandAgent(command=hangs), "endless")}
        self.shops["hangs"].policy(agents=agents)
        self.runs = {name: start(shop) for name, shop in self.shops.items()}

    def do(self, line: str, run: str) -> str:
        return self.say(line.replace("RUN", short(self.runs[run])))

    def look(self, lines: list[str]) -> None:
        until(lambda: self.asks("waits") == "merger-gate-1--1", "the question")
        until(lambda: state(self.runs["fails"]) == "Failed", "the failure")
        going, everything, shown = (self.do(line, "waits") for line in lines)
        assert "waits at merger: " in going
        assert "Fix waits" in going
        assert "Fix fails" not in going
        assert "Fix fails" in everything
        assert "rated 0.95: good" in shown

    def answer(self, lines: list[str]) -> None:
        show, change, merge = lines
        (self.machine.root / "changes.md").write_text("Say who asked.\n")
        shown = self.do(show, "waits")
        assert f"delivery answer {short(self.runs['waits'])} merge --as" in shown
        self.do(change, "waits")
        until(lambda: self.asks("waits").startswith("merger-gate-2"), "the second question")
        self.do(merge, "waits")
        until(lambda: state(self.runs["waits"]) == "Merged", "the merge")
        assert self.shops["waits"].file("shop.py").endswith("# asked")
        decided = self.do(show, "waits")
        assert "request changes by Ada Lovelace (stated, command line) – counted: Say who asked." in decided
        assert "merge by Ada Lovelace (stated, command line) – counted" in decided

    def repair(self, lines: list[str]) -> None:
        show, retry = lines
        assert "agent at merger" in self.do(show, "fails")
        turns = self.shops["fails"].turns()
        self.shops["fails"].play(merger=[FINE])
        self.do(retry, "fails")
        until(lambda: state(self.runs["fails"]) == "Merged", "the merge of the retry")
        assert self.shops["fails"].turns() == [*turns, "merger"]

    def stop(self, lines: list[str]) -> None:
        show, stop = lines
        until((self.machine.root / "hangs.txt").exists, "the turn that hangs")
        assert "running" in self.do(show, "hangs")
        assert "can be retried" not in self.do(stop, "hangs")
        assert state(self.runs["hangs"]) == "Cancelled"
        assert "the agent goes in circles" in self.do(show, "hangs")

    def restart(self, lines: list[str]) -> None:
        self.shops["hangs"].play(merger=[FINE])
        self.shops["hangs"].policy()
        new = self.do(lines[0], "hangs").split()[1]
        until(lambda: state(new) == "Merged", "the merge of the restart")

    def asks(self, run: str) -> str:
        with get_client(sync_client=True) as client:
            found = client.read_flow_run(UUID(self.runs[run])).state
        return str(found.state_details.pause_key) if found is not None and found.is_paused() else ""


@pytest.mark.timeout(600)
def test_every_command_of_the_walk_does_what_it_says(tmp_path: Path):
    machine, commands = Machine(tmp_path), walk()
    machine.home.mkdir()
    with machine.up(commands["Start"][0]) as ready, machine.terminal() as say:
        ready()
        with pointed_at(machine.api, machine.home / "prefect"):
            operator = Operator(machine, say)
            operator.begin()
            operator.look(commands["What is going on"])
            operator.answer(commands["A run waits"])
            operator.repair(commands["A run fails"])
            operator.stop(commands["A run hangs, or must be stopped"])
            operator.restart(commands["A step is to be done again"])
            until(lambda: operator.asks("moves") == "merger-gate-1--1", "the question of the run that is moved")
    pack, unpack, up, runs = commands["A run must be moved to another machine"]
    _shell(machine, pack)
    shutil.rmtree(machine.home)
    _shell(machine, unpack)
    with machine.up(up) as ready, machine.terminal() as say:
        ready()
        listed = [line for line in say(runs).splitlines() if "Fix moves" in line]
    assert len(listed) == 1
    assert "waits at merger" in listed[0]


def _shell(machine: Machine, line: str) -> None:
    subprocess.run(["bash", "-euc", line], env=machine.environment, cwd=machine.root, check=True)


def test_a_refusal_is_a_sentence_and_the_exit_code_1(tmp_path: Path):
    machine = Machine(tmp_path)
    result = subprocess.run(
        ["delivery", "runs"], env=machine.environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert result.returncode == 1
    assert result.stdout == ""
    assert "start one with `delivery up`" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(machine.root.iterdir())
