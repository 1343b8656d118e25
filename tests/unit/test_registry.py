"""prefect.yaml is held to its schema here, because Prefect drops a key that it does not know without a word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from contracts.ticks import check_cron

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "prefect.yaml").read_text()
REGISTRY: dict[str, Any] = yaml.safe_load(TEXT)
TOP = {"name", "prefect-version", "definitions", "build", "push", "pull", "deployments"}
DEPLOYMENT = {
    "name",
    "description",
    "entrypoint",
    "parameters",
    "schedules",
    "tags",
    "work_pool",
    "version",
    "triggers",
    "concurrency_limit",
}
SCHEDULE = {"cron", "interval", "rrule", "timezone", "anchor_date", "active", "parameters", "slug", "day_or"}


def test_no_key_is_unknown() -> None:
    assert set(REGISTRY) <= TOP
    for deployment in REGISTRY["deployments"]:
        assert set(deployment) <= DEPLOYMENT, deployment["entrypoint"]
        assert {"name", "description", "entrypoint", "work_pool", "tags"} <= set(deployment)


def test_no_block_is_spliced_in_because_that_would_store_its_secret_as_plain_text() -> None:
    assert "prefect.blocks" not in TEXT
    assert "block_document_id" not in TEXT


def test_the_version_is_the_pinned_one() -> None:
    assert f'"prefect=={REGISTRY["prefect-version"]}"' in (ROOT / "pyproject.toml").read_text()


@pytest.mark.parametrize("deployment", REGISTRY["deployments"], ids=lambda one: one["entrypoint"])
def test_an_entrypoint_is_a_module_of_flows_and_every_schedule_has_a_zone_and_a_name(
    deployment: dict[str, Any],
) -> None:
    package, module, function = deployment["entrypoint"].split(".")
    assert package == "flows"
    assert module in {function, "operate"}
    assert f"def {function}(" in (ROOT / "flows" / f"{module}.py").read_text()
    for schedule in deployment.get("schedules", []):
        assert set(schedule) <= SCHEDULE
        assert {"timezone", "slug"} <= set(schedule)
        check_cron(schedule.get("cron", "0 0 * * *"), schedule["timezone"])


def test_upkeep_is_weekly_and_daily_and_rests_until_a_repository_is_named() -> None:
    upkeep = {one["name"]: one["schedules"] for one in REGISTRY["deployments"] if one["name"] in ("weekly", "daily")}
    assert {name: [one["cron"].split()[2:] for one in schedules] for name, schedules in upkeep.items()} == {
        "weekly": [["*", "*", "1"]],
        "daily": [["*", "*", "*"]],
    }
    assert [one["active"] for schedules in upkeep.values() for one in schedules] == [False, False]
    assert {one["timezone"] for schedules in upkeep.values() for one in schedules} == {"UTC"}


def test_every_pipeline_has_a_deployment() -> None:
    modules = {path.stem for path in (ROOT / "flows").glob("[a-z]*.py")}
    assert {one["entrypoint"].split(".")[1] for one in REGISTRY["deployments"]} == modules


def test_lost_runs_are_looked_for_every_minute_by_one_sweep_at_a_time() -> None:
    sweep = next(one for one in REGISTRY["deployments"] if one["entrypoint"] == "flows.recover.recover")
    assert [one["interval"] for one in sweep["schedules"]] == [60]
    assert sweep["concurrency_limit"] == {"limit": 1, "collision_strategy": "CANCEL_NEW"}
    assert "delivery" not in sweep["tags"], "it would look for itself"


@pytest.mark.parametrize("deployment", REGISTRY["deployments"], ids=lambda one: one["entrypoint"])
def test_every_process_sends_signs_of_life_as_often_as_the_sweep_expects(deployment: dict[str, Any]) -> None:
    assert deployment["work_pool"]["job_variables"]["env"] == {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}
