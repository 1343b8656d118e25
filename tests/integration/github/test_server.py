"""The GitHub of the tests itself: it tells of everything that is not as GitHub describes it, and signs its events."""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from graphql import parse, validate

from bench.github_server import GitHubServer, Hook
from bench.github_server.call import ROUTES, Answer
from bench.github_server.description import description
from bench.github_server.graphql import schema
from blocks.github import merging, pulls, reviews
from tests.integration.github.place import NAME, Place, make_place


@pytest.fixture
def strict(tmp_path: Path) -> Generator[Place]:
    """Give a place whose violations the test looks at itself."""
    with GitHubServer(tmp_path / "github") as server:
        place = make_place(tmp_path, server)
        yield place
        for client in place.people.values():
            client.close()


@pytest.mark.parametrize(
    ("method", "path", "body", "told"),
    [
        ("GET", "/pulls?stat=all", None, "no parameter 'stat'"),
        ("GET", "/pulls?state=merged", None, "parameter 'state'"),
        ("POST", "/issues", {"titel": "t"}, "the body has no field 'titel'"),
        ("POST", "/issues", {"body": "b"}, "body: "),
        ("POST", "/issues/1/comments", {"body": 1}, "body.body"),
        ("GET", "/pull/1", None, "no such operation"),
        ("DELETE", "/pulls/1", None, "no such operation"),
    ],
)
def test_a_request_that_github_would_not_know_is_told(
    strict: Place, method: str, path: str, body: Any, told: str
) -> None:
    strict.person().request(method, path, **({} if body is None else {"json": body}))
    assert any(told in one for one in strict.server.violations), strict.server.violations


def test_an_answer_that_is_not_as_described_is_told(strict: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ROUTES, ("GET", "/repos/{owner}/{repo}/branches"), lambda _: Answer([{"name": 1}], page=""))
    strict.person().get("/branches")
    assert any("branches" in one and "200.0.name" in one for one in strict.server.violations)


def test_what_nobody_may_ask_without_a_credential_is_refused(strict: Place) -> None:
    ada = strict.person()
    assert ada.get("/branches", headers={"authorization": "Bearer nobody"}).status_code == 401
    assert ada.get("/branches", headers={"x-github-api-version": "2019-01-01"}).status_code == 400
    strict.repository.people["ada"] = "read"
    assert ada.post("/git/refs", json={"ref": "refs/heads/x", "sha": strict.main()}).status_code == 403
    strict.repository.people.pop("ada")
    assert ada.get("/branches").status_code == 404


def test_pages_are_linked_and_what_did_not_change_is_told_as_such(strict: Place) -> None:
    ada = strict.person()
    for number in range(3):
        strict.say("POST", "/issues", title=f"t{number}")
    first = ada.get("/issues", params={"per_page": 2})
    assert [one["title"] for one in first.json()] == ["t2", "t1"]
    second = ada.get(first.links["next"]["url"])
    assert ([one["title"] for one in second.json()], "next" in second.links) == (["t0"], False)
    tag = {"if-none-match": first.headers["etag"]}
    assert ada.get("/issues", params={"per_page": 2}, headers=tag).status_code == 304
    strict.say("POST", "/issues", title="t3")
    assert ada.get("/issues", params={"per_page": 2}, headers=tag).status_code == 200


def test_events_are_signed_described_and_can_be_sent_again(strict: Place) -> None:
    got: list[tuple[dict[str, str], bytes]] = []

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            got.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(202)
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the library's
            """Say nothing."""

    receiver = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=receiver.serve_forever, args=(0.05,))
    thread.start()
    hooks = strict.server.hooks
    hooks.registered.append(Hook(NAME, f"http://127.0.0.1:{receiver.server_address[1]}/", "key", frozenset({"issues"})))
    strict.say("POST", "/issues", title="Total is off", labels=["deliver"])
    strict.say("POST", "/issues/1/comments", body="not asked for")
    hooks.drain()
    hooks.redeliver(hooks.deliveries[1])
    hooks.drain()
    receiver.shutdown()
    thread.join()
    receiver.server_close()
    events = [(headers["x-github-event"], json.loads(body)["action"]) for headers, body in got]
    assert events == [("issues", "opened"), ("issues", "labeled"), ("issues", "labeled")]
    ids = [headers["x-github-delivery"] for headers, _ in got]
    assert ids[0] != ids[1] == ids[2]
    for headers, body in got:
        signature = hmac.new(b"key", body, hashlib.sha256).hexdigest()
        assert headers["x-hub-signature-256"] == f"sha256={signature}"
    assert json.loads(got[1][1])["label"]["name"] == "deliver"
    assert [one.status for one in hooks.deliveries] == [202, 202, 202]
    assert strict.server.violations == []
    assert description().payload("issues-labeled", {"action": "labeled"}) != []


def test_what_the_forge_asks_over_graphql_is_in_githubs_schema() -> None:
    modules = (merging, pulls, reviews)
    texts = [text for module in modules for text in vars(module).values() if isinstance(text, str)]
    queries = [text for text in texts if text.strip().startswith(("query ", "mutation "))]
    assert len(queries) == 4
    for query in queries:
        assert validate(schema(), parse(query)) == []
