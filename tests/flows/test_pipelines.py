"""What the pipelines do beside the way of a bug: gating, approval, suites that are red for other reasons."""

from __future__ import annotations

import json
from typing import Any

from contracts.delivery import DeliveryStatus
from contracts.flake import FlakeVerdict
from contracts.journal import Restart
from contracts.tester import SuiteReport
from flows.build import build
from flows.dependency_updates import dependency_updates
from flows.simple import simple
from tests.flows.shop import FILES, FIXED, GOOD, TESTS, Shop

SMALL = {"complexity": 0.1, "risk": 0.1, "impact": 0.1, "rationale": "one function"}
DESIGN: dict[str, list[dict[str, Any]]] = {
    "requirements_review": [{"structured": {"findings": []}}],
    "task_estimator": [{"structured": SMALL}],
    "architect": [{"text": "change total()"}],
    "architect_companion": [GOOD],
}


def _steps(shop: Shop, run: str) -> list[str]:
    return [one.step for one in shop.ending(run).timeline]


def test_build_skips_what_the_estimate_does_not_call_for_and_stops_for_the_approval(shop: Shop):
    shop.play(**DESIGN)
    first = shop.run(build)
    assert first.status is DeliveryStatus.AWAITING_PERSON
    assert first.reason == "'architect' is done and waits for approval."
    designed = ["requirements-review", "task-estimator", "architect", "architect-companion"]
    assert _steps(shop, first.run) == ["workspace", "tracker", *designed]
    tracked = shop.ending(first.run).timeline[1]
    assert (tracked.status, tracked.output) == ("skipped", "the policy names no tracker")
    merged = shop.run(build, restart_from=Restart(run=first.run, step="coder"))
    assert merged.status is DeliveryStatus.MERGED, merged.reason
    assert shop.turns().count("architect") == 1
    assert "documenter" not in _steps(shop, merged.run)


def test_open_findings_of_a_review_stop_the_work_before_anything_is_built(shop: Shop):
    finding = {"category": "gap", "severity": "high", "title": "Which currency?", "detail": "not stated"}
    shop.play(**{**DESIGN, "requirements_review": [{"structured": {"findings": [finding]}}]})
    delivery = shop.run(build)
    assert delivery.status is DeliveryStatus.AWAITING_PERSON
    assert "Which currency?" in delivery.reason
    assert shop.turns() == ["requirements-review"]


def test_the_pull_request_has_one_comment_whoever_wrote_it_first(shop: Shop):
    shop.policy(merge={"auto_merge": False})
    first = shop.run(dependency_updates)
    shop.policy()
    merged = shop.run(dependency_updates, restart_from=Restart(run=first.run, step="merger"))
    assert merged.status is DeliveryStatus.MERGED, merged.reason
    pulls = list((shop.git.directory / "delivery/pulls").glob("*.json"))
    assert len(pulls) == 1
    (comment,) = json.loads(pulls[0].read_text())["comments"].values()
    assert "Merged: Total is off by one" in comment


def test_a_flaky_test_is_quarantined_and_costs_no_fixer(shop: Shop):
    counter = shop.folder / "runs"
    flaky = (
        "from pathlib import Path\n\n\ndef test_now_and_then():\n"
        f"    counter = Path({str(counter)!r})\n"
        "    runs = int(counter.read_text()) + 1 if counter.exists() else 1\n"
        "    counter.write_text(str(runs))\n"
        "    assert runs != 2\n"
    )
    shop.seed({**FILES, "tests/test_flaky.py": flaky})
    delivery = shop.run(simple)
    assert delivery.status is DeliveryStatus.MERGED, delivery.reason
    report = SuiteReport.model_validate(next(one.data for one in delivery.timeline if one.kind == "tester"))
    assert list(report.verdicts.values()) == [FlakeVerdict.FLAKY]
    assert [one.test for one in report.quarantined] == list(report.verdicts)
    assert "fixer" not in shop.turns()


def test_a_test_that_was_red_before_does_not_hold_a_feature_up_but_holds_a_bug_up(shop: Shop):
    shop.seed({**FILES, "tests/test_other.py": "def test_other():\n    assert False\n"})
    feature = shop.run(simple, item=shop.item(kind="feature", title="A feature"))
    assert feature.status is DeliveryStatus.MERGED, feature.reason
    shop.seed({**FILES, "tests/test_other.py": "def test_other():\n    assert False\n"})
    shop.policy(fixes=0)
    bug = shop.run(simple, item=shop.item(kind="bug", title="A bug"))
    assert bug.failure is not None
    assert "test_other" in bug.reason


def test_a_repository_without_tests_is_merged_by_the_tests_that_the_change_brings(shop: Shop):
    shop.seed({name: text for name, text in FILES.items() if not name.startswith("tests/")})
    shop.play(coder=[{"files": {"shop.py": FIXED, "tests/test_shop.py": TESTS}}])
    delivery = shop.run(simple)
    assert delivery.status is DeliveryStatus.MERGED, delivery.reason


def test_a_suite_that_runs_no_test_is_red(shop: Shop):
    shop.seed({name: text for name, text in FILES.items() if not name.startswith("tests/")})
    shop.policy(fixes=0)
    delivery = shop.run(simple)
    assert delivery.failure is not None
    assert "ran no test" in delivery.reason
