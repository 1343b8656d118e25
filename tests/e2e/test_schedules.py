"""Schedules of upkeep: made for a repository, kept by the next deploy, right when clocks are changed."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.schedules import CronSchedule
from prefect.server.schemas.schedules import CronSchedule as ServerCron
from typer.testing import CliRunner

from deployments.bootstrap import REGISTRY, deploy
from deployments.scheduling import DEPLOYMENTS, app
from deployments.server import Server
from tests.installation import ROOT

UPKEEP = ("tech-debt/weekly", "dependency-updates/daily")


def schedules(name: str) -> dict[str | None, tuple[str, str | None, bool, dict[str, Any]]]:
    with get_client(sync_client=True) as client:
        found = client.read_deployment_by_name(name).schedules
    made: dict[str | None, tuple[str, str | None, bool, dict[str, Any]]] = {}
    for one in found:
        assert isinstance(one.schedule, CronSchedule)
        made[one.slug] = (one.schedule.cron, one.schedule.timezone, one.active, one.parameters)
    return made


def say(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code == 0, result.output
    return result.output


def test_a_repository_gets_its_schedules_which_the_next_deploy_keeps(deployed: Server):
    assert deployed.pid
    assert tuple(DEPLOYMENTS.values()) == UPKEEP
    for name in UPKEEP:
        assert {slug: one[2] for slug, one in schedules(name).items()} == {"pattern": False}

    said = say("acme/shop", "--base", "trunk")
    assert said.splitlines() == [
        "tech-debt/weekly: acme/shop at '0 4 * * 1' (UTC)",
        "dependency-updates/daily: acme/shop at '0 5 * * *' (UTC)",
    ]
    say("acme/shop", "--only", "tech-debt", "--cron", "30 4 * * 2", "--timezone", "Europe/Berlin")
    say("acme/bakery", "--only", "tech-debt")
    before = {name: schedules(name) for name in UPKEEP}
    cron, timezone, active, parameters = before["tech-debt/weekly"]["github-forge-main-acme-shop"]
    assert (cron, timezone, active) == ("30 4 * * 2", "Europe/Berlin", True)
    assert parameters["item"]["repository"] == {"forge": "github-forge/main", "name": "acme/shop"}
    assert parameters["item"]["key"] == "tech-debt"
    assert before["dependency-updates/daily"]["github-forge-main-acme-shop"][3]["item"]["base"] == "trunk"

    deploy(ROOT / REGISTRY)

    assert {name: schedules(name) for name in UPKEEP} == before
    assert say("acme/shop", "--off").count("no schedule any more") == 2
    assert set(schedules("tech-debt/weekly")) == {"pattern", "github-forge-main-acme-bakery"}
    say("acme/bakery", "--off")


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["../etc"], "is not a repository name"),
        (["acme/shop", "--forge", "main"], "is not a block reference"),
        (["acme/shop", "--only", "build"], "there is no schedule for 'build'"),
        (["acme/shop", "--cron", "30 2 * * *", "--timezone", "Europe/Berlin"], "in the hour of 02:00"),
        (["acme/shop", "--cron", "0 0 4 * * *"], "no cron of five fields"),
    ],
)
def test_what_cannot_be_a_schedule_is_refused(deployed: Server, words: list[str], why: str):
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 1
    assert why in result.output
    assert all(set(schedules(name)) == {"pattern"} for name in UPKEEP)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "UTC"])
@pytest.mark.parametrize("begin", [datetime(2026, 3, 1), datetime(2026, 10, 20)])  # noqa: DTZ001 - its zone follows
def test_a_shipped_time_ticks_once_a_day_while_clocks_are_changed(zone: str, begin: datetime):
    start = begin.replace(tzinfo=ZoneInfo(zone))
    dates = asyncio.run(ServerCron(cron="0 5 * * *", timezone=zone).get_dates(n=35, start=start))
    local = [one.astimezone(ZoneInfo(zone)) for one in dates]
    assert {(one.hour, one.minute) for one in local} == {(5, 0)}
    assert len({one.date() for one in local}) == 35
    assert (local[-1].date() - local[0].date()).days == 34


@pytest.mark.parametrize(
    ("cron", "zone", "day"),
    [
        ("30 2 * * *", "Europe/Berlin", datetime(2026, 3, 28, 12)),  # noqa: DTZ001 - its zone follows
        ("0 0 * * *", "America/Santiago", datetime(2026, 9, 5, 12)),  # noqa: DTZ001
    ],
)
def test_a_time_within_the_change_of_clocks_ticks_at_another_hour(cron: str, zone: str, day: datetime):
    """Why such a cron is refused."""
    dates = asyncio.run(ServerCron(cron=cron, timezone=zone).get_dates(n=1, start=day.replace(tzinfo=ZoneInfo(zone))))
    assert dates[0].astimezone(ZoneInfo(zone)).hour != int(cron.split()[1])
