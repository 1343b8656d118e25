"""The agent as a block, in the sandboxes and on the checkout that a run has."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from blocks.command_agent import CommandAgent
from blocks.local_sandbox import LocalSandbox
from blocks.sandbox import Seat
from blocks.workspace import Snapshot, Workspace
from contracts.agent import AgentReply, AgentTurn, Revision
from contracts.agent import Workspace as Place
from contracts.companion import read_verdict
from contracts.errors import AgentFailed
from contracts.merger import read_assessment
from contracts.structured import extract
from contracts.work import Repository, WorkItem
from tests.integration.ruff_agent.site import AGENT, DEBTS, PAID, make_site

ITEM = WorkItem(repository=Repository(name="shop"), title="Upkeep")


@dataclass
class Run:
    """A run that stands at `head`, with its workspace below a directory that the sandbox hides."""

    workspace: Workspace
    sandbox: LocalSandbox
    base: str
    head: str
    said: list[str]

    def take(self, kind: str, *, writable: bool, **fields: Any) -> AgentReply:
        self.workspace.restore(self.head)
        self.workspace.expose("delivery/upkeep", self.head, "main", self.base)
        place = Place(
            path=str(self.workspace.tree),
            writable=writable,
            base="main",
            base_commit=self.base,
            branch="delivery/upkeep",
        )
        turn = AgentTurn(kind=kind, session=f"run/{kind}/1", item=ITEM, prompt="", workspace=place, **fields)
        agent = CommandAgent(command=[sys.executable, str(AGENT)])
        return agent.take(turn, Seat(self.sandbox), self.said.append)

    def record(self) -> Snapshot | None:
        made = self.workspace.snapshot("change", self.head)
        self.head = made.commit if made else self.head
        return made


@pytest.fixture(params=["bubblewrap", "process"])
def run(request: pytest.FixtureRequest, tmp_path: Path) -> Run:
    site = make_site(tmp_path / "origin", {"shop/area.py": DEBTS, "shop/price.py": PAID, "tests/test_area.py": DEBTS})
    workspace = Workspace(tmp_path / "run")
    workspace.create()
    workspace.git.run("fetch", "--quiet", str(site.root), "main")
    return Run(workspace, LocalSandbox(isolation=request.param), site.base, site.base, [])


def test_survey_repair_grade_and_assessment_follow_each_other(run: Run) -> None:
    assert run.take("analysis", writable=False).text.startswith("ruff findings: 4 in 1 of 2 files")
    assert run.take("coder", writable=True).text.startswith("ruff findings: 4 before, 0 after")
    assert run.record() is not None
    assert [file.path for file in run.workspace.measure(run.base, run.head).files] == ["shop/area.py"]
    assert (run.workspace.tree / "shop/area.py").read_text() == PAID
    assert read_verdict(extract(run.take("reviewer", writable=False))).rating == 1.0
    found = read_assessment(extract(run.take("merger", writable=False)))
    assert found is not None
    assert found.risk < 0.4
    assert any("shop/area.py fixed" in line for line in run.said)


def test_a_fixer_gives_the_checkout_its_old_text_back(run: Run) -> None:
    run.take("coder", writable=True)
    run.record()
    report = Revision(previous="", feedback="shop/area.py:6: AttributeError")
    assert "taken back: shop/area.py" in run.take("fixer", writable=True, revision=report).text
    run.record()
    assert run.workspace.changed_paths(run.base, run.head) == []


def test_a_kind_that_it_does_not_do_is_a_failure_with_its_words(run: Run) -> None:
    with pytest.raises(AgentFailed, match="ended with code 2") as caught:
        run.take("documenter", writable=True)
    assert "kind 'documenter' is not served" in caught.value.detail
    assert run.record() is None
