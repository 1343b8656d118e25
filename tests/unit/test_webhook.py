from __future__ import annotations

import base64
import hashlib
import hmac
import sys
from datetime import UTC, datetime, timedelta
from types import FrameType

import pytest

from contracts.intake.webhook import STATUS, WINDOW, Source, Trouble, Verified, verify

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
BODY = b'{"action": "labeled"}'
SECRET = "It's a Secret to Everybody"


def github(body: bytes = BODY, secret: str = SECRET, **headers: str) -> dict[str, str]:
    signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    named = {"x-github-delivery": "72d3162e-cc78-11e3-81ab-4c9367dc0958", "x-github-event": "issues"}
    return named | {"x-hub-signature-256": f"sha256={signature}"} | headers


def standard(
    body: bytes = BODY, key: bytes = SECRET.encode(), at: datetime = NOW, name: str = "msg_1", **headers: str
) -> dict[str, str]:
    seconds = str(int(at.timestamp()))
    signature = hmac.new(key, b".".join((name.encode(), seconds.encode(), body)), hashlib.sha256).digest()
    signed = f"v1,{base64.b64encode(signature).decode()}"
    return {"webhook-id": name, "webhook-timestamp": seconds, "webhook-signature": signed} | headers


def test_the_example_of_githubs_own_documentation_is_verified() -> None:
    """Validating webhook deliveries, "Testing the webhook payload validation"."""
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    headers = github() | {"x-hub-signature-256": signature}
    assert isinstance(verify(Source.GITHUB, headers, b"Hello, World!", [SECRET], NOW), Verified)


def test_the_example_of_the_standard_is_verified() -> None:
    """Standard Webhooks, the vector of its reference libraries."""
    headers = {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    at = datetime.fromtimestamp(1_614_265_330, UTC)
    found = verify(Source.GENERIC, headers, b'{"test": 2432232314}', ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"], at)
    assert isinstance(found, Verified)
    assert found.delivery == "msg_p5jXN8AQM9LWM0D4loKWxJek"


def test_a_verified_delivery_has_the_senders_id_event_and_the_digest_of_what_was_signed() -> None:
    found = verify(Source.GITHUB, github(), BODY, [SECRET], NOW)
    assert isinstance(found, Verified)
    assert found == Verified("72d3162e-cc78-11e3-81ab-4c9367dc0958", "issues", hashlib.sha256(BODY).hexdigest())
    replay = verify(Source.GITHUB, github() | {"x-github-delivery": "another"}, BODY, [SECRET], NOW)
    assert isinstance(replay, Verified)
    assert replay.digest == found.digest, "GitHub does not sign the id"


def test_two_messages_of_the_standard_with_one_body_are_two() -> None:
    one, other = (verify(Source.GENERIC, standard(name=name), BODY, [SECRET], NOW) for name in ("a", "b"))
    assert isinstance(one, Verified)
    assert isinstance(other, Verified)
    assert one.digest != other.digest


def test_while_a_secret_is_exchanged_both_count() -> None:
    for secret in ("old", "new"):
        assert isinstance(verify(Source.GITHUB, github(secret=secret), BODY, ["old", "new"], NOW), Verified)
        assert isinstance(verify(Source.GENERIC, standard(key=secret.encode()), BODY, ["old", "new"], NOW), Verified)


@pytest.mark.parametrize("away", [timedelta(0), WINDOW, -WINDOW])
def test_the_replay_window_is_open(away: timedelta) -> None:
    assert isinstance(verify(Source.GENERIC, standard(), BODY, [SECRET], NOW + away), Verified)


@pytest.mark.parametrize(
    ("source", "headers", "trouble"),
    [
        (Source.GITHUB, {}, Trouble.UNSIGNED),
        (Source.GITHUB, github() | {"x-hub-signature-256": ""}, Trouble.UNSIGNED),
        (Source.GITHUB, github() | {"x-hub-signature-256": "sha1=" + 40 * "0"}, Trouble.UNSIGNED),
        (Source.GITHUB, github() | {"x-hub-signature-256": "sha256=" + 64 * "0"}, Trouble.FORGED),
        (Source.GITHUB, github() | {"x-hub-signature-256": "sha256=" + 64 * "é"}, Trouble.UNSIGNED),
        (Source.GITHUB, github() | {"x-hub-signature-256": github()["x-hub-signature-256"] + "\n"}, Trouble.UNSIGNED),
        (Source.GITHUB, github(secret="other"), Trouble.FORGED),
        (Source.GITHUB, github(secret=""), Trouble.FORGED),
        (Source.GITHUB, github(body=BODY + b" "), Trouble.FORGED),
        (Source.GITHUB, github() | {"x-github-delivery": ""}, Trouble.NAMELESS),
        (Source.GITHUB, github() | {"x-github-delivery": "../../x y"}, Trouble.NAMELESS),
        (Source.GITHUB, github() | {"x-github-delivery": 129 * "a"}, Trouble.NAMELESS),
        (Source.GITHUB, github() | {"x-github-event": "issues, push"}, Trouble.EVENTLESS),
        (Source.GITLAB, {"x-gitlab-event": "Issue Hook", "x-gitlab-event-uuid": "1"}, Trouble.UNSIGNED),
        (Source.GITLAB, {"x-gitlab-token": "wrong"}, Trouble.FORGED),
        (Source.GITLAB, {"x-gitlab-token": SECRET + "\u0131"}, Trouble.FORGED),
        (Source.GITLAB, {"x-gitlab-token": SECRET}, Trouble.NAMELESS),
        (Source.GENERIC, standard() | {"webhook-signature": "v1a,abc"}, Trouble.UNSIGNED),
        (Source.GENERIC, standard() | {"webhook-signature": "v1,"}, Trouble.FORGED),
        (Source.GENERIC, standard() | {"webhook-id": "msg_2"}, Trouble.FORGED),
        (Source.GENERIC, standard() | {"webhook-id": "a.1"}, Trouble.FORGED),
        (Source.GENERIC, standard() | {"webhook-timestamp": "-1"}, Trouble.UNSIGNED),
        (Source.GENERIC, standard() | {"webhook-timestamp": "1e9"}, Trouble.UNSIGNED),
        (Source.GENERIC, standard() | {"webhook-timestamp": "1777636801"}, Trouble.FORGED),
        (Source.GENERIC, standard(at=NOW - WINDOW - timedelta(seconds=1)), Trouble.STALE),
        (Source.GENERIC, standard(at=NOW + WINDOW + timedelta(seconds=1)), Trouble.STALE),
        (Source.GENERIC, standard(at=datetime.fromtimestamp(99_999_999_999, UTC)), Trouble.STALE),
    ],
)
def test_what_is_not_accepted(source: Source, headers: dict[str, str], trouble: Trouble) -> None:
    assert verify(source, headers, BODY, [SECRET], NOW) is trouble


def compared(source: Source, headers: dict[str, str], secrets: list[str]) -> list[tuple[int, int]]:
    """Lengths of what is compared while a delivery is verified, seen by the interpreter's own profiler."""
    seen: list[tuple[int, int]] = []

    def look(frame: FrameType, event: str, called: object) -> None:
        if event == "c_call" and called is hmac.compare_digest:
            local = frame.f_back.f_locals if frame.f_code.co_name == "<listcomp>" and frame.f_back else frame.f_locals
            seen.append((len(local["said"]), 32))

    sys.setprofile(look)
    try:
        verify(source, headers, BODY, secrets, NOW)
    finally:
        sys.setprofile(None)
    return seen


@pytest.mark.parametrize("secrets", [[SECRET, "old", "older"], ["old", SECRET, "older"], ["old", "older", "oldest"]])
def test_how_much_is_compared_depends_on_neither_what_fits_nor_how_much_of_it(secrets: list[str]) -> None:
    right = github()["x-hub-signature-256"]
    near = right[:-1] + ("0" if right[-1] != "0" else "1")
    given = [github() | {"x-hub-signature-256": one} for one in (right, near, "sha256=" + 64 * "0")]
    assert [compared(Source.GITHUB, one, secrets) for one in given] == [3 * [(32, 32)]] * 3
    tokens = [github() | {"x-gitlab-token": one} for one in (SECRET, SECRET[:-1], "x", 9_000 * "x")]
    assert [compared(Source.GITLAB, one, secrets) for one in tokens] == [3 * [(32, 32)]] * 4
    standards = [standard(), standard(key=b"other"), standard() | {"webhook-signature": "v1,x"}]
    assert [compared(Source.GENERIC, one, secrets) for one in standards] == [3 * [(32, 32)]] * 3


@pytest.mark.parametrize("source", Source)
def test_a_source_without_a_secret_accepts_nothing(source: Source) -> None:
    headers = github(secret="") | standard(key=b"") | {"x-gitlab-token": ""}
    assert verify(source, headers, BODY, [], NOW) is Trouble.NOT_CONFIGURED
    assert verify(source, headers, BODY, [""], NOW) is Trouble.NOT_CONFIGURED


def test_every_trouble_has_a_status_that_blames_the_sender() -> None:
    assert set(STATUS) == set(Trouble)
    assert all(400 <= status < 500 for status in STATUS.values())
