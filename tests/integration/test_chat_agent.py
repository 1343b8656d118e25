"""The chat agent against the scripted model server, in the words of each provider."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from bench.model_server import Dead, Drop, Fail, Final, Garbage, ModelServer, Quota, Say, Script, Shell, Tokens
from bench.model_server.moves import Move
from blocks.chat_agent import ChatAgent
from blocks.local_sandbox import LocalSandbox
from blocks.sandbox import Seat
from contracts.agent import AgentReply, AgentTurn, Limits, Workspace
from contracts.companion import read_verdict
from contracts.errors import Misconfigured
from contracts.failure import FailureKind
from contracts.kinds import Output
from contracts.outputs import schema_of
from contracts.structured import extract
from contracts.work import Repository, WorkItem

KEY = "sk-0123456789-the-key-of-the-model"
MODELS = {
    "anthropic": ("anthropic:some-model", ""),
    "responses": ("openai:some-model", "/v1"),
    "chat": ("openai-chat:some-model", "/v1"),
    "gemini": ("google:some-model", ""),
}
VERDICT: dict[str, Any] = {"rating": 0.9, "summary": "Sound.", "comments": []}
TOKENS = Tokens(fresh=900, cached=100, written=7)
each = pytest.mark.parametrize("protocol", MODELS)


def turn(**changes: Any) -> AgentTurn:
    fields: dict[str, Any] = {
        "kind": "researcher",
        "session": "s",
        "prompt": "What is known about carts?",
        "item": WorkItem(repository=Repository(name="acme/shop"), title="Add a cart"),
        "limits": Limits(wall_seconds=20),
        "schema": schema_of(Output.VERDICT),  # the server takes a request without tools for one beside the conversation
    }
    return AgentTurn(**{**fields, **changes})


def place(*, writable: bool) -> Workspace:
    return Workspace(path="/w", writable=writable, base="main", base_commit="1", branch="b")


def agent(server: ModelServer, protocol: str, **fields: Any) -> ChatAgent:
    name, path = MODELS[protocol]
    usual: dict[str, Any] = {"model": name, "api_key": SecretStr(KEY), "base_url": server.url + path, "retries": 0}
    return ChatAgent(**usual | fields)


def named(value: object) -> str | None:
    """Name a case by its move."""
    return f"{type(value).__name__}-{value.status}" if isinstance(value, Fail) else None


def ask(
    *moves: Move, protocol: str = "chat", taken: AgentTurn | None = None, **fields: Any
) -> tuple[AgentReply, Script, list[str]]:
    """Take a turn while the server plays a script; return the reply, the script and the lines for people."""
    script, said = Script(*moves, then=moves[-1]), list[str]()
    with ModelServer(script) as server:
        reply = agent(server, protocol, **fields).take(taken or turn(), Seat(LocalSandbox()), said.append)
    return reply, script, said


@each
def test_prose_with_its_usage(protocol: str) -> None:
    reply, script, said = ask(Say("Two options.\nQUESTION: Which? | A | B", TOKENS), protocol=protocol)
    assert reply.trouble is None
    assert reply.text.startswith("Two options.")
    assert reply.question is not None
    assert reply.question.options == ["A", "B"]
    usage = reply.usage
    assert (usage.input_tokens, usage.cache_read_tokens, usage.output_tokens) == (900, 100, 7)
    assert usage.model in ("some-model", "scripted")  # as the provider names it in its answer
    assert usage.cost is None
    assert len(script.main) == 1
    assert said[0].startswith("asking ")


@each
def test_an_answer_by_the_schema(protocol: str) -> None:
    reply, script, _ = ask(Final(VERDICT), protocol=protocol)
    assert reply.structured == VERDICT
    assert read_verdict(extract(reply)).rating == 0.9
    assert len(script.main) == 1
    assert "rating" in str(script.main[0].body)


def test_prose_is_asked_for_without_a_tool() -> None:
    reply, script, _ = ask(Say("Two options."), protocol="responses", taken=turn(schema={}))
    assert (reply.text, reply.structured) == ("Two options.", None)
    assert not script.main[0].body.get("tools")


def test_prose_instead_of_the_schema_is_left_to_the_one_repair_turn() -> None:
    reply, script, _ = ask(Say("I would pass it."))
    assert (reply.text, reply.structured, reply.trouble) == ("I would pass it.", None, None)
    assert len(script.main) == 1


@each
@pytest.mark.parametrize(
    ("move", "kind", "said"),
    [
        (Fail(401), FailureKind.PROVIDER, "auth"),
        (Quota(), FailureKind.QUOTA, "quota"),
        (Fail(500), FailureKind.PROVIDER, "provider down"),
        (Garbage(), FailureKind.PROVIDER, "provider down"),
    ],
    ids=named,
)
def test_a_failed_request_is_the_providers_trouble(protocol: str, move: Move, kind: FailureKind, said: str) -> None:
    reply, _, _ = ask(move, protocol=protocol)
    assert reply.trouble is not None
    assert (reply.trouble.kind, reply.trouble.message.split(":")[0]) == (kind, said)
    assert KEY not in reply.model_dump_json()


@pytest.mark.parametrize(
    ("move", "kind", "said"),
    [
        (Fail(400), FailureKind.AGENT, "crashed"),
        (Fail(402), FailureKind.QUOTA, "quota"),
        (Fail(404), FailureKind.PROVIDER, "auth"),
        (Fail(429), FailureKind.PROVIDER, "rate limited"),
        (Fail(503), FailureKind.PROVIDER, "provider down"),
        (Drop(), FailureKind.PROVIDER, "provider down"),
    ],
    ids=named,
)
def test_each_refusal_has_its_kind(move: Move, kind: FailureKind, said: str) -> None:
    reply, _, _ = ask(move)
    assert reply.trouble is not None
    assert (reply.trouble.kind, reply.trouble.message.split(":")[0]) == (kind, said)


@each
def test_a_limit_says_when_it_is_over(protocol: str) -> None:
    begun = datetime.now(UTC)
    reply, _, _ = ask(Fail(429, headers={"retry-after": "600"}), protocol=protocol)
    assert reply.trouble is not None
    assert reply.trouble.resets_at is not None
    assert timedelta(seconds=595) < reply.trouble.resets_at - begun < timedelta(seconds=630)


@pytest.mark.parametrize("protocol", ["anthropic", "responses"])
def test_a_used_up_plan_says_when_it_is_there_again(protocol: str) -> None:
    there_again = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=5)
    reply, _, _ = ask(Quota(there_again), protocol=protocol)
    assert reply.trouble is not None
    assert reply.trouble.kind is FailureKind.QUOTA
    assert reply.trouble.resets_at is not None
    assert abs(reply.trouble.resets_at - there_again) < timedelta(seconds=2)


def test_a_provider_that_never_answers_is_ended_at_the_wall_clock() -> None:
    reply, _, _ = ask(Dead(), taken=turn(limits=Limits(wall_seconds=1)))
    assert reply.trouble is not None
    assert reply.trouble.kind is FailureKind.TIMEOUT


def test_another_model_answers_when_a_request_fails() -> None:
    reply, script, _ = ask(Fail(500), Say("Here."), fallback_models=["openai-chat:other-model"])
    assert (reply.text, reply.usage.model) == ("Here.", "other-model")
    assert [one.body["model"] for one in script.main] == ["some-model", "other-model"]


def test_when_every_model_fails_the_last_failure_counts() -> None:
    reply, _, _ = ask(Fail(500), Quota(), fallback_models=["openai-chat:other-model"])
    assert reply.trouble is not None
    assert reply.trouble.kind is FailureKind.QUOTA
    assert reply.trouble.detail.count("\n") >= 1


def test_a_failed_request_is_repeated_as_often_as_the_block_says() -> None:
    reply, script, _ = ask(Fail(503), Say("Here."), retries=1)
    assert reply.text == "Here."
    assert len(script.main) == 2


def test_usage_limits_end_a_turn_and_its_usage_is_charged() -> None:
    reply, script, _ = ask(Shell("ls", TOKENS), Say("Here."), requests=1)
    assert reply.trouble is not None
    assert reply.trouble.message.startswith("limit reached")
    assert reply.usage.output_tokens == 7
    assert len(script.main) == 1
    reply, _, _ = ask(Say("Here.", TOKENS), tokens=10)
    assert reply.trouble is not None
    assert reply.usage.output_tokens == 7


@pytest.mark.parametrize(("writable", "diff"), [(True, "+ a line"), (True, ""), (False, "")])
def test_a_turn_that_needs_a_checkout_is_refused(writable: bool, diff: str) -> None:
    block = ChatAgent(model="openai:some-model", api_key=SecretStr(KEY))
    with pytest.raises(Misconfigured, match=r"'coder'.*policy's 'agents'"):
        block.take(
            turn(kind="coder", workspace=place(writable=writable), diff=diff), Seat(LocalSandbox()), lambda _: None
        )


def test_a_diff_is_judged_without_its_checkout() -> None:
    reply, _, _ = ask(Say("Fine."), taken=turn(kind="merger", workspace=place(writable=False), diff="+ a line"))
    assert reply.text == "Fine."


@pytest.mark.parametrize("name", ["nowhere:some-model", "openai:some-model"])
def test_a_model_that_cannot_be_asked_is_found_before_the_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(Misconfigured, match="some-model"):
        ChatAgent(model=name).check(LocalSandbox())


def test_one_block_takes_turns_one_after_the_other() -> None:
    with ModelServer(Script(then=Say("Here."))) as server:
        block = agent(server, "responses")
        replies = [block.take(turn(), Seat(LocalSandbox()), lambda _: None).text for _ in range(3)]
    assert replies == ["Here."] * 3
