"""Every kind of failure is reached in a real run, which ends with its hint and tells people what to do next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import ArtifactFilter, ArtifactFilterFlowRunId

import blocks
from blocks.ledger import Ledger
from contracts.agent import Limits
from contracts.delivery import Delivery, DeliveryStatus
from contracts.failure import HINTS, FailureKind
from contracts.pipeline import Pipeline, Step
from contracts.work import Repository
from deployments.bootstrap import save
from flows import operate
from flows.custom import custom
from flows.simple import simple
from tests.flows.operating import do, waiting
from tests.flows.people import People
from tests.flows.shop import BROKEN, FIXED, GOOD, Shop

WRONG: dict[str, Any] = {"files": {"shop.py": f"{BROKEN}# tried\n"}}
BARELY = Limits(wall_seconds=1.5)
CONFLICTING = BROKEN.replace("- 1", "- 2")


def run(shop: Shop, *kinds: str, play: dict[str, list[dict[str, Any]]] | None = None, **policy: Any) -> Delivery:
    """Run a pipeline of these kinds, by default of a coder alone."""
    shop.play(**(play or {}))
    shop.policy(**policy)
    steps = [Step(kind=kind) for kind in kinds or ("coder",)]
    return shop.run(custom, pipeline=Pipeline(name="short", steps=steps))


def coder(shop: Shop, **play: Any) -> Delivery:
    return run(shop, play={"coder": [play]})


def trouble(shop: Shop, kind: str) -> Delivery:
    return coder(shop, reply={"trouble": {"kind": kind, "message": "come back later"}, "usage": {"cost": 0.1}})


def nowhere(shop: Shop) -> Delivery:
    return shop.run(custom, pipeline=Pipeline(name="short", steps=[Step(kind="coder")]), item=shop.item(base="gone"))


def too_dear(shop: Shop) -> Delivery:
    said = {"text": "off by one", "reply": {"usage": {"cost": 0.5}}}
    return run(shop, "bug-investigator", "coder", play={"bug_investigator": [said]}, run_budget=0.5)


def red_checks(shop: Shop) -> Delivery:
    plain = blocks.LocalSandbox(isolation="process")
    forge = blocks.LocalForge(root=shop.home / "forge", check_commands={"never": ["false"]}, sandbox=plain)
    repository = Repository(name=shop.name, forge=save(forge, shop.name))
    shop.policy(ci_fixes=0)
    steps = [Step(kind=kind) for kind in ("coder", "ci")]
    pipeline = Pipeline(name="short", steps=steps)
    return shop.run(custom, pipeline=pipeline, item=shop.item(repository=repository))


def conflict(shop: Shop) -> Delivery:
    shop.play(reviewer=[{**GOOD, "moves_base": {"shop.py": CONFLICTING}}])
    shop.policy(conflict_fixes=0)
    return shop.run(simple)


def rejected(shop: Shop) -> Delivery:
    shop.policy(attended=True)
    steps = [Step(kind="bug-investigator", approval=True)]
    with People(shop.name).answering(("reject", "not this")):
        return shop.run(custom, pipeline=Pipeline(name="short", steps=steps))


def stopped(shop: Shop) -> Delivery:
    run = waiting(shop)
    assert do(operate.stop, run, "")[0] == "COMPLETED"
    return shop.ending(run)


def unrecorded(shop: Shop) -> Delivery:
    return coder(shop, files={"shop.py": FIXED}, blocks_record="")


def damaged(shop: Shop) -> Delivery:
    failed = run(shop, "bug-investigator", "coder", play={"coder": [{}]})
    record = shop.home / "journal" / failed.run / "bug-investigator-1.json"
    record.write_bytes(record.read_bytes()[:-1])
    steps: list[dict[str, Any]] = [{"kind": kind} for kind in ("bug-investigator", "coder")]
    shop.again(custom, failed.run, pipeline=Pipeline.model_validate({"name": "short", "steps": steps}))
    return shop.ending(failed.run, 2)


def surprised(shop: Shop) -> Delivery:
    """A folder is where nobody expects it."""
    play: dict[str, list[dict[str, Any]]] = {"bug_investigator": [{"text": "found", "makes": "lent"}]}
    return run(shop, "bug-investigator", "coder", play=play, sandbox=shop.open_sandbox())


def report(run: str) -> str:
    """The report of a run's last attempt, as the Prefect UI shows it."""
    wanted = ArtifactFilter(flow_run_id=ArtifactFilterFlowRunId(any_=[UUID(run)]))
    with get_client(sync_client=True) as client:
        found = [one for one in client.read_artifacts(artifact_filter=wanted) if "-report-" in str(one.key)]
    return str(max(found, key=lambda one: str(one.updated)).data)


WAYS: dict[FailureKind, Callable[[Shop], Delivery]] = {
    FailureKind.PREFLIGHT: nowhere,
    FailureKind.AGENT: coder,
    FailureKind.PROVIDER: lambda shop: trouble(shop, "provider"),
    FailureKind.QUOTA: lambda shop: trouble(shop, "quota"),
    FailureKind.TIMEOUT: lambda shop: run(shop, play={"coder": [{"waits": 60}]}, limits=BARELY),
    FailureKind.STALLED: lambda shop: run(shop, play={"coder": [{"waits": 60}]}, limits=Limits(quiet_seconds=1.5)),
    FailureKind.EVICTED: lambda shop: coder(shop, dies=True),
    FailureKind.TESTS_RED: lambda shop: run(shop, "coder", "tester", play={"coder": [WRONG]}, fixes=0),
    FailureKind.CI_RED: red_checks,
    FailureKind.CONFLICT: conflict,
    FailureKind.COMPANION_UNREADABLE: lambda shop: run(shop, "coder", "reviewer", play={"reviewer": [{"text": "?"}]}),
    FailureKind.REJECTED: rejected,
    FailureKind.BUDGET: too_dear,
    FailureKind.CANCELLED: stopped,
    FailureKind.ENVIRONMENT: unrecorded,
    FailureKind.JOURNAL: damaged,
    FailureKind.UNKNOWN: surprised,
}


@pytest.mark.parametrize("kind", FailureKind)
def test_every_kind_of_failure_is_reached_and_says_what_to_do_next(shop: Shop, kind: FailureKind):
    delivery = WAYS[kind](shop)
    assert delivery.failure is not None, delivery.status
    assert delivery.failure.kind is kind, delivery.reason
    stops = kind is FailureKind.CANCELLED
    assert delivery.status is (DeliveryStatus.STOPPED if stops else DeliveryStatus.FAILED)
    assert shop.merges() == 0
    assert HINTS[kind] in report(delivery.run)


def test_a_turn_that_could_not_be_taken_is_charged_and_taken_again_by_a_retry(shop: Shop):
    failed = trouble(shop, "quota")
    assert "come back later" in failed.reason
    assert Ledger().spend(run=failed.run) == {"USD": 0.1}
    shop.play(coder=[{"files": {"shop.py": FIXED}}])
    pipeline = Pipeline(name="short", steps=[Step(kind="coder")])
    assert shop.again(custom, failed.run, pipeline=pipeline) == "Awaiting merge"
    assert shop.turns() == ["coder", "coder"]


def test_a_run_goes_on_when_its_budget_was_raised(shop: Shop):
    failed = too_dear(shop)
    assert "has cost 0.50 of 0.50 USD" in failed.reason
    shop.policy(run_budget=1.0)
    steps = [Step(kind="bug-investigator"), Step(kind="coder")]
    assert shop.again(custom, failed.run, pipeline=Pipeline(name="short", steps=steps)) == "Awaiting merge"
    assert shop.turns() == ["bug-investigator", "coder"]


def test_a_turn_whose_reply_could_not_be_kept_is_charged_once_and_not_tried_again(shop: Shop):
    paid: dict[str, Any] = {"usage": {"cost": 0.1}}
    failed = coder(shop, files={"shop.py": FIXED}, blocks_record=".turn", reply=paid)
    assert failed.failure is not None
    assert failed.failure.kind is FailureKind.ENVIRONMENT
    assert Ledger().spend(run=failed.run) == {"USD": 0.1}
    assert shop.turns() == ["coder"]
