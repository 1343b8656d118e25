"""What the chaos runs work on: a tiny repository each, one agent, and a pipeline that takes every loop once."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client

import blocks
from blocks.git import Git, init_bare
from contracts.pipeline import Pipeline
from contracts.policy import Policy, SuitePolicy
from contracts.work import Repository, WorkItem
from deployments.bootstrap import python_folder, save
from flows.bugfix import PIPELINE as BUGFIX

HERE = Path(__file__).parent
SITE = HERE / "chaos_site"
REVIEW, APPROVAL = "clarity-review 1", "reviewer 1"
"""The two gates: findings that a person answers, and the approval of the change."""
WINDOWS = {"swift": 3.0, "patient": 25.0}
"""Seconds that a waiting run keeps its process, by the policy's name."""
BROKEN = """def total(prices):
    return sum(prices) - 1


def mean(prices):
    return total(prices) / (len(prices) + 1)
"""
TESTS = """from shop import mean, total


def test_total():
    assert total([1, 2]) == 3


def test_mean():
    assert mean([1, 3]) == 2
"""
DEPLOYMENT = "custom/on-demand"
PIPELINE = Pipeline(
    name="bugfix",
    description="The steps of bugfix, with an approval of the graded change.",
    steps=[one.model_copy(update={"approval": one.kind == "reviewer"}) for one in BUGFIX.steps],
)


def set_up(home: Path) -> None:
    """Save the blocks that all runs share, and make the repository that each of them gets a copy of."""
    _seed(home)
    sandbox = save(blocks.LocalSandbox(isolation="process", path=[python_folder()]), "chaos")
    checks = {"changes-are-noted": ["test", "-f", "CHANGES.md"]}
    plain = blocks.LocalSandbox(isolation="process")
    save(blocks.LocalForge(root=home / "forge", check_commands=checks, sandbox=plain))
    agent = blocks.CommandAgent(command=[sys.executable, "-I", str(HERE / "chaos_agent.py"), str(home / "turns.log")])
    suite = [sys.executable, "-I", str(HERE / "chaos_suite.py"), "{junit}"]
    for name, seconds in WINDOWS.items():
        policy = Policy(
            sandbox=sandbox,
            agents={"default": save(agent, "chaos")},
            workspaces=home / "runs",
            suite=SuitePolicy(command=suite, single=[]),
            settle_seconds=0,
            attentive_minutes=seconds / 60,
        )
        save(blocks.DeliveryPolicy(policy=policy), f"chaos-{name}")


def _seed(home: Path) -> None:
    tree = home / "seed"
    for path, content in {"shop.py": BROKEN, "tests/test_shop.py": TESTS}.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(content)
    git = Git(init_bare(home / "seed.git").directory, tree)
    git.run("add", "--all")
    git.run("update-ref", "refs/heads/main", git.run("commit-tree", git.run("write-tree"), "-m", "A shop"))


def begin(home: Path, name: str, window: str, environment: dict[str, str]) -> str:
    """Start a run on a repository of its own; return its id.

    Args:
        home: folder of everything.
        name: name of the repository and of the work item.
        window: which of the two policies.
        environment: further variables of the flow process.
    """
    shutil.copytree(home / "seed.git", home / f"forge/{name}.git")
    item = WorkItem(repository=Repository(name=name), title=f"Prices are wrong in {name}", kind="bug")
    parameters: dict[str, Any] = {
        "item": item.model_dump(mode="json"),
        "pipeline": json.loads(PIPELINE.model_dump_json()),
        "policy": f"delivery-policy/chaos-{window}",
    }
    places = [str(SITE), *filter(None, [os.environ.get("PYTHONPATH")])]
    variables = {"env": {"PYTHONPATH": os.pathsep.join(places), **environment}}
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(DEPLOYMENT).id
        run: UUID = client.create_flow_run_from_deployment(
            deployment, parameters=parameters, job_variables=variables
        ).id
    return str(run)
