from __future__ import annotations

import pytest

from contracts.ticks import check_cron, schedule_of, slug_of, upkeep_item
from contracts.work import Repository

DEPLOYMENT, SCHEDULE = "0d9bfc8a-9c0e-4ff4-8c0c-0e7f4b8f1a11", "7f1d0f0e-1111-4a43-9d6e-2b1a0b2c3d4e"


@pytest.mark.parametrize(
    "cron", ["0 4 * * 1", "*/10 * * * *", "15 0,4 1-7 * *", "0 3 * * *", "59 0 * * *", "0 * * * *"]
)
def test_crons_that_tick_once_a_time(cron: str) -> None:
    check_cron(cron, "Europe/Berlin")


@pytest.mark.parametrize(
    ("cron", "timezone"),
    [
        ("30 1 * * *", "Europe/Berlin"),
        ("30 2 * * *", "Asia/Tokyo"),
        ("0 2 * * *", "UTC"),
        ("0 1 * * 1", "Asia/Kolkata"),
    ],
)
def test_an_hour_counts_where_no_clock_changes_in_it(cron: str, timezone: str) -> None:
    check_cron(cron, timezone)


@pytest.mark.parametrize(
    ("cron", "timezone", "why"),
    [
        ("0 4 * *", "UTC", "no cron of five fields"),
        ("0 0 4 * * 1", "UTC", "no cron of five fields"),
        ("@daily", "UTC", "no cron of five fields"),
        ("0 4 * * MON", "UTC", "no cron of five fields"),
        ("30 2 * * *", "Europe/Berlin", "in the hour of 02:00, when clocks of Europe/Berlin change"),
        ("30 1 * * *", "Europe/London", "in the hour of 01:00"),
        ("0 0-4 * * *", "America/New_York", "in the hour of 01:00 and 02:00"),
        ("0 */2 * * *", "Europe/Berlin", "in the hour of 02:00"),
        ("0 0 * * 1", "America/Santiago", "in the hour of 00:00 and 23:00"),
        ("0 0 * * *", "Africa/Cairo", "in the hour of 00:00 and 23:00"),
        ("45 1 * * *", "Australia/Lord_Howe", "in the hour of 01:00 and 02:00"),
        ("0 4 * * *", "Europe/Bärlin", "no time zone"),
        ("0 4 * * *", "../etc/passwd", "no time zone"),
        ("0 4 * * *", "", "no time zone"),
    ],
)
def test_crons_that_are_refused(cron: str, timezone: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        check_cron(cron, timezone)


def test_runs_of_one_schedule_have_keys_with_one_beginning() -> None:
    key = f"scheduled {DEPLOYMENT} {SCHEDULE} 2026-03-29 04:00:00+02:00"
    assert schedule_of(key) == f"scheduled {DEPLOYMENT} {SCHEDULE}"
    for other in (
        "",
        "build/on-demand label-build 0123",
        f"scheduled {DEPLOYMENT} 2026-03-29",
        f"scheduled {DEPLOYMENT}",
    ):
        assert schedule_of(other) == ""


def test_the_upkeep_of_a_repository_is_one_piece_of_work_however_often_it_ticks() -> None:
    shop = Repository(forge="github-forge/main", name="acme/shop")
    first, again = (upkeep_item("tech-debt", shop, "main") for _ in range(2))
    assert first.identity == again.identity == "github-forge/main:acme/shop:tech-debt"
    assert upkeep_item("dependency-updates", shop, "main").identity != first.identity
    assert slug_of(shop) == "github-forge-main-acme-shop"
