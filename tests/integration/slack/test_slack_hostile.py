"""What is hostile changes nothing and is logged, whichever way it comes."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest

from deployments.slack.desk import Desk
from tests.integration.slack.room import GATE, Room

FORM = {"content-type": "application/x-www-form-urlencoded"}


def form(payload: Any) -> bytes:
    return urlencode({"payload": payload if isinstance(payload, str) else json.dumps(payload)}).encode()


Attack = Callable[[Room, dict[str, Any]], httpx.Response]
ATTACKS: dict[str, tuple[Attack, int]] = {
    "no signature": (lambda room, one: httpx.post(room.slack.request_url, content=form(one), headers=FORM), 401),
    "a forged signature": (lambda room, one: room.slack.request(form(one), FORM | {"x-slack-signature": "v0=00"}), 401),
    "a signature that is no ASCII": (
        lambda room, one: room.slack.request(form(one), FORM | {"x-slack-signature": "v0=é".encode("latin-1")}),  # type: ignore[dict-item]
        401,
    ),
    "a signature of another body": (
        lambda room, one: room.slack.request(
            form(one), FORM | {"x-slack-signature": room.slack.signature(b"x", str(int(time.time())))}
        ),
        401,
    ),
    "an old request, replayed": (lambda room, one: room.slack.request(form(one), FORM, at=time.time() - 301), 401),
    "a request of tomorrow": (lambda room, one: room.slack.request(form(one), FORM, at=time.time() + 86_400), 401),
    "a time that is no number": (
        lambda room, one: room.slack.request(form(one), FORM | {"x-slack-request-timestamp": "now"}),
        401,
    ),
    "a time that is endless": (
        lambda room, one: room.slack.request(form(one), FORM | {"x-slack-request-timestamp": "9" * 400}),
        401,
    ),
    "more than a megabyte": (lambda room, one: room.slack.request(form(one | {"x": "y" * 1_100_000}), FORM), 413),
    "another type": (lambda room, one: room.slack.request(form(one), {"content-type": "text/plain"}), 415),
    "no JSON": (lambda room, _: room.slack.request(form("{"), FORM), 400),
    "JSON that is no object": (lambda room, one: room.slack.request(form([one]), FORM), 400),
    "JSON that is nested too deeply": (lambda room, _: room.slack.request(form("[" * 200_000), FORM), 400),
    "a name that stands twice": (
        lambda room, one: room.slack.request(form(json.dumps(one)[:-1] + ',"type":"block_actions"}'), FORM),
        400,
    ),
    "a body that is no text": (lambda room, _: room.slack.request(b"payload=\xff\xfe", FORM), 401),
    "too many fields": (lambda room, _: room.slack.request(b"&".join(b"a=b" for _ in range(200)), FORM), 400),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_request_that_slack_did_not_send_changes_nothing_and_is_logged(served: Room, name: str) -> None:
    attack, status = ATTACKS[name]
    payload = served.ada.pressed(served.ask(), "Merge")
    assert attack(served, payload).status_code == status
    assert not served.changed()
    assert served.refusals()
    assert served.slack.request(form(payload), FORM).status_code == 200
    assert served.kept() == [("U0ADA", "merge", "")]


Twist = Callable[[dict[str, Any]], object]
TWISTS: dict[str, Twist] = {
    "another workspace": lambda one: one["team"].update(id="T0EVIL"),
    "a stranger": lambda one: one["user"].update(team_id="T0EVIL"),
    "nobody": lambda one: one.pop("user"),
    "a number for a person": lambda one: one["user"].update(id=7),
    "a gate that leaves its folder": lambda one: one["actions"][0].update(value='{"gate":"../x.gate/1","choice":0}'),
    "a choice that is not there": lambda one: one["actions"][0].update(value=json.dumps({"gate": GATE, "choice": 99})),
    "a choice as a text": lambda one: one["actions"][0].update(value=json.dumps({"gate": GATE, "choice": "merge"})),
    "a button without a value": lambda one: one["actions"][0].pop("value"),
    "a hundred buttons": lambda one: one.update(actions=one["actions"] * 100),
    "a message without a time": lambda one: one["container"].update(message_ts="now"),
    "a channel that is a path": lambda one: one["container"].update(channel_id="../C1"),
}


@pytest.mark.parametrize("name", TWISTS)
def test_a_payload_that_is_not_slacks_changes_nothing_and_is_logged(room: Room, desk: Desk, name: str) -> None:
    payload = room.ada.pressed(room.ask(), "Merge")
    TWISTS[name](payload)
    assert desk.take("interactive", payload) == {}
    assert not room.changed()
    assert "not readable" in room.refusals()[0]
    assert any("refused" in one for one in room.said)


@pytest.mark.parametrize("action", ["merge", "gate.choose", "other.choose.0"])
def test_a_button_of_another_program_is_left_alone(room: Room, desk: Desk, action: str) -> None:
    payload = room.ada.pressed(room.ask(), "Merge")
    payload["actions"][0]["action_id"] = action
    assert desk.take("interactive", payload) == {}
    assert not room.changed()


def test_envelopes_of_another_shape_end_nothing(connected: Room) -> None:
    for payload in ({"x": None}, {"x": 7}, {"type": "block_actions"}, {"type": {"a": 1}}):
        for sort in ("interactive", "slash_commands", "events_api", "something_new"):
            assert connected.slack.socket.send(sort, payload) == {}
    assert not connected.changed()
    assert connected.ada.press(connected.ask(), "Merge") == {}
    assert connected.kept() == [("U0ADA", "merge", "")]
