"""A repository, a script and a policy for one test; its agent is a real executable that counts its turns."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

from prefect import Flow
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow
from prefect.states import Scheduled

import blocks
from bench.plain_suite import PLAIN_SUITE
from blocks.git import Git, init_bare
from contracts.delivery import Delivery
from contracts.policy import Policy
from contracts.work import Repository, WorkItem
from deployments.bootstrap import python_folder
from tests.flows.documents import put

AGENT = Path(__file__).with_name("counting_agent.py")
GOOD: dict[str, Any] = {"structured": {"rating": 0.95, "summary": "good", "comments": []}}
FINE: dict[str, Any] = {"structured": {"complexity": 0.1, "risk": 0.1, "impact": 0.2, "rationale": "one line"}}
BROKEN = "def total(prices):\n    return sum(prices) - 1\n"
FIXED = "def total(prices):\n    return sum(prices)\n"
TESTS = "from shop import total\n\n\ndef test_total():\n    assert total([1, 2]) == 3\n"
FILES = {
    "shop.py": BROKEN,
    "tests/test_shop.py": TESTS,
    "pyproject.toml": '[tool.pytest.ini_options]\npythonpath = ["."]\n',
}


@dataclass
class Shop:
    """One repository, one script and one policy, under names of their own."""

    home: Path
    root: Path
    name: str
    script: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])

    @property
    def folder(self) -> Path:
        return self.root / self.name

    @property
    def git(self) -> Git:
        return Git(self.home / f"forge/{self.name}.git")

    def item(self, **fields: Any) -> WorkItem:
        values: dict[str, Any] = {
            "repository": Repository(name=self.name),
            "title": "Total is off by one",
            "kind": "bug",
            **fields,
        }
        return WorkItem(**values)

    def seed(self, files: dict[str, str]) -> None:
        tree = self.folder / f"seed-{uuid4().hex[:6]}"
        for path, content in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(content)
        git = Git(init_bare(self.git.directory).directory, tree)
        git.run("add", "--all")
        git.run("update-ref", "refs/heads/main", git.run("commit-tree", git.run("write-tree"), "-m", "first"))

    def policy(self, **fields: Any) -> str:
        command = [sys.executable, str(AGENT), str(self.folder)]
        agent = put(blocks.CommandAgent(command=command), self.name)
        values: dict[str, Any] = {
            "suite": PLAIN_SUITE,
            "sandbox": self.open_sandbox(),
            "agents": {"default": agent},
            "workspaces": self.home / "runs",
            "settle_seconds": 0,
            "attended": False,
            **fields,
        }
        return put(blocks.DeliveryPolicy(policy=Policy(**values)), self.name)

    def play(self, **script: list[dict[str, Any]]) -> None:
        self.script |= {kind.replace("_", "-"): plays for kind, plays in script.items()}
        (self.folder / "script.json").write_text(json.dumps(self.script))
        (self.folder / "moving").mkdir(exist_ok=True)
        (self.folder / "forge").write_text(str(self.git.directory))
        (self.folder / "journal").write_text(str(self.home / "journal"))
        (self.folder / "victim").write_text(str(os.getpid()))

    def open_sandbox(self) -> str:
        """A sandbox without file protection, for agents of tests that reach out of their checkout."""
        return put(blocks.LocalSandbox(isolation="process", path=[python_folder()]), self.name)

    def run(self, flow: Flow[..., Delivery], **parameters: Any) -> Delivery:
        values = {"item": self.item(), "policy": f"delivery-policy/{self.name}", **parameters}
        state: Any = flow(**values, return_state=True)
        return self.ending(str(state.state_details.flow_run_id))

    def ending(self, run: str, attempt: int = 1) -> Delivery:
        raw = blocks.Journal(folder=self.home / "journal").read_path(f"{run}/ending/{attempt}")
        return Delivery.model_validate(json.loads(json.loads(raw)["result"])["data"])

    def turns(self) -> list[str]:
        log = self.folder / "turns.log"
        return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []

    def asked(self, kind: str) -> list[dict[str, Any]]:
        """The turns of a kind, as its agent got them."""
        turns = [json.loads(line) for line in (self.folder / "asked.jsonl").read_text().splitlines()]
        return [turn for turn in turns if turn["kind"] == kind]

    def messages(self, run: str) -> list[str]:
        """What people were told of a run, in order."""
        lines = [json.loads(line)["message"] for line in (self.home / "messages.log").read_text().splitlines()]
        return [line["event"] for line in lines if line["run"] == run]

    def file(self, path: str, revision: str = "main") -> str:
        return self.git.run("show", f"{revision}:{path}")

    def merges(self) -> int:
        return int(self.git.run("rev-list", "--count", "--merges", "main"))

    def again(self, flow: Flow[..., Delivery], run: str, **parameters: Any) -> str:
        """Take the same flow run up again, as a worker does after a crash or the UI's Retry; return its state."""
        values = {"item": self.item(), "policy": f"delivery-policy/{self.name}", **parameters}
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(UUID(run), Scheduled(name="AwaitingRetry"), force=True)
            flow_run = client.read_flow_run(UUID(run))
        state: Any = run_flow(flow, flow_run=flow_run, parameters=values, return_type="state")
        return str(state.name)
