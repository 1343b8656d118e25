"""What people do in Slack is kept before it is acknowledged."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import SecretStr

from bench.slack_server import Fail
from blocks.ledger import Ledger
from blocks.ledger.inbox import WAITING
from contracts.review import Finding
from contracts.rules import AskReason
from deployments.slack.desk import Desk
from tests.integration.slack.room import GATE, Room, soon


def test_a_press_is_kept_when_it_is_acknowledged(reached: Room) -> None:
    assert reached.ada.press(reached.ask(), "Merge") == {}
    (proof,) = reached.ledger.open_proofs()
    assert (proof.gate, proof.run, proof.choice, proof.channel) == (GATE, "r1", "merge", "slack")
    assert (proof.person, proof.who, proof.identities, proof.standing) == ("U0ADA", "", "", "")
    assert len(proof.nonce) >= 32


def test_the_same_envelope_twice_is_one_answer_and_two_presses_are_two(reached: Room) -> None:
    payload = reached.ada.pressed(reached.ask(), "Merge")
    for _ in range(3):
        assert reached.slack.deliver("interactive", payload, envelope="e-1") == {}
    assert reached.kept() == [("U0ADA", "merge", "")]
    first = reached.ledger.open_proofs()[0].nonce
    reached.ada.press(reached.slack.workspace.messages()[0]["ts"], "Merge")
    assert len(reached.kept()) == 2
    assert reached.ledger.open_proofs()[0].nonce == first


def test_a_form_is_opened_checked_and_kept(reached: Room) -> None:
    reached.ada.press(reached.ask(), "Request changes…")
    view = soon(lambda: reached.slack.workspace.views and reached.ada.form())
    assert reached.kept() == []
    empty = reached.ada.submitted(view, comment=" ")
    assert reached.slack.deliver("interactive", empty) == {
        "response_action": "errors",
        "errors": {"comment": "say in the comment what should change"},
    }
    assert reached.kept() == []
    assert reached.ada.submit(view, comment="in cents, please") == {}
    assert reached.kept() == [("U0ADA", "request changes", "in cents, please")]


def test_a_choice_with_a_comment_and_an_edited_proposal_are_kept(connected: Room) -> None:
    ts = connected.ask(AskReason.APPROVAL)
    connected.ada.press(ts, "With a comment…")
    view = soon(lambda: connected.slack.workspace.views and connected.ada.form())
    connected.ada.submit(view, choice="approve", comment="well done")
    connected.ada.press(ts, "Edit and approve…")
    edited = soon(lambda: len(connected.slack.workspace.views) == 2 and connected.ada.form())
    connected.ada.submit(edited, comment="Use euros.")
    assert sorted(connected.kept()) == [
        ("U0ADA", "approve", "well done"),
        ("U0ADA", "approve my text", "Use euros."),
    ]


def test_each_finding_is_answered_in_a_field_of_its_own(connected: Room) -> None:
    found = [Finding(category="gap", severity="high", title=title) for title in ("Which currency?", "Who rounds?")]
    connected.ada.press(connected.ask(AskReason.UNSETTLED_REVIEW, findings=found), "Answer…")
    view = soon(lambda: connected.slack.workspace.views and connected.ada.form())
    connected.ada.submit(view, answer_1="cents", answer_2="dismiss: nobody")
    assert connected.kept() == [("U0ADA", "answer", "=== 1 ===\ncents\n\n=== 2 ===\ndismiss: nobody")]


def test_a_secret_that_somebody_types_is_not_kept(connected: Room) -> None:
    secret = "ghp_" + "a1B2" * 9
    connected.ada.press(connected.ask(), "Request changes…")
    view = soon(lambda: connected.slack.workspace.views and connected.ada.form())
    connected.ada.submit(view, comment=f"use {secret}")
    assert connected.kept() == [("U0ADA", "request changes", "use [redacted]")]


def test_a_question_that_nobody_knows_is_told_and_not_kept(connected: Room) -> None:
    payload = connected.ada.pressed(connected.ask(), "Merge")
    payload["actions"][0]["value"] = json.dumps({"gate": "r1/merger.gate/2", "choice": 0})
    connected.slack.deliver("interactive", payload)
    whisper = soon(lambda: connected.slack.workspace.whispers)[0]
    assert (whisper["user"], whisper["thread_ts"]) == ("U0ADA", payload["container"]["message_ts"])
    assert "do not know this question" in whisper["text"]
    assert not connected.changed()


def test_a_form_that_slack_does_not_open_is_told(connected: Room) -> None:
    connected.slack.trouble("views.open", Fail("expired_trigger_id"))
    connected.ada.press(connected.ask(), "Request changes…")
    assert "press the button once more" in soon(lambda: connected.slack.workspace.whispers)[0]["text"]


def test_a_ledger_that_is_away_is_told_and_the_form_stays_open(room: Room) -> None:
    ts = room.ask()
    away = Ledger(url=SecretStr("postgresql+psycopg://x@127.0.0.1:9/none"))
    payload = room.ada.pressed(ts, "Merge")
    with Desk(away, room.channel, room.said.append) as desk:
        assert desk.take("interactive", payload) == {}
        soon(lambda: room.slack.workspace.whispers)
        view = {"id": "V1", "callback_id": "gate", "state": {"values": {"comment": {"comment": {"value": "a"}}}}}
        kept = {"gate": GATE, "choice": 1, "channel": room.slack.workspace.channel.id, "thread": ts}
        form = payload | {"type": "view_submission", "view": view | {"private_metadata": json.dumps(kept)}}
        assert "could not be kept" in str(desk.take("interactive", form)["errors"]["comment"])
    assert room.kept() == []


def test_an_answer_survives_the_connector_that_took_it(room: Room, tmp_path: Path) -> None:
    ts = room.ask()
    space = room.slack.workspace
    tokens = [space.token, space.app_token, space.channel.id, room.slack.url, str(tmp_path / "ledger.db")]
    with subprocess.Popen([sys.executable, "-c", HOLDS, json.dumps(tokens)]) as holds:
        try:
            room.slack.socket.wait_for(1)
            room.ada.press(ts, "Merge")
        finally:
            holds.kill()
    assert room.kept() == [("U0ADA", "merge", "")]


HOLDS = """
import json, sys, threading
from pydantic import SecretStr
from blocks.ledger import Ledger
from blocks.slack_channel import SlackChannel
from deployments.slack.desk import Desk
from deployments.slack.socket import SlackSocket
token, app, channel, address, file = json.loads(sys.argv[1])
one = SlackChannel(token=SecretStr(token), channel=channel, address=address)
with Desk(Ledger(url=SecretStr(f"sqlite:///{file}")), one, print) as desk:
    with SlackSocket(one.link, SecretStr(app), desk.take, print):
        threading.Event().wait()
"""


@pytest.mark.parametrize("how", ["refresh", "cut"])
def test_the_connection_is_opened_again_when_slack_ends_it(connected: Room, how: str) -> None:
    ts = connected.ask()
    getattr(connected.slack.socket, how)()
    connected.slack.socket.wait_for(2)
    assert connected.ada.press(ts, "Merge") == {}
    assert connected.kept() == [("U0ADA", "merge", "")]


def test_a_command_and_a_mention_become_deliveries_of_the_inbox(reached: Room) -> None:
    answer = reached.ada.command("/deliver", "repo: acme/shop Add a discount\nbefore the tax")
    assert answer is not None
    assert (answer["response_type"], answer["text"]) == ("ephemeral", "Kept: Add a discount on acme/shop.")
    payload = reached.ada.mentioned("repo: acme/shop Add a cart")
    for _ in range(2):
        reached.slack.deliver("events_api", payload)
    rows = {one.delivery for one in reached.ledger.deliveries(outcome=WAITING)}
    bodies = [json.loads(one.body or b"") for name in rows if (one := reached.ledger.delivery("slack", name))]
    assert sorted((one["title"], one["repository"], one["person"]["id"]) for one in bodies) == [
        ("Add a cart", "acme/shop", "U0ADA"),
        ("Add a discount", "acme/shop", "U0ADA"),
    ]


def test_a_command_that_says_nothing_is_told_how_it_is_said(connected: Room) -> None:
    answer = connected.ada.command("/deliver", "")
    assert answer is not None
    assert "Say what is to be done" in answer["text"]
    assert not connected.changed()


def test_the_address_is_proved_to_slack(served: Room) -> None:
    asks = json.dumps({"type": "url_verification", "challenge": "c-1", "token": "t"}).encode()
    answer = served.slack.request(asks, {"content-type": "application/json"})
    assert (answer.status_code, answer.json()) == (200, {"challenge": "c-1"})
