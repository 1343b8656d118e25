"""What hostile senders get from the receiver: a refusal, no run, and a line in the log with its reason."""

from __future__ import annotations

import gzip
import json
import re
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from contracts.intake.webhook import Trouble
from tests.integration.receiver import PATH, Site, labelled, signed, site_at

BODY = json.dumps(labelled()).encode()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Generator[Site]:
    with site_at(tmp_path_factory.mktemp("receiver")) as made:
        yield made


def nested(depth: int) -> bytes:
    return b'{"action":"labeled","issue":' + depth * b"[" + depth * b"]" + b"}"


def good(body: bytes = BODY, **headers: str) -> dict[str, str]:
    given = signed(body, "hostile") | {name.replace("_", "-"): value for name, value in headers.items()}
    return {name: value for name, value in given.items() if value}


def pieces(size: int) -> Iterator[bytes]:
    for _ in range(size // 65_536 + 1):
        yield b" " * 65_536


BIG = b'{"a":"' + 1_048_570 * b"x" + b'"}'
HUGE = b'{"a":' + 9_999 * b"9" + b"}"
POST = b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\n"
Made = tuple[bytes | Callable[[], Iterator[bytes]], dict[str, str], str]
HOSTILE: dict[str, tuple[Made, int, Trouble]] = {
    "no signature": ((BODY, good(x_hub_signature_256=""), PATH), 401, Trouble.UNSIGNED),
    "no header at all": ((BODY, {"content-type": "application/json"}, PATH), 401, Trouble.UNSIGNED),
    "the old signature": ((BODY, good(x_hub_signature_256="sha1=" + 40 * "a"), PATH), 401, Trouble.UNSIGNED),
    "an unknown signature": ((BODY, good(x_hub_signature_256="sha512=" + 128 * "a"), PATH), 401, Trouble.UNSIGNED),
    "zeros": ((BODY, good(x_hub_signature_256="sha256=" + 64 * "0"), PATH), 401, Trouble.FORGED),
    "capital letters": ((BODY, good(x_hub_signature_256="SHA256=" + 64 * "A"), PATH), 401, Trouble.UNSIGNED),
    "a short signature": ((BODY, good(x_hub_signature_256="sha256=abc"), PATH), 401, Trouble.UNSIGNED),
    "an endless signature": ((BODY, good(x_hub_signature_256="sha256=" + 9_000 * "a"), PATH), 401, Trouble.UNSIGNED),
    "another secret": ((BODY, signed(BODY, "x", secret="other"), PATH), 401, Trouble.FORGED),
    "an empty secret": ((BODY, signed(BODY, "x", secret=""), PATH), 401, Trouble.FORGED),
    "a body that was changed": ((BODY + b" ", good(), PATH), 401, Trouble.FORGED),
    "a body that was cut": ((BODY[:-20], good(), PATH), 401, Trouble.FORGED),
    "an empty body": ((b"", good(), PATH), 401, Trouble.FORGED),
    "no id": ((BODY, good(x_github_delivery=""), PATH), 400, Trouble.NAMELESS),
    "an id that is a path": ((BODY, good(x_github_delivery="../../etc/passwd"), PATH), 400, Trouble.NAMELESS),
    "an id that is a statement": (
        (BODY, good(x_github_delivery="'; DROP TABLE deliveries"), PATH),
        400,
        Trouble.NAMELESS,
    ),
    "an endless id": ((BODY, good(x_github_delivery=5_000 * "a"), PATH), 400, Trouble.NAMELESS),
    "no event": ((BODY, good(x_github_event=""), PATH), 400, Trouble.EVENTLESS),
    "an event with markup": ((BODY, good(x_github_event="<script>"), PATH), 400, Trouble.EVENTLESS),
    "a form": ((BODY, good(content_type="application/x-www-form-urlencoded"), PATH), 415, Trouble.WRONG_TYPE),
    "plain text": ((BODY, good(content_type="text/plain"), PATH), 415, Trouble.WRONG_TYPE),
    "no type": ((BODY, good(content_type=""), PATH), 415, Trouble.WRONG_TYPE),
    "a type that only begins well": ((BODY, good(content_type="application/jsonp"), PATH), 415, Trouble.WRONG_TYPE),
    "too large": ((BIG + b" " * 100, good(BIG + b" " * 100), PATH), 413, Trouble.TOO_LARGE),
    "too large in pieces": ((lambda: pieces(2_000_000), good(), PATH), 413, Trouble.TOO_LARGE),
    "packed": ((gzip.compress(BODY), good(content_encoding="gzip"), PATH), 401, Trouble.FORGED),
    "nested lists": ((nested(200_000), good(nested(200_000)), PATH), 400, Trouble.UNREADABLE),
    "nested objects": ((150_000 * b'{"a":', good(150_000 * b'{"a":'), PATH), 400, Trouble.UNREADABLE),
    "a list": ((b"[1]", good(b"[1]"), PATH), 400, Trouble.UNREADABLE),
    "a text": ((b'"x"', good(b'"x"'), PATH), 400, Trouble.UNREADABLE),
    "nothing": ((b"null", good(b"null"), PATH), 400, Trouble.UNREADABLE),
    "no number": ((b'{"a":NaN}', good(b'{"a":NaN}'), PATH), 400, Trouble.UNREADABLE),
    "a huge number": ((HUGE, good(HUGE), PATH), 400, Trouble.UNREADABLE),
    "a name twice": ((b'{"a":1,"a":2}', good(b'{"a":1,"a":2}'), PATH), 400, Trouble.UNREADABLE),
    "no UTF-8": ((b'{"a":"\xff"}', good(b'{"a":"\xff"}'), PATH), 400, Trouble.UNREADABLE),
    "overlong UTF-8": ((b'{"a":"\xc0\xaf"}', good(b'{"a":"\xc0\xaf"}'), PATH), 400, Trouble.UNREADABLE),
    "UTF-16": ((BODY.decode().encode("utf-16"), good(BODY.decode().encode("utf-16")), PATH), 400, Trouble.UNREADABLE),
    "a mark in front": ((b"\xef\xbb\xbf" + BODY, good(b"\xef\xbb\xbf" + BODY), PATH), 400, Trouble.UNREADABLE),
    "two objects": ((b"{}{}", good(b"{}{}"), PATH), 400, Trouble.UNREADABLE),
    "no JSON": ((b"<xml/>", good(b"<xml/>"), PATH), 400, Trouble.UNREADABLE),
    "a token of gitlab that is wrong": ((BODY, good(x_gitlab_token="tokem"), "/webhooks/gitlab"), 401, Trouble.FORGED),
    "no token of gitlab": ((BODY, good(), "/webhooks/gitlab"), 401, Trouble.UNSIGNED),
    "no signature of the standard": ((BODY, good(), "/webhooks/generic"), 401, Trouble.UNSIGNED),
    "a replay of last year": (
        (BODY, good(webhook_id="m", webhook_timestamp="1", webhook_signature="v1,x"), "/webhooks/generic"),
        401,
        Trouble.FORGED,
    ),
    "a signature of letters that look like digits": (
        (BODY, good(x_hub_signature_256="sha256=" + 64 * "１"), PATH),
        401,
        Trouble.UNSIGNED,
    ),
    "an id of letters that look alike": ((BODY, good(x_github_delivery="dеlivery"), PATH), 400, Trouble.NAMELESS),
    "an event of letters that look alike": ((BODY, good(x_github_event="іssues"), PATH), 400, Trouble.EVENTLESS),
    "an event that is written from the right": (
        (BODY, good(x_github_event="is\u202esues"), PATH),
        400,
        Trouble.EVENTLESS,
    ),
    "a token that only looks right": ((BODY, good(x_gitlab_token="tоken"), "/webhooks/gitlab"), 401, Trouble.FORGED),
    "a time that is no number": (
        (BODY, good(webhook_id="m", webhook_timestamp="１７", webhook_signature="v1,x"), "/webhooks/generic"),
        401,
        Trouble.UNSIGNED,
    ),
    "a source without a secret": ((BODY, good(), "/webhooks/slack"), 404, Trouble.NOT_CONFIGURED),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_delivery_is_refused_starts_nothing_and_is_logged(site: Site, name: str) -> None:
    (body, headers, path), status, trouble = HOSTILE[name]
    before = site.log()
    answer = site.post(body() if callable(body) else body, headers, path)
    assert answer.status_code == status, answer.text
    assert answer.json() == {"status": trouble.value}
    assert site.log() - before == Counter({trouble.value: 1})
    assert site.ledger.undelivered() == 0
    assert all(row.body is None for row in site.ledger.deliveries(1_000, "refused"))


def test_there_are_enough_of_them() -> None:
    assert len(HOSTILE) >= 40


@pytest.mark.parametrize(
    ("data", "answered"),
    [
        (POST + b'Content-Length: 500\r\nContent-Type: application/json\r\n\r\n{"a":', b""),
        (POST + b"Content-Length: -5\r\n\r\n", b"400"),
        (POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}", b"400"),
        (POST + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n", b"400"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", b"400"),
        (b"GET /webhooks/github HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"405"),
        (b"POST /webhooks/%2e%2e%2fhealth HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", b"404"),
        (POST + b"X-A: " + 100_000 * b"a", b""),
    ],
    ids=["cut off", "negative", "two lengths", "bad chunk", "TLS", "GET", "a path", "endless header"],
)
def test_what_is_no_request_is_answered_by_nothing_worse_than_a_400(site: Site, data: bytes, answered: bytes) -> None:
    said = site.raw(data)
    status = said.split(b" ")[1] if b" " in said else b""
    assert status == answered or status.startswith(b"4")
    assert httpx.get(f"{site.url}/health", trust_env=False).status_code == 200


def test_a_body_that_breaks_off_is_logged(site: Site) -> None:
    before = site.log()
    site.raw(
        b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"
    )
    deadline = time.monotonic() + 20
    while not (site.log() - before)[Trouble.TRUNCATED.value]:
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_header_that_is_given_twice_counts_as_none(site: Site) -> None:
    headers = [*good().items(), ("x-github-event", "push")]
    answer = httpx.post(f"{site.url}{PATH}", content=BODY, headers=headers, trust_env=False)
    assert answer.status_code == 400


def test_a_flood_of_forgeries_is_one_row_for_each_minute(site: Site) -> None:
    before = site.log()[Trouble.FORGED.value]

    def forge(number: int) -> int:
        return site.post(BODY, signed(BODY, f"flood-{number}", secret="guess")).status_code

    with ThreadPoolExecutor(8) as threads:
        assert set(threads.map(forge, range(200))) == {401}
    assert site.log()[Trouble.FORGED.value] == before + 200
    rows = [row for row in site.ledger.deliveries(1_000, "refused") if row.source == "github"]
    assert all(re.fullmatch(r"refused [a-z_]+ \d{4}-\d\d-\d\dT\d\d:\d\dZ", row.delivery) for row in rows)
    minutes = {row.delivery.rpartition(" ")[2] for row in rows}
    assert len(rows) <= len(minutes) * len(Trouble)
