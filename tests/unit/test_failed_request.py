from datetime import UTC, datetime, timedelta

import pytest

from contracts.failed_request import ending_of, resets_at
from contracts.transcript import TurnEnding

NOW = datetime(2026, 3, 10, 14, 30, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "said", "ending"),
    [
        (401, "", TurnEnding.AUTH),
        (403, "", TurnEnding.AUTH),
        (404, "no such model", TurnEnding.AUTH),
        (402, "", TurnEnding.QUOTA),
        (400, "Your credit balance is too low to access the API", TurnEnding.QUOTA),
        (403, "You have reached your specified API usage limits", TurnEnding.QUOTA),
        (429, "You exceeded your current quota, please check your plan", TurnEnding.QUOTA),
        (429, "insufficient_quota", TurnEnding.QUOTA),
        (429, "You've hit your weekly limit", TurnEnding.QUOTA),
        (429, "slow down", TurnEnding.RATE_LIMITED),
        (408, "", TurnEnding.PROVIDER_DOWN),
        (500, "", TurnEnding.PROVIDER_DOWN),
        (503, "prompt is too long", TurnEnding.PROVIDER_DOWN),
        (529, "overloaded", TurnEnding.PROVIDER_DOWN),
        (400, "prompt is too long: 250000 tokens", TurnEnding.LIMIT),
        (413, "", TurnEnding.LIMIT),
        (400, "unknown field", TurnEnding.CRASHED),
        (422, "", TurnEnding.CRASHED),
        (0, "Failed to authenticate", TurnEnding.AUTH),
        (0, "Rate limit reached for requests", TurnEnding.RATE_LIMITED),
        (0, "connect ECONNREFUSED", TurnEnding.PROVIDER_DOWN),
        (0, "fetch failed", TurnEnding.PROVIDER_DOWN),
        (0, "getaddrinfo ENOTFOUND api.example.com", TurnEnding.PROVIDER_DOWN),
        (0, "ModuleNotFoundError: No module named 'x'", None),
        (0, "segmentation fault", None),
        (0, "", None),
    ],
)
def test_a_failed_request_is_told_by_status_and_words(status: int, said: str, ending: TurnEnding | None) -> None:
    assert ending_of(status, said) is ending


@pytest.mark.parametrize(
    ("said", "when"),
    [
        ("Claude AI usage limit reached|1773158400", datetime(2026, 3, 10, 16, tzinfo=UTC)),
        ("resets 3pm (UTC)", datetime(2026, 3, 10, 15, tzinfo=UTC)),
        ("resets at 3:45 pm", datetime(2026, 3, 10, 15, 45, tzinfo=UTC)),
        ("resets 2pm (UTC)", datetime(2026, 3, 11, 14, tzinfo=UTC)),
        ("resets 12am (UTC)", datetime(2026, 3, 11, 0, tzinfo=UTC)),
        ("resets 12pm (UTC)", datetime(2026, 3, 11, 12, tzinfo=UTC)),
        ("limit · resets 5pm (America/New_York)", datetime(2026, 3, 10, 21, tzinfo=UTC)),
        ("limit resets Mar 14, 9:30am (Asia/Tokyo)", datetime(2026, 3, 14, 0, 30, tzinfo=UTC)),
        ("limit resets Jan 2, 9am (UTC)", datetime(2027, 1, 2, 9, tzinfo=UTC)),
        ("limit resets Jan 2, 2027, 9am (UTC)", datetime(2027, 1, 2, 9, tzinfo=UTC)),
        ("The quota resets at 2026-03-10T18:00:00Z.", datetime(2026, 3, 10, 18, tzinfo=UTC)),
        ("will reset after 18h6m35s.", NOW + timedelta(hours=18, minutes=6, seconds=35)),
        ("Please retry in 34.07s", NOW + timedelta(seconds=34.07)),
        ("try again in 3 days, 2 hours and 1 minute", NOW + timedelta(days=3, hours=2, minutes=1)),
        ("try again in 250ms", NOW + timedelta(milliseconds=250)),
        ("Suggested retry after 60s.", NOW + timedelta(seconds=60)),
        ("You've hit your limit", None),
        ("resets 3pm (Nowhere/Land)", None),
        ("resets 3pm (../../etc/passwd)", None),
        ("resets Foo 3, 3pm (UTC)", None),
        ("resets Feb 31, 3pm (UTC)", None),
        ("resets 99pm (UTC)", None),
        ("resets at 2026-99-99T18:00:00Z", None),
        ("retry after 99999999999 days", None),
        ("tests took 3s", None),
        ("", None),
    ],
)
def test_the_end_of_a_limit_is_read_from_words(said: str, when: datetime | None) -> None:
    assert resets_at(said, NOW) == when


def test_a_reset_time_always_has_a_zone() -> None:
    found = resets_at("resets 3pm (Europe/Paris)", NOW)
    assert found is not None
    assert found.utcoffset() == timedelta(0)
