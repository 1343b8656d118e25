"""Bad input: each case ends with a clear reason, before any effect in the forge and before any turn of an agent."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

import blocks
from contracts.delivery import DeliveryStatus
from contracts.errors import Refused
from contracts.failure import FailureKind
from contracts.journal import Restart
from contracts.pipeline import Pipeline, Step
from contracts.policy import Policy, SuitePolicy
from contracts.work import Repository, WorkItem
from deployments.bootstrap import save
from flows.custom import custom
from flows.simple import simple
from tests.flows.shop import BROKEN, FIXED, Shop

REPOSITORY = {"name": "shop"}


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: WorkItem(repository=Repository(name="shop"), title=""), "title"),
        (lambda: WorkItem(repository=Repository(name="shop"), title="two\nlines"), "one line"),
        (lambda: WorkItem(repository=Repository(name="shop"), title="x", base="a..b"), "branch name"),
        (lambda: WorkItem(repository=Repository(name="shop"), title="x", base="--upload-pack=x"), "branch name"),
        (lambda: WorkItem.model_validate({"repository": REPOSITORY, "title": "x", "priority": 1}), "priority"),
        (lambda: WorkItem.model_validate({"repository": REPOSITORY, "title": "x", "kind": "chore"}), "kind"),
        (lambda: Repository(name="../../etc"), "repository name"),
        (lambda: Repository(forge="LocalForge", name="shop"), "type/name"),
        (lambda: Policy(agents={"codr": "command-agent/x"}), "did you mean 'coder'"),
        (lambda: Policy(agents={"coder": "claude"}), "type/name"),
        (lambda: Policy(threshold=1.5), "threshold"),
        (lambda: Policy(ci_fixes=51), "ci_fixes"),
        (lambda: Policy.model_validate({"rework": 3}), "rework"),
        (lambda: SuitePolicy(command=["pytest"]), "{junit}"),
    ],
)
def test_a_value_that_cannot_work_is_refused_where_it_is_made(make: Callable[[], Any], words: str):
    with pytest.raises(ValidationError) as refused:
        make()
    assert words in str(refused.value)


def _steps(*kinds: str, **fields: Any) -> Pipeline:
    return Pipeline(name="odd", steps=[Step(kind=kind, **fields) for kind in kinds])


def _dirty_clone(shop: Shop) -> dict[str, Any]:
    clone = shop.home / "forge" / f"{shop.name}-clone"
    subprocess.run(["git", "clone", "-q", str(shop.git.directory), str(clone)], check=True)
    (clone / "shop.py").write_text("dirty\n")
    return {"item": shop.item(repository=Repository(name=clone.name))}


def _policy_without_agents(shop: Shop) -> dict[str, Any]:
    shop.policy(agents={"coder": f"command-agent/{shop.name}"})
    return {}


def _policy_with_a_forge_for_an_agent(shop: Shop) -> dict[str, Any]:
    shop.policy(agents={"default": "local-forge/main"})
    return {}


def _policy_with_a_forge_for_a_channel(shop: Shop) -> dict[str, Any]:
    shop.policy(channel="local-forge/main")
    return {}


def _policy_without_channel(shop: Shop) -> dict[str, Any]:
    shop.policy(channel="log-channel/none")
    return {}


def _agent_without_program(shop: Shop) -> dict[str, Any]:
    shop.policy(agents={"default": save(blocks.CommandAgent(command=["no-such-program"]), f"{shop.name}-none")})
    return {}


def _taken_item(shop: Shop) -> dict[str, Any]:
    blocks.Ledger().claim(shop.item().identity, "another-run", shop.name, "build", None)
    return {}


def _full_repository(shop: Shop) -> dict[str, Any]:
    shop.policy(running=1)
    blocks.Ledger().claim("other work", "another-run", shop.name, "build", None)
    return {}


REFUSED: list[tuple[str, Callable[[Shop], dict[str, Any]], str]] = [
    ("no step", lambda _: {"pipeline": _steps("coder", enabled=False)}, "no enabled step"),
    ("unknown kind", lambda _: {"pipeline": _steps("codder")}, "did you mean 'coder'"),
    ("helper as a step", lambda _: {"pipeline": _steps("coder", "fixer")}, "leave it out"),
    ("companion alone", lambda _: {"pipeline": _steps("reviewer")}, "right after an enabled coder"),
    ("merger alone", lambda _: {"pipeline": _steps("coder", "merger")}, "conflicts → ci → merger"),
    ("gating on a coder", lambda _: {"pipeline": _steps("coder", gating={"min_risk": 0.5})}, "cannot be skipped"),
    ("missing repository", lambda s: {"item": s.item(repository=Repository(name="nowhere"))}, "nowhere"),
    ("missing base", lambda s: {"item": s.item(base="develop")}, "develop"),
    ("dirty base", _dirty_clone, "uncommitted"),
    ("missing policy", lambda _: {"policy": "delivery-policy/none"}, "delivery-policy/none"),
    ("wrong policy", lambda _: {"policy": "local-forge/main"}, "a DeliveryPolicy is needed"),
    ("no agent for a kind", _policy_without_agents, "'reviewer'"),
    ("wrong block for an agent", _policy_with_a_forge_for_an_agent, "a CodingAgent is needed"),
    ("wrong block for a channel", _policy_with_a_forge_for_a_channel, "a Channel is needed"),
    ("missing channel", _policy_without_channel, "log-channel/none"),
    ("agent without program", _agent_without_program, "no-such-program"),
    ("work item taken", _taken_item, "another-run"),
    ("repository full", _full_repository, "the limit is 1"),
    ("unknown run to restart", lambda _: {"restart_from": Restart(run="nothing", step="coder")}, "no run 'nothing'"),
]


@pytest.mark.parametrize(("prepare", "words"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_run_that_cannot_work_is_refused_before_any_effect(shop: Shop, prepare: Callable[[Shop], Any], words: str):
    before = shop.git.run("for-each-ref")
    parameters: dict[str, Any] = prepare(shop)
    flow = custom if "pipeline" in parameters else simple
    delivery = shop.run(flow, **parameters)
    assert delivery.failure is not None
    assert delivery.failure.kind is FailureKind.PREFLIGHT
    assert words in delivery.reason
    assert shop.turns() == []
    assert shop.git.run("for-each-ref") == before


@pytest.mark.parametrize(
    ("script", "kind", "words"),
    [
        ({"coder": [{"reply": {"surprise": 1}}]}, FailureKind.AGENT, "surprise"),
        ({"coder": [{"reply": {"protocol": 2}}]}, FailureKind.AGENT, "protocol 2"),
        ({"coder": list[Any]()}, FailureKind.AGENT, "ended with code 1"),
        ({"coder": [{"files": {"inner/.git/HEAD": "ref: refs/heads/main\n"}}]}, FailureKind.AGENT, "changed no file"),
        ({"merger": [{"structured": list[Any]()}]}, FailureKind.AGENT, "no readable reply"),
    ],
)
def test_a_reply_that_cannot_be_used_fails_the_step_and_is_shown(
    shop: Shop, script: dict[str, Any], kind: FailureKind, words: str
):
    shop.play(**script)
    delivery = shop.run(simple)
    assert delivery.failure is not None
    assert delivery.failure.kind is kind
    assert words in f"{delivery.reason} {delivery.failure.detail}"
    assert shop.merges() == 0


def test_a_protected_path_waits_for_a_person(shop: Shop):
    shop.play(coder=[{"files": {"shop.py": FIXED, ".github/workflows/ci.yml": "on: push\n"}}])
    delivery = shop.run(simple)
    assert delivery.status is DeliveryStatus.AWAITING_PERSON
    assert ".github/workflows/ci.yml" in delivery.reason
    assert shop.merges() == 0


def test_a_branch_outside_the_runs_own_names_is_never_pushed(shop: Shop):
    forge = blocks.LocalForge(root=shop.home / "forge")
    with pytest.raises(Refused, match="main"):
        forge.push(shop.name, shop.git.directory, "main", shop.git.commit_of("main"))
    assert shop.file("shop.py") == BROKEN.rstrip("\n")
