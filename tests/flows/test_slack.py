"""A run asks in Slack, a person answers there, and the run goes on with a decision whose author is proven."""

from __future__ import annotations

from collections.abc import Generator
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.exceptions import Pause
from prefect.settings import PREFECT_API_URL, PREFECT_CLIENT_MAX_RETRIES, temporary_settings
from prefect.states import Scheduled
from sqlalchemy import select

from bench.slack_server import Fail, SlackServer
from blocks.ledger import Decision, Ledger, database
from blocks.ledger.proven import Proof
from blocks.ledger.proven import proofs as table
from blocks.ledger.rows import every
from blocks.loading import load
from contracts.delivery import DeliveryStatus
from contracts.gate import MARK
from contracts.pipeline import Pipeline, Step
from deployments.slack.answers import Answers
from deployments.slack.desk import Desk
from flows.custom import custom
from flows.simple import simple
from tasks.announcing import announce_missed
from tasks.handing import hand_over
from tests.flows.lost import begin, go_on, state_of
from tests.flows.people import People
from tests.flows.shop import FIXED, Shop
from tests.flows.slack_room import ADA, EVE, Room, soon

RISKY: dict[str, Any] = {"structured": {"complexity": 0.9, "risk": 0.1, "impact": 0.2, "rationale": "large"}}
REMARKED = FIXED + "# in cents\n"


@pytest.fixture
def room(shop: Shop) -> Generator[Room]:
    with SlackServer() as server:
        yield Room(server, shop.name)


def decisions(run: str) -> list[Decision]:
    return load("ledger/main", Ledger).decisions(run)


def proofs(ledger: Ledger) -> list[Proof]:
    with database.reading(ledger.url) as connection:
        return every(connection, select(table), Proof)


def test_a_comment_in_a_form_and_a_button_decide_with_a_proven_name(shop: Shop, room: Room) -> None:
    shop.policy(attended=True, channel=room.reference, slack_approvers=[ADA])
    shop.play(coder=[{"files": {"shop.py": FIXED}}, {"files": {"shop.py": REMARKED}}], merger=[RISKY])

    def send_back() -> None:
        room.ada.press(room.question()["ts"], "Request changes…")
        assert room.ada.submit(room.form(room.ada), comment="say that it is in cents") == {}

    with room.connected(), room.acting(send_back, lambda: room.ada.press(room.question()["ts"], "Merge")):
        delivery = shop.run(simple)
    assert delivery.status is DeliveryStatus.MERGED
    assert "say that it is in cents" in shop.asked("coder")[1]["prompt"]
    assert [(one.choice, one.who, one.proven, one.channel, one.standing) for one in decisions(delivery.run)] == [
        ("request changes", "Ada (U0ADA)", True, "slack", "counted"),
        ("merge", "Ada (U0ADA)", True, "slack", "counted"),
    ]
    said = room.server.workspace.messages()
    assert [one.get("thread_ts") == said[0]["ts"] for one in said] == [True] * 3
    assert [one["type"] for one in said[0]["blocks"]] == ["section", "section", "section", "section", "context"]
    assert "Ada (U0ADA) chose request changes" in said[0]["blocks"][1]["text"]["text"].replace("\u2060", "")
    assert "name as stated" not in str(said)


def test_only_whom_the_policy_names_decides_and_nobody_can_claim_to_be_them(shop: Shop, room: Room) -> None:
    room.server.workspace.groups["S0LEADS"] = [ADA]
    shop.policy(attended=True, channel=room.reference, slack_approvers=["S0LEADS"])
    shop.play(merger=[RISKY])
    people, claim = People(shop.name), f"Ada (U0ADA){MARK}{'A' * 32}"
    pressed: list[dict[str, Any]] = []

    def decide() -> None:
        first = room.question()
        stale = room.ada.pressed(first["ts"], "Merge")
        form = people.form()
        room.eve.press(first["ts"], "Merge")
        room.told(EVE, "You may not answer here: the policy names S0LEADS.")
        assert people.send(form, form.filled("merge", who=claim))["status"] == "ACCEPT"
        second = room.question()
        room.server.deliver("interactive", stale)
        room.told(ADA, "Too late: somebody has answered already")
        pressed.append(room.ada.pressed(second["ts"], "Merge"))
        pressed.append(room.ada.pressed(second["ts"], "Merge"))
        room.server.deliver("interactive", pressed[0])

    with room.connected(), room.acting(decide):
        delivery = shop.run(simple)
        room.server.deliver("interactive", pressed[1])
        room.told(ADA, "answered this already")
    assert delivery.status is DeliveryStatus.MERGED
    assert sorted((one.who, one.choice, one.proven, one.standing) for one in decisions(delivery.run)) == [
        ("Ada (U0ADA)", "merge", True, "counted"),
        ("Ada (U0ADA)", "merge", True, "duplicate"),
        ("Ada (U0ADA)", "merge", True, "late"),
        (claim, "merge", False, "unauthorised"),
        ("Eve (U0EVE)", "merge", True, "unauthorised"),
    ]
    assert shop.merges() == 1


def test_a_name_taken_from_another_answer_is_only_stated(shop: Shop, room: Room) -> None:
    shop.policy(attended=True, channel=room.reference, reworks=0)
    pipeline = Pipeline(
        name="talk", steps=[Step(kind="architect", approval=True), Step(kind="researcher", approval=True)]
    )
    shop.play(architect=[{"text": "use cents"}], researcher=[{"text": "read"}])
    people, ledger = People(shop.name), load("ledger/main", Ledger)

    def decide() -> None:
        room.ada.press(room.question()["ts"], "Approve")
        room.told(ADA, "is with the run")
        form = soon(lambda: next((one for one in people.shown() if "researcher 1" in one.choices[0]), None))
        (taken,) = [one for one in proofs(ledger) if one.run == form.run]
        assert people.send(form, form.filled("approve", who=f"{taken.who}{MARK}{taken.nonce}"))["status"] == "ACCEPT"

    with room.connected(), room.acting(decide):
        delivery = shop.run(custom, pipeline=pipeline)
    assert delivery.status is DeliveryStatus.DONE
    assert [(one.step, one.proven, one.channel) for one in decisions(delivery.run)] == [
        ("architect", True, "slack"),
        ("researcher", False, "prefect"),
    ]


def test_each_finding_is_answered_in_a_field_and_a_proposal_is_edited(shop: Shop, room: Room) -> None:
    shop.policy(attended=True, channel=room.reference)
    findings = [
        {"category": "gap", "severity": "high", "title": "Which currency?"},
        {"category": "risk", "severity": "medium", "title": "Who rounds?"},
    ]
    shop.play(
        requirements_review=[{"structured": {"findings": findings}}, {"structured": {"findings": []}}],
        requirements_writer=[{"text": "Prices are in cents."}],
        architect=[{"text": "use floats"}],
        researcher=[{"text": "read"}],
    )
    steps = [Step(kind="requirements-review"), Step(kind="architect", approval=True), Step(kind="researcher")]

    def decide() -> None:
        room.ada.press(room.question()["ts"], "Answer…")
        room.ada.submit(room.form(room.ada), answer_1="cents", answer_2="dismiss: nobody")
        room.ada.press(room.question()["ts"], "Edit and approve…")
        form = room.form(room.ada)
        assert form["blocks"][-1]["element"]["initial_value"] == "use floats"
        room.ada.submit(form, comment="use cents")

    with room.connected(), room.acting(decide):
        delivery = shop.run(custom, pipeline=Pipeline(name="ask", steps=steps))
    assert delivery.status is DeliveryStatus.DONE
    assert "cents" in shop.asked("requirements-writer")[0]["prompt"]
    assert [one["output"] for one in shop.asked("researcher")[0]["prior"]][-1] == "use cents"
    assert [(one.choice, one.proven) for one in decisions(delivery.run)] == [
        ("answer", True),
        ("approve my text", True),
    ]


def test_an_answer_waits_for_prefect_and_survives_whoever_took_it(shop: Shop, room: Room) -> None:
    """Taken while Prefect is away; handed over by a process that died before it said so; handed over once."""
    shop.policy(attended=True, attentive_minutes=0, channel=room.reference)
    shop.play(merger=[RISKY])
    run = begin(shop, Scheduled())
    with pytest.raises(Pause):
        go_on(run)
    ledger, said = load("ledger/main", Ledger), list[str]()
    with Desk(ledger, room.channel(), said.append) as desk:
        desk.take("interactive", room.ada.pressed(room.question()["ts"], "Merge"))
        answers = Answers(ledger, room.channel(), said.append)
        with temporary_settings(updates={PREFECT_API_URL: "http://127.0.0.1:9/api", PREFECT_CLIENT_MAX_RETRIES: 0}):
            assert answers.once() < 5
        room.told(ADA, "cannot be reached just now")
    assert not decisions(run)
    (kept,) = [one for one in ledger.open_proofs() if one.run == run]
    known = Answers(ledger, room.channel(), said.append).identified(kept)
    assert [hand_over(known).standing, hand_over(known).standing] == ["given", "given"]
    with room.connected():
        room.told(ADA, "is with the run")
    assert not [one for one in ledger.open_proofs() if one.run == run]
    assert go_on(run) == "Merged"
    assert [(one.who, one.proven, one.standing) for one in decisions(run)] == [("Ada (U0ADA)", True, "counted")]


def test_an_answer_to_a_run_that_prefect_has_forgotten_keeps_no_other_one_waiting(shop: Shop, room: Room) -> None:
    shop.policy(attended=True, attentive_minutes=0, channel=room.reference)
    shop.play(merger=[RISKY, RISKY])
    runs = [begin(shop, Scheduled()), begin(shop, Scheduled())]
    questions: list[str] = []
    for run in runs:
        with pytest.raises(Pause):
            go_on(run)
        questions.append(room.question()["ts"])
    with get_client(sync_client=True) as client:
        client.delete_flow_run(UUID(runs[0]))
    with room.connected():
        room.ada.press(questions[0], "Merge")
        room.told(ADA, "Prefect has forgotten")
        room.ada.press(questions[1], "Merge")
        room.told(ADA, "is with the run")
    assert go_on(runs[1]) == "Merged"


def test_a_question_that_slack_did_not_take_is_asked_later_and_once(shop: Shop, room: Room) -> None:
    shop.policy(attended=True, attentive_minutes=0, channel=room.reference)
    shop.play(merger=[RISKY])
    room.server.trouble("chat.postMessage", Fail("", 503))
    run = begin(shop, Scheduled())
    with pytest.raises(Pause):
        go_on(run)
    assert not room.server.workspace.messages()
    mine = [one for one in announce_missed(timedelta(0)) if one.startswith(run)]
    assert mine == [f"{run}/merger.gate/1"]
    assert not [one for one in announce_missed(timedelta(0)) if one.startswith(run)]
    assert [one["blocks"][0]["text"]["text"][:1] for one in room.server.workspace.messages()] == ["🟡"]


def test_somebody_who_left_or_is_of_another_workspace_decides_nothing(shop: Shop, room: Room) -> None:
    shop.policy(attended=True, attentive_minutes=0, channel=room.reference)
    shop.play(merger=[RISKY])
    run = begin(shop, Scheduled())
    with pytest.raises(Pause):
        go_on(run)
    room.server.workspace.users[ADA]["deleted"] = True
    room.server.workspace.users[EVE]["team_id"] = "T0EVIL"
    ts = room.question()["ts"]
    with room.connected():
        for person in (room.ada, room.eve):
            person.press(ts, "Merge")
            room.told(person.id, "no active member")
    assert state_of(run).is_paused()
    assert not decisions(run)
