"""Messages in a channel of Slack, over the real client library against a workspace on this machine."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Generator
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import SecretStr, ValidationError

from bench.slack_server import Drop, Fail, Limit, SlackServer
from blocks.slack_channel import SlackChannel
from contracts.errors import DeliveryError, Misconfigured, Unavailable
from contracts.message import Event, Message
from contracts.slack.blocks import EVENT_TYPE

RUN = "0192f0c4-aaaa-7bbb-8ccc-123456789abc"
"""Made at a time that its first 48 bits tell."""
OLD = "r1"


@pytest.fixture
def slack() -> Generator[SlackServer]:
    with SlackServer() as server:
        yield server


def channel(slack: SlackServer, **fields: Any) -> SlackChannel:
    values: dict[str, Any] = {
        "token": SecretStr(slack.workspace.token),
        "channel": slack.workspace.channel.id,
        "address": slack.url,
        "patience_seconds": 5,
        **fields,
    }
    return SlackChannel(**values)


def message(
    key: str = "waiting/coder.gate/1", event: Event = "waiting", text: str = "asked", run: str = OLD
) -> Message:
    return Message(key=f"{run}/{key}", event=event, title=text, text=f"**{text}**\n\nwhy", link="", run=run)


def texts(slack: SlackServer) -> list[str]:
    return [str(one["text"]) for one in slack.workspace.messages()]


def refused(act: Callable[[], object]) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        act()
    return caught.value


@pytest.mark.parametrize("address", ["http://slack.example/api/", "http://localhost.example/api/", "https://x"])
def test_an_address_that_must_not_see_the_token_is_refused(slack: SlackServer, address: str) -> None:
    with pytest.raises(ValidationError, match="address"):
        channel(slack, address=address)


def test_a_message_is_posted_once_for_its_key_by_whichever_process(slack: SlackServer) -> None:
    first = channel(slack).post(message())
    assert channel(slack).post(message()) == first == channel(slack).find(message().key)
    assert texts(slack) == ["*asked*"]
    assert channel(slack).find("r1/failed/1") is None
    assert channel(slack).find("r2/waiting/coder.gate/1") is None


def test_the_first_message_of_a_run_opens_its_thread_and_urgent_ones_are_shown_outside(slack: SlackServer) -> None:
    one = channel(slack)
    references = [
        one.post(message("parked/coder.1", "parked", "parked")),
        one.post(message("waiting/coder.gate/1", "waiting", "asked")),
        one.post(message("delivered/1", "delivered", "merged")),
        one.post(message("parked/coder.1", "parked", "parked", run="r2")),
    ]
    assert len(set(references)) == 4
    posted = slack.workspace.messages()
    root = posted[0]["ts"]
    assert [one.get("thread_ts") for one in posted] == [root, root, root, None]
    assert [one.get("subtype") for one in posted] == [None, "thread_broadcast", None, None]
    assert [one.find(f"r1/{key}") for key in ("waiting/coder.gate/1", "delivered/1")] == references[1:3]


@pytest.mark.parametrize("done", [True, False])
def test_a_message_whose_answer_was_lost_is_not_posted_again(slack: SlackServer, *, done: bool) -> None:
    slack.trouble("chat.postMessage", Drop(done=done))
    one = channel(slack)
    assert isinstance(refused(lambda: one.post(message())), Unavailable)
    assert one.post(message()) == one.find(message().key)
    assert texts(slack) == ["*asked*"]


def test_a_message_is_edited_in_place_and_found_afterwards(slack: SlackServer) -> None:
    one = channel(slack)
    reference = one.post(message())
    one.edit(reference, message(event="settled", text="decided"))
    assert texts(slack) == ["*decided*"]
    assert one.find(message().key) == reference


def test_a_message_that_somebody_removed_stays_away(slack: SlackServer) -> None:
    one = channel(slack)
    reference = one.post(message())
    slack.workspace.channel.messages.clear()
    one.edit(reference, message(event="settled", text="decided"))
    assert texts(slack) == []
    one.post(message())
    assert texts(slack) == ["*asked*"]


def test_a_reference_of_another_channel_is_told(slack: SlackServer) -> None:
    assert "no message of Slack" in refused(lambda: channel(slack).edit(message().key, message())).message


def test_a_message_far_back_in_a_busy_channel_is_found(slack: SlackServer) -> None:
    one = channel(slack)
    reference = one.post(message())
    for number in range(450):
        slack.workspace.say(slack.workspace.channel, {"user": "U1", "text": str(number)})
    late = one.post(message("failed/1", "failed", "failed"))
    for number in range(450):
        slack.workspace.say(slack.workspace.channel, {"user": "U1", "text": str(number), "thread_ts": reference[11:]})
    assert one.post(message()) == reference
    assert one.post(message("failed/1", "failed", "failed")) == late


def test_only_messages_since_the_run_was_made_are_looked_through(slack: SlackServer) -> None:
    channel(slack).find(f"{RUN}/waiting/coder.gate/1")
    channel(slack, history_days=1).find("r1/waiting/coder.gate/1")
    oldest = [float(one["oldest"]) for one in slack.called("conversations.history")]
    made = int(RUN.replace("-", "")[:12], 16) / 1_000
    assert oldest[0] == pytest.approx(made - 600)
    assert oldest[1] == pytest.approx(time.time() - 86_400, abs=60)


def test_another_program_in_the_channel_cannot_keep_people_from_being_told(slack: SlackServer) -> None:
    payload = {"event_type": EVENT_TYPE, "event_payload": {"key": message().key, "run": OLD, "event": "waiting"}}
    slack.workspace.say(slack.workspace.channel, {"bot_id": "B0EVIL", "text": "fake", "metadata": payload})
    assert channel(slack).find(message().key) is None
    channel(slack).post(message())
    assert texts(slack) == ["fake", "*asked*"]


def test_a_limit_of_the_rate_is_waited_for(slack: SlackServer) -> None:
    slack.trouble("chat.postMessage", Limit(1))
    slack.trouble("conversations.history", Limit(1))
    before = time.monotonic()
    channel(slack).post(message())
    assert time.monotonic() - before >= 2
    assert texts(slack) == ["*asked*"]


def test_a_long_limit_says_until_when(slack: SlackServer) -> None:
    slack.trouble("chat.postMessage", Limit(120))
    error = refused(lambda: channel(slack).post(message()))
    assert isinstance(error, Unavailable)
    assert error.until is not None
    assert 100 < (error.until - datetime.now(UTC)).total_seconds() <= 120


@pytest.mark.parametrize(
    ("trouble", "kind", "words"),
    [
        (Fail("invalid_auth"), Misconfigured, "see to the token"),
        (Fail("missing_scope"), Misconfigured, "add the scope"),
        (Fail("not_in_channel"), Misconfigured, "invite the app"),
        (Fail("is_archived"), Misconfigured, "name another channel"),
        (Fail("something_new"), Misconfigured, "something_new"),
        (Fail("internal_error"), Unavailable, "internal_error"),
        (Fail("", 503), Unavailable, "503"),
        (Drop(), Unavailable, "did not answer"),
    ],
)
def test_what_goes_wrong_has_a_place_in_our_errors(
    slack: SlackServer, trouble: Any, kind: type[DeliveryError], words: str
) -> None:
    slack.trouble("chat.postMessage", trouble)
    error = refused(lambda: channel(slack).post(message()))
    assert isinstance(error, kind)
    assert words in error.message


def test_a_slack_that_is_away_is_unavailable(slack: SlackServer) -> None:
    gone = channel(slack, address="http://127.0.0.1:9/api/")
    assert isinstance(refused(lambda: gone.find("r1/failed/1")), Unavailable)


def test_the_token_is_in_no_error_and_no_log(slack: SlackServer, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    one = channel(slack, token=SecretStr("xoxb-1-not-a-real-token-of-anybody"))
    error = refused(lambda: one.post(message()))
    assert "xoxb-1" not in f"{error.message} {error.detail} {one!r} {one.model_dump()} {caplog.text}"
    assert error.__cause__ is None


@pytest.mark.parametrize("name", ["#deliveries", "deliveries", "C0; x", ""])
def test_a_channel_is_named_by_its_id(slack: SlackServer, name: str) -> None:
    with pytest.raises(ValueError, match="channel"):
        channel(slack, channel=name)
