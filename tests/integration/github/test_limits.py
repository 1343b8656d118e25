"""Limits, broken answers and lost connections of GitHub."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from bench.github_server import Fault, primary, secondary
from contracts.errors import Misconfigured, Refused, Unavailable
from tests.integration.github.place import BRANCH, NAME, Place, make_app


@pytest.mark.parametrize(
    "fault",
    [lambda: primary(1.2), lambda: secondary(1), lambda: secondary(1, status=429), lambda: secondary(0)],
    ids=["primary", "secondary", "secondary-429", "at-once"],
)
def test_a_short_limit_is_waited_for(place: Place, fault: Callable[[], Fault]) -> None:
    """Also before a request that changes something: beyond a limit nothing has happened."""
    place.change({"b.txt": "1\n"})
    place.server.faults.add(fault())
    begun = time.monotonic()
    assert place.open().number == 1
    assert time.monotonic() - begun < 30


@pytest.mark.parametrize(
    ("fault", "seconds"),
    [
        (lambda: primary(1_800), 1_800),
        (lambda: secondary(900), 900),
        (lambda: secondary(None), 60),
        (lambda: secondary(None, status=429), 60),
    ],
    ids=["primary", "secondary", "without-a-time", "without-a-time-429"],
)
def test_a_long_limit_is_told_with_its_end(place: Place, fault: Callable[[], Fault], seconds: int) -> None:
    place.server.faults.add(fault())
    with pytest.raises(Unavailable, match="limit") as caught:
        place.forge.check_repository(NAME, "main")
    assert caught.value.until is not None
    expected = datetime.now(UTC) + timedelta(seconds=seconds)
    assert abs((caught.value.until - expected).total_seconds()) < 30
    assert len(place.server.requests) == 0


def test_a_limit_that_comes_again_and_again_is_told(place: Place) -> None:
    place.server.faults.add(secondary(0, times=100))
    with pytest.raises(Unavailable, match="limit"):
        place.forge.check_repository(NAME, "main")


def test_a_limit_on_the_way_to_an_apps_token_is_told_too(place: Place) -> None:
    _, forge = make_app(place, installation_id=70)
    place.server.faults.add(primary(1_800, "/access_tokens"))
    with pytest.raises(Unavailable) as caught:
        forge.check_repository(NAME, "main")
    assert caught.value.until is not None


@pytest.mark.parametrize("status", [500, 502, 503, 0])
def test_a_look_is_repeated_and_a_change_is_not(place: Place, status: int) -> None:
    place.server.faults.add(Fault(status, "GET", times=2))
    place.forge.check_repository(NAME, "main")
    place.change({"b.txt": "1\n"})
    place.server.faults.add(Fault(status, "POST .*/pulls$", times=2))
    with pytest.raises(Unavailable):
        place.open()
    assert place.repository.pulls == {}
    with pytest.raises(Unavailable):
        place.open()
    assert place.open().number == 1


def test_an_outage_is_told_as_one(place: Place) -> None:
    place.server.faults.add(Fault(503, times=100))
    with pytest.raises(Unavailable, match="503"):
        place.forge.find_pull_request(NAME, BRANCH)
    with pytest.raises(Unavailable, match="fetch"):
        place.forge.fetch(NAME, place.run)


def test_a_missing_permission_is_no_limit(place: Place) -> None:
    needed = {"x-accepted-github-permissions": "pull_requests=write"}
    said = "Resource not accessible by integration"
    place.change({"b.txt": "1\n"})
    place.server.faults.add(Fault(403, "POST .*/pulls$", headers=needed, message=said))
    with pytest.raises(Misconfigured, match="pull_requests=write"):
        place.open()


def test_what_github_does_not_take_is_refused_with_its_words(place: Place) -> None:
    place.forge.fetch(NAME, place.run)
    with pytest.raises(Refused, match="head invalid"):
        place.open("delivery/nowhere")


def test_a_limit_of_graphql_is_told(place: Place) -> None:
    place.change({"b.txt": "1\n"})
    place.open()
    place.repository.pulls[1].draft = True
    content = '{"data": null, "errors": [{"type": "RATE_LIMITED", "message": "API rate limit exceeded"}]}'
    reset = {"x-ratelimit-reset": str(int(time.time() + 1_800)), "x-ratelimit-remaining": "0"}
    place.server.faults.add(Fault(200, "/graphql", headers=reset, content=content))
    with pytest.raises(Unavailable) as caught:
        place.forge.mark_ready(NAME, 1)
    assert caught.value.until is not None
