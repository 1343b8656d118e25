"""The scripted model server, where the run of the real programs does not look."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from bench.model_server import Dead, Drop, Fail, Final, Garbage, ModelServer, Quota, Say, Script, Shell, Slow, Tokens

TOKENS = Tokens(fresh=900, cached=100, written=7)
GEMINI = "/v1beta/models/any:"
CALLS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "anthropic": ("/v1/messages", "/v1/messages", {"tools": [{"name": "Bash"}]}),
    "responses": ("/v1/responses", "/v1/responses", {"tools": [{"type": "function", "name": "exec_command"}]}),
    "chat": ("/v1/chat/completions", "/v1/chat/completions", {"tools": [{"function": {"name": "bash"}}]}),
    "gemini": (
        f"{GEMINI}generateContent",
        f"{GEMINI}streamGenerateContent?alt=sse",
        {"tools": [{"functionDeclarations": [{"name": "run_shell_command"}]}]},
    ),
}
each = pytest.mark.parametrize("protocol", CALLS)


def events(text: str) -> Iterator[dict[str, Any]]:
    for line in text.splitlines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))


def post(server: ModelServer, protocol: str, stream: bool = False) -> httpx.Response:
    whole, streamed, body = CALLS[protocol]
    return httpx.post(server.url + (streamed if stream else whole), json=body | {"stream": stream}, timeout=10)


@each
def test_an_answer_says_the_same_whole_and_as_a_stream(protocol: str):
    with ModelServer(Script(then=Say("six times 42", TOKENS))) as server:
        whole, stream = post(server, protocol), post(server, protocol, stream=True)
    last = list(events(stream.text))
    for said in (whole.text, json.dumps(last)):
        assert "six times 42" in said
        assert any(f'{name}": 7' in said for name in ("output_tokens", "completion_tokens", "candidatesTokenCount"))
    assert whole.headers["content-type"] == "application/json"
    assert stream.headers["content-type"] == "text/event-stream"


@each
def test_a_command_goes_to_the_shell_that_is_offered(protocol: str):
    with ModelServer(Script(then=Shell("make it"))) as server:
        for stream in (False, True):
            said = post(server, protocol, stream).text
            assert "make it" in said
            assert json.dumps(CALLS[protocol][2]).split('"name": ')[1].split('"')[1] in said


@each
@pytest.mark.parametrize(("move", "status"), [(Fail(401), 401), (Fail(529), 529), (Quota(), 429)])
def test_a_refusal_has_the_body_of_its_protocol(protocol: str, move: Fail | Quota, status: int):
    with ModelServer(Script(move)) as server:
        answer = post(server, protocol)
    assert answer.status_code == status
    assert answer.json()["error"]["message"]


def test_side_requests_take_no_move():
    asides: dict[str, dict[str, Any]] = {
        "/v1/messages/count_tokens": {"messages": [], "tools": [{"name": "Bash"}]},
        "/v1/messages": {"messages": [], "thinking": {}, "output_config": {"format": {}}},
        "/v1/chat/completions": {"messages": []},
        f"{GEMINI}countTokens": {"contents": []},
        f"{GEMINI}generateContent": {"contents": []},
        "/telemetry": {},
    }
    script = Script(Say("the one answer"))
    with ModelServer(script) as server:
        for path, body in asides.items():
            assert "the one answer" not in httpx.post(server.url + path, json=body).text
        assert httpx.get(f"{server.url}/v1/models").json()["data"]
        assert "the one answer" in post(server, "chat").text
    assert [one.move for one in script.main] == [Say("the one answer")]
    assert len(script.asked) == len(asides) + 2


def test_a_structured_answer_goes_by_the_tool_that_is_offered_for_it():
    tools = [{"name": "StructuredOutput"}]
    with ModelServer(Script(Final({"verdict": "pass"}))) as server:
        answer = httpx.post(f"{server.url}/v1/messages", json={"tools": tools}).json()
    assert answer["content"][0]["input"] == {"verdict": "pass"}


def test_requests_may_come_packed_and_in_pieces():
    body = gzip.compress(json.dumps(CALLS["chat"][2] | {"model": "packed"}).encode())
    script = Script(Say("yes"))
    with ModelServer(script) as server:
        pieces = (body[at : at + 10] for at in range(0, len(body), 10))
        packed = {"content-encoding": "gzip"}
        assert "yes" in httpx.post(f"{server.url}/v1/chat/completions", content=pieces, headers=packed).text
    assert script.main[0].body["model"] == "packed"


def test_a_closed_connection_and_an_unreadable_answer():
    with ModelServer(Script(Drop(), Garbage())) as server:
        with pytest.raises(httpx.RemoteProtocolError):
            post(server, "chat")
        with pytest.raises(ValueError, match=r"codec|Expecting"):
            post(server, "chat").json()


def test_a_late_answer_comes_when_it_is_released():
    release = threading.Event()
    with ModelServer(script := Script(Slow(Say("late"), until=release))) as server:
        answers: list[str] = []
        asking = threading.Thread(target=lambda: answers.append(post(server, "chat").text))
        asking.start()
        assert script.wait_for(1, 10)
        assert not answers
        release.set()
        asking.join(10)
    assert "late" in answers[0]


def test_closing_leaves_no_thread_and_no_port():
    before = set(threading.enumerate())
    with ModelServer(script := Script(Dead(), then=Slow(Say("never")))) as server, httpx.Client() as client:
        client.get(f"{server.url}/v1/models")
        hung = [threading.Thread(target=_ask_in_vain, args=(server,)) for _ in range(2)]
        for one in hung:
            one.start()
        assert script.wait_for(2, 10)
        url = server.url
    for one in hung:
        one.join(10)
    assert set(threading.enumerate()) <= before
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)


def _ask_in_vain(server: ModelServer) -> None:
    with pytest.raises(httpx.TransportError):
        post(server, "chat")
