"""The form of a choice: what it asks, that Slack takes it, and which answers are taken from it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.slack_server.block_kit import view_problems
from contracts.answers import read_answers
from contracts.asked import Asked, asked_of
from contracts.choices import OFFERS, offered
from contracts.gate import Question
from contracts.review import Finding
from contracts.rules import AskReason
from contracts.slack.blocks import WITH_COMMENT
from contracts.slack.modal import Filled, modal, read_modal

KEY = "r/architect.gate/1"
PLACE = {"channel": "C0DELIVERY", "thread": "1700000000.000001"}


def asked(reason: AskReason, proposal: str = "", options: tuple[str, ...] = (), **changed: Any) -> Asked:
    fields: dict[str, Any] = {
        "gate": "architect 1",
        "step": "architect",
        "reason": reason,
        "message": "Is it right?",
        "choices": offered(reason, list(options), redo=True, text=True),
        **changed,
    }
    return asked_of(Question(**fields), KEY, proposal)


def review(count: int, title: str = "Who pays?", detail: str = "") -> Asked:
    found = [Finding(category="gap", severity="high", title=f"{n} {title}", detail=detail) for n in range(count)]
    return asked(AskReason.UNSETTLED_REVIEW, findings=found)


def fields(view: dict[str, Any]) -> list[str]:
    return [one["block_id"] for one in view["blocks"] if one["type"] == "input"]


@pytest.mark.parametrize("reason", AskReason)
def test_slack_takes_the_form_of_every_choice(reason: AskReason) -> None:
    question = asked(reason, findings=[Finding(category="gap", severity="high", title="t" * 200, detail="d" * 3_000)])
    for number in range(WITH_COMMENT, len(OFFERS[reason])):
        assert view_problems(modal(question, number, PLACE)) == []


@given(st.text(max_size=5_000), st.text(min_size=1, max_size=300))
def test_slack_takes_a_form_whatever_stands_in_it(text: str, option: str) -> None:
    question = asked(AskReason.APPROVAL, text, message=text)
    asks = asked(AskReason.QUESTION, options=(option,) * 20, message=text, again=text)
    for one in (question, asks):
        for number in range(WITH_COMMENT, len(one.choices)):
            assert view_problems(modal(one, number, PLACE)) == []


def test_each_finding_has_a_field_and_their_answers_are_read_strictly() -> None:
    question = review(20)
    view = modal(question, 0, PLACE)
    assert fields(view) == [f"answer-{number}" for number in range(1, 21)]
    typed = {name: f"cents for {name}" for name in fields(view)} | {"answer-3": "dismiss: nobody"}
    filled = read_modal(question, 0, typed)
    assert isinstance(filled, Filled)
    answers = read_answers(filled.text, question.findings)
    assert [one.text for one in answers][:2] == ["cents for answer-1", "cents for answer-2"]
    assert (answers[2].dismissed, answers[2].reason) == (True, "nobody")


def test_an_answer_that_looks_like_the_head_of_another_one_stays_where_it_is() -> None:
    question = review(2)
    filled = read_modal(question, 0, {"answer-1": "see\n=== 2 ===\nstop", "answer-2": "two"})
    assert isinstance(filled, Filled)
    first, second = read_answers(filled.text, question.findings)
    assert (first.text, second.text) == ("see\n === 2 ===\nstop", "two")


def test_a_finding_without_an_answer_is_named() -> None:
    assert read_modal(review(2), 0, {"answer-1": "one", "answer-2": " "}) == {"answer-2": "write an answer, or dismiss"}


def test_a_proposal_is_there_to_be_edited_unless_it_is_too_long() -> None:
    short, long = asked(AskReason.APPROVAL, "Use cents."), asked(AskReason.APPROVAL, "x" * 3_001)
    number = short.choices.index("approve my text")
    assert modal(short, number, PLACE)["blocks"][-1]["element"]["initial_value"] == "Use cents."
    assert "initial_value" not in modal(long, number, PLACE)["blocks"][-1]["element"]
    assert "longer than Slack" in str(modal(long, number, PLACE)["blocks"])
    assert read_modal(short, number, {"comment": "Use euros."}) == Filled(choice="approve my text", text="Use euros.")


def test_a_choice_that_needs_words_is_not_taken_without() -> None:
    question = asked(AskReason.APPROVAL)
    number = question.choices.index("request changes")
    assert read_modal(question, number, {"comment": "\n"}) == {"comment": "say in the comment what should change"}
    free = {"choice": str(number), "comment": ""}
    assert read_modal(question, WITH_COMMENT, free) == {"comment": "say in the comment what should change"}
    assert read_modal(question, WITH_COMMENT, {"choice": "0", "comment": "fine"}) == Filled(
        choice="approve", text="fine"
    )


@pytest.mark.parametrize("value", ["", "4", "-1", "1e0", "٣", "999999999999", "approve"])
def test_a_choice_that_the_form_does_not_have_is_not_taken(value: str) -> None:
    assert read_modal(asked(AskReason.APPROVAL), WITH_COMMENT, {"choice": value}) == {"choice": "choose one"}


def test_a_form_says_which_gate_and_which_choice_it_is_for() -> None:
    kept = json.loads(modal(asked(AskReason.APPROVAL), 2, PLACE)["private_metadata"])
    assert kept == {"gate": KEY, "choice": 2, **PLACE}
