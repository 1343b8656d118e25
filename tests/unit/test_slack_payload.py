"""What Slack sends is read strictly; a payload that is not what Slack sends, or not for us, is refused by name."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.slack.payload import Place, Press, Sent, Wish, read_command, read_event, read_interaction
from contracts.slack.shapes import Unfit
from contracts.slack.wish import USAGE, Wanted, read_wish

TEAM, GATE = "T0ACME", "0192f0c4-aaaa/merger.gate/1"
VALUE = json.dumps({"gate": GATE, "choice": 0})


def pressed(**changed: Any) -> dict[str, Any]:
    action = {"type": "button", "action_id": "gate.choose.0", "value": VALUE, "action_ts": "1700000000.000002"}
    return {
        "type": "block_actions",
        "user": {"id": "U0ADA", "username": "ada", "name": "ada", "team_id": TEAM},
        "team": {"id": TEAM, "domain": "acme"},
        "container": {"type": "message", "message_ts": "1700000000.000001", "channel_id": "C0DELIVERY"},
        "trigger_id": "1.2.abc",
        "actions": [action | changed.pop("action", {})],
        **changed,
    }


def sent(**changed: Any) -> dict[str, Any]:
    kept = {"gate": GATE, "choice": -1, "channel": "C0DELIVERY", "thread": "1700000000.000001"}
    view = {
        "id": "V0FORM",
        "team_id": TEAM,
        "callback_id": "gate",
        "private_metadata": json.dumps(kept),
        "state": {"values": {"comment": {"comment": {"type": "plain_text_input", "value": "fine"}}}},
    }
    user = {"id": "U0ADA", "name": "ada"}
    return {
        "type": "view_submission",
        "user": user,
        "team": {"id": TEAM},
        "view": view | changed.pop("view", {}),
        **changed,
    }


def commanded(**changed: Any) -> dict[str, Any]:
    asked = {"team_id": TEAM, "user_id": "U0ADA", "user_name": "ada", "channel_id": "C0DELIVERY", "command": "/deliver"}
    return {**asked, "trigger_id": "1.2.abc", "text": "Add a discount", **changed}


def mentioned(**changed: Any) -> dict[str, Any]:
    event = {"type": "app_mention", "user": "U0ADA", "ts": "1700000000.000003", "channel": "C0DELIVERY"}
    event |= {"text": "<@U0DELIVERY> Add a discount"}
    return {
        "type": "event_callback",
        "team_id": TEAM,
        "event_id": "Ev1",
        "event": event | changed.pop("event", {}),
        **changed,
    }


def test_a_button_that_answers_at_once_carries_a_choice() -> None:
    value = json.dumps({"gate": GATE, "choice": -1})
    assert isinstance(read_interaction(pressed(action={"action_id": "gate.open.-1", "value": value}), TEAM), Press)
    with pytest.raises(Unfit, match="no choice"):
        read_interaction(pressed(action={"action_id": "gate.choose.-1", "value": value}), TEAM)


def test_a_press_says_who_chose_what_where() -> None:
    assert read_interaction(pressed(), TEAM) == Press(
        source="press:U0ADA/C0DELIVERY/1700000000.000001/gate.choose.0/1700000000.000002",
        person="U0ADA",
        name="ada",
        place=Place(channel="C0DELIVERY", thread="1700000000.000001"),
        gate=GATE,
        choice=0,
        opens=False,
        trigger="1.2.abc",
    )
    again = read_interaction(pressed(action={"action_id": "gate.open.0"}), TEAM)
    assert isinstance(again, Press)
    assert again.opens


def test_a_form_says_what_was_typed_and_chosen() -> None:
    choice = {"choice": {"choice": {"type": "radio_buttons", "selected_option": {"value": "2"}}}}
    empty = {"comment": {"comment": {"type": "plain_text_input", "value": None}}}
    found = read_interaction(sent(view={"state": {"values": choice | empty}}), TEAM)
    assert isinstance(found, Sent)
    assert (found.source, found.choice, found.values) == ("form:U0ADA/V0FORM", -1, {"choice": "2", "comment": ""})


def test_a_command_and_a_mention_are_read_as_they_were_written() -> None:
    wish = read_command(commanded(text="a &lt;b&gt; &amp; <https://x.example/a|x> <@U1|eve>\n\x00more"), TEAM)
    assert (wish.source, wish.text) == ("command:1.2.abc", "a <b> & https://x.example/a eve\nmore")
    asked = read_event(mentioned(), TEAM)
    assert asked == Wish(
        source="event:Ev1",
        person="U0ADA",
        name="",
        place=Place(channel="C0DELIVERY", thread="1700000000.000003"),
        event="mention",
        text="Add a discount",
    )


@pytest.mark.parametrize(
    "payload",
    [
        {},
        [],
        None,
        "block_actions",
        {"type": "shortcut"},
        {"type": ["block_actions"]},
        pressed(action={"action_id": "other.app"}),
        sent(view={"callback_id": "other"}),
    ],
)
def test_what_concerns_nothing_of_ours_is_left_alone(payload: Any) -> None:
    assert read_interaction(payload, TEAM) is None


@pytest.mark.parametrize("changed", [{"bot_id": "B1"}, {"subtype": "bot_message"}, {"type": "message"}])
def test_what_programs_say_is_left_alone(changed: dict[str, Any]) -> None:
    assert read_event(mentioned(event=changed), TEAM) is None


HOSTILE: dict[str, Callable[[], object]] = {
    "another workspace": lambda: read_interaction(pressed(team={"id": "T0EVIL"}), TEAM),
    "a guest of another workspace": lambda: read_interaction(pressed(user={"id": "U1X", "team_id": "T0EVIL"}), TEAM),
    "no workspace": lambda: read_interaction(pressed(team=None), TEAM),
    "no person": lambda: read_interaction(pressed(user=None), TEAM),
    "a person that is a path": lambda: read_interaction(pressed(user={"id": "../U1"}), TEAM),
    "a person as a number": lambda: read_interaction(pressed(user={"id": 7}), TEAM),
    "no action": lambda: read_interaction(pressed(actions=[]), TEAM),
    "two actions": lambda: read_interaction(pressed(actions=pressed()["actions"] * 2), TEAM),
    "a value without a gate": lambda: read_interaction(pressed(action={"value": "{}"}), TEAM),
    "a value that is no JSON": lambda: read_interaction(pressed(action={"value": "approve"}), TEAM),
    "a value that is too long": lambda: read_interaction(pressed(action={"value": "x" * 2_001}), TEAM),
    "a value that is nested": lambda: read_interaction(pressed(action={"value": "[" * 1_999}), TEAM),
    "a gate that leaves its folder": lambda: read_interaction(pressed(action={"value": value("../../x.gate/1")}), TEAM),
    "a choice as a text": lambda: read_interaction(pressed(action={"value": value(GATE, "0")}), TEAM),
    "a choice as a truth": lambda: read_interaction(pressed(action={"value": value(GATE, True)}), TEAM),  # noqa: FBT003
    "a choice below all": lambda: read_interaction(pressed(action={"value": value(GATE, -2)}), TEAM),
    "a form of another workspace": lambda: read_interaction(sent(view={"team_id": "T0EVIL"}), TEAM),
    "a form without a place": lambda: read_interaction(sent(view={"private_metadata": VALUE}), TEAM),
    "a form without a state": lambda: read_interaction(sent(view={"state": None}), TEAM),
    "a form whose field is a list": lambda: read_interaction(sent(view={"state": {"values": {"comment": []}}}), TEAM),
    "a command of another workspace": lambda: read_command(commanded(team_id="T0EVIL"), TEAM),
    "a command that is too long": lambda: read_command(commanded(text="x" * 20_001), TEAM),
    "a command of nobody": lambda: read_command(commanded(user_id=""), TEAM),
    "a mention in another workspace": lambda: read_event(mentioned(team_id="T0EVIL"), TEAM),
    "a mention by a stranger": lambda: read_event(mentioned(event={"user_team": "T0EVIL"}), TEAM),
    "a mention without a time": lambda: read_event(mentioned(event={"ts": "now"}), TEAM),
}


def value(gate: str, choice: Any = 0) -> str:
    return json.dumps({"gate": gate, "choice": choice})


@pytest.mark.parametrize("name", HOSTILE)
def test_a_payload_that_slack_does_not_send_is_refused(name: str) -> None:
    with pytest.raises(Unfit):
        HOSTILE[name]()


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
)


@given(st.sampled_from(["type", "user", "team", "container", "actions", "view", "trigger_id"]), _JSON)
def test_nothing_else_than_a_refusal_comes_of_a_payload(name: str, other: Any) -> None:
    for whole in (pressed(), sent()):
        try:
            read_interaction({**whole, name: other}, TEAM)
        except Unfit:
            continue


def test_a_wish_names_work_and_where_it_is_done() -> None:
    wanted = Wanted(title="Add a discount", description="before the tax", repository="acme/shop", base="main")
    assert read_wish("repo: acme/shop Add a discount\nbefore the tax") == wanted
    assert read_wish("Add a discount repo:acme/shop\n\nbefore the tax") == wanted
    assert read_wish("Add a discount\nbefore the tax", "acme/shop") == wanted
    assert read_wish("base: next Add a discount\nbefore the tax", "acme/shop") == wanted.model_copy(
        update={"base": "next"}
    )


def test_a_wish_without_words_or_place_is_told_how_it_is_said() -> None:
    assert read_wish("  ", "acme/shop") == USAGE
    assert read_wish("repo: acme/shop", "") == USAGE
    assert "repo: acme/shop" in str(read_wish("Add a discount"))


def test_a_long_title_is_cut_and_kept_whole_below() -> None:
    found = read_wish("word " * 80, "acme/shop")
    assert isinstance(found, Wanted)
    assert len(found.title) == 200
    assert found.description == ("word " * 80).strip()
