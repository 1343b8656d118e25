"""Slack on this machine speaks as Slack does: its client library is content, and it refuses what Slack refuses."""

from __future__ import annotations

import queue
import time
from collections.abc import Generator
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode.builtin import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bench.slack_server import Limit, Person, SlackServer

MODAL: dict[str, Any] = {
    "type": "modal",
    "title": {"type": "plain_text", "text": "Decide"},
    "blocks": [{"type": "section", "text": {"type": "mrkdwn", "text": "x"}}],
}


@pytest.fixture
def slack() -> Generator[SlackServer]:
    with SlackServer() as server:
        server.workspace.add_user("U0ADA", "Ada Lovelace")
        yield server


def client(slack: SlackServer, token: str = "") -> Any:
    return WebClient(token or slack.workspace.token, slack.url, retry_handlers=[])


def refusal(web: Any, method: str, **arguments: Any) -> Any:
    """What Slack answers when it refuses a call."""
    with pytest.raises(SlackApiError) as caught:
        getattr(web, method)(**arguments)
    error: Any = caught.value
    return error.response


def refused(slack: SlackServer, method: str, **arguments: Any) -> str:
    return str(refusal(client(slack), method, **arguments)["error"])


def block(text: str, sort: str = "mrkdwn") -> dict[str, Any]:
    return {"type": "section", "text": {"type": sort, "text": text}}


def test_the_librarys_own_socket_gets_what_people_do_and_acknowledges_it(slack: SlackServer) -> None:
    got: queue.Queue[SocketModeRequest] = queue.Queue()
    socket = SocketModeClient(slack.workspace.app_token, web_client=client(slack))

    def listen(one: Any, request: SocketModeRequest) -> None:
        got.put(request)
        one.send_socket_mode_response(SocketModeResponse(request.envelope_id, {"text": "kept"}))

    socket.socket_mode_request_listeners.append(listen)
    socket.connect()
    try:
        slack.socket.wait_for(1)
        ada = Person(slack, "U0ADA")
        assert ada.command("/deliver", "Add a cart") == {"text": "kept"}
        assert ada.mention("Add a cart") == {"text": "kept"}
        assert [got.get(timeout=10).type for _ in range(2)] == ["slash_commands", "events_api"]
        slack.socket.refresh()
        slack.socket.wait_for(2)
        assert ada.command("/deliver", "Add a cart") == {"text": "kept"}
    finally:
        socket.close()


@pytest.mark.parametrize(
    ("method", "arguments", "error"),
    [
        ("chat_postMessage", {"channel": "C0NONE", "text": "x"}, "channel_not_found"),
        ("chat_postMessage", {"channel": "C0DELIVERY", "text": "x", "thread_ts": "1.1"}, "thread_not_found"),
        ("chat_postMessage", {"channel": "C0DELIVERY", "text": "x", "blocks": [block("x" * 3_001)]}, "invalid_blocks"),
        ("chat_postMessage", {"channel": "C0DELIVERY", "text": "x", "blocks": [block("")]}, "invalid_blocks"),
        ("chat_postMessage", {"channel": "C0DELIVERY", "text": "x", "blocks": [block("x")] * 51}, "invalid_blocks"),
        ("chat_postMessage", {"channel": "C0DELIVERY", "text": "x", "blocks": [{"type": "fancy"}]}, "invalid_blocks"),
        (
            "chat_postMessage",
            {"channel": "C0DELIVERY", "text": "x", "blocks": [block("x") | {"colour": "red"}]},
            "invalid_blocks",
        ),
        ("chat_postMessage", {"channel": "C0DELIVERY", "text": "x", "metadata": {"a": 1}}, "invalid_metadata_format"),
        ("chat_update", {"channel": "C0DELIVERY", "ts": "1.1", "text": "x"}, "message_not_found"),
        ("chat_postEphemeral", {"channel": "C0DELIVERY", "user": "U0EVE", "text": "x"}, "user_not_in_channel"),
        ("conversations_history", {"channel": "C0DELIVERY", "limit": 1_000}, "invalid_limit"),
        ("conversations_replies", {"channel": "C0DELIVERY", "ts": "1.1"}, "thread_not_found"),
        ("views_open", {"trigger_id": "1.1.x", "view": MODAL}, "invalid_trigger_id"),
        ("users_info", {"user": "U0EVE"}, "user_not_found"),
        ("usergroups_users_list", {"usergroup": "S0NONE"}, "no_such_subteam"),
        ("api_test", {}, "unknown_method"),
    ],
)
def test_what_slack_refuses_is_refused_in_its_words(
    slack: SlackServer, method: str, arguments: dict[str, Any], error: str
) -> None:
    assert refused(slack, method, **arguments) == error


def test_a_trigger_opens_one_form_within_three_seconds(slack: SlackServer) -> None:
    first, late = (slack.workspace.trigger("U0ADA") for _ in range(2))
    slack.workspace.triggers[late] = (time.monotonic() - 4, "U0ADA")
    assert refused(slack, "views_open", trigger_id=late, view=MODAL) == "expired_trigger_id"
    long = MODAL | {"title": {"type": "plain_text", "text": "x" * 25}}
    assert refused(slack, "views_open", trigger_id=first, view=long) == "invalid_arguments"
    assert client(slack).views_open(trigger_id=first, view=MODAL)["view"]["id"].startswith("V")
    assert refused(slack, "views_open", trigger_id=first, view=MODAL) == "exchanged_trigger_id"


def test_tokens_are_told_apart(slack: SlackServer) -> None:
    space = slack.workspace
    for token, error in (("xoxb-x", "invalid_auth"), (space.app_token, "not_allowed_token_type")):
        assert refusal(client(slack, token), "auth_test")["error"] == error


def test_history_comes_in_pages_with_metadata_only_when_it_is_wanted(slack: SlackServer) -> None:
    web = client(slack)
    for number in range(5):
        metadata = {"event_type": "e", "event_payload": {"n": number}}
        web.chat_postMessage(channel="C0DELIVERY", text=str(number), metadata=metadata)
    first = web.conversations_history(channel="C0DELIVERY", limit=3)
    assert [one["text"] for one in first["messages"]] == ["4", "3", "2"]
    assert "metadata" not in first["messages"][0]
    cursor = first["response_metadata"]["next_cursor"]
    rest = web.conversations_history(channel="C0DELIVERY", limit=3, cursor=cursor, include_all_metadata=True)
    assert [one["metadata"]["event_payload"]["n"] for one in rest["messages"]] == [1, 0]
    assert not rest["has_more"]


def test_a_limit_of_the_rate_says_how_long(slack: SlackServer) -> None:
    slack.trouble("auth.test", Limit(7))
    answer = refusal(client(slack), "auth_test")
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "7"
    assert client(slack).auth_test()["team_id"] == slack.workspace.team
