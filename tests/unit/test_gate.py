from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.choices import ADVANCING, DOES, OFFERS, Choice, due_choice, offered
from contracts.gate import (
    BY_POLICY,
    MARK,
    SLACK,
    Given,
    Judged,
    Question,
    approves,
    decisions_of,
    is_approver,
    judge,
    pause_key,
    subject,
    told,
    void,
)
from contracts.policy import Policy
from contracts.review import Finding
from contracts.rules import AskReason

NOW = datetime(2030, 1, 1, tzinfo=UTC)
FINDINGS = [
    Finding(category="gap", severity="high", title="Who pays?"),
    Finding.model_validate({"category": "risk", "severity": "low", "title": "When?"}),
]


def asked(reason: AskReason = AskReason.APPROVAL, **changed: Any) -> Question:
    fields: dict[str, Any] = {
        "gate": "architect 1",
        "step": "architect",
        "target": "architect",
        "reason": reason,
        "message": "Is it right?",
        "choices": offered(reason, [], redo=True, text=True),
        **changed,
    }
    return Question(**fields)


def said(choice: str, text: str = "", who: str = "Ada", **changed: Any) -> Given:
    return Given(decision=choice, text=text, who=who, at=NOW, **changed)


def verdict(question: Question, given: Given, **policy: Any) -> Judged:
    return judge(question, given, Policy(**policy))


@pytest.mark.parametrize("reason", AskReason)
def test_every_reason_offers_choices_that_are_explained_and_a_way_to_end(reason: AskReason) -> None:
    choices = OFFERS[reason]
    assert all(DOES[one] for one in choices)
    assert {Choice.STOP, Choice.REJECT} & set(choices)
    assert due_choice(list(map(str, choices)), "stop") in choices
    assert due_choice(list(map(str, choices)), "advance") in choices


def test_what_cannot_be_done_again_is_not_offered_again() -> None:
    assert offered(AskReason.CONFLICT, [], redo=False, text=False) == ["stop"]
    assert Choice.APPROVE_MINE not in offered(AskReason.APPROVAL, [], redo=True, text=False)
    assert offered(AskReason.QUESTION, ["blue", "red"], redo=True, text=False) == ["blue", "red", "other", "stop"]


def test_a_choice_counts_with_and_without_the_name_of_its_gate() -> None:
    question = asked()
    for choice in ("approve", question.label("approve")):
        assert verdict(question, said(choice)) == Judged(standing="counted", choice="approve")


@given(st.text())
def test_nothing_else_than_what_is_offered_counts(choice: str) -> None:
    question = asked()
    known = {*question.choices, *(question.label(one) for one in question.choices)}
    if choice not in known and choice.rpartition(MARK)[0] not in question.choices:
        assert verdict(question, said(choice, "words")).standing == "unreadable"


@pytest.mark.parametrize(("choice", "text"), [("request changes", " "), ("approve my text", "\n")])
def test_a_choice_that_needs_words_does_not_count_without(choice: str, text: str) -> None:
    assert verdict(asked(), said(choice, text)).standing == "unreadable"
    assert verdict(asked(), said(choice, "words")).standing == "counted"


def test_somebody_must_have_said_it() -> None:
    assert verdict(asked(), said("approve", who=" ")).standing == "unreadable"


def test_only_named_people_count_however_they_write_their_names() -> None:
    policy: dict[str, Any] = {"approvers": ["Ada ", "Grace"]}
    assert verdict(asked(), said("approve", who=" ADA "), **policy).standing == "counted"
    assert verdict(asked(), said("approve", who="Eve"), **policy).standing == "unauthorised"
    assert verdict(asked(), said("reject", who="Eve"), **policy).standing == "unauthorised"
    assert verdict(asked(), said("approve", who="the policy", channel=BY_POLICY), **policy).standing == "counted"
    assert is_approver("anybody", [])


def test_in_slack_a_proven_id_counts_and_a_name_never_does() -> None:
    ada: dict[str, Any] = {"channel": SLACK, "proven": True, "identities": ["U0ADA", "S0LEADS"]}
    unproven: dict[str, Any] = {**ada, "proven": False}
    for named in (["U0ADA"], ["S0LEADS"]):
        assert verdict(asked(), said("approve", **ada), slack_approvers=named).standing == "counted"
    assert verdict(asked(), said("approve", **ada), slack_approvers=["U0EVE"]).standing == "unauthorised"
    assert verdict(asked(), said("approve", **unproven), slack_approvers=["U0ADA"]).standing == "unauthorised"
    assert verdict(asked(), said("approve", **ada), approvers=["Ada"]).standing == "unauthorised"
    assert verdict(asked(), said("approve"), slack_approvers=["U0ADA"]).standing == "unauthorised"
    assert verdict(asked(), said("approve", who="U0ADA"), slack_approvers=["U0ADA"]).standing == "unauthorised"


def test_one_person_with_two_names_is_one_of_a_quorum() -> None:
    ada: dict[str, Any] = {"channel": SLACK, "proven": True, "identities": ["U0ADA"]}
    again = asked(approved=["Ada (U0ADA)"], persons=["U0ADA"])
    assert verdict(again, said("approve", who="Countess (U0ADA)", **ada), quorum=2).standing == "duplicate"
    assert verdict(again, said("approve", who="Grace (U0GRACE)"), quorum=2).complete


def test_a_quorum_cannot_be_reached_by_one_person_in_two_places() -> None:
    with pytest.raises(ValueError, match="in the form and in Slack"):
        Policy(approvers=["Ada", "Grace"], slack_approvers=["U0ADA"], quorum=2)
    with pytest.raises(ValueError, match="slack_approvers"):
        Policy(slack_approvers=["ada"])


def test_a_quorum_is_of_different_people() -> None:
    first = verdict(asked(), said("approve"), quorum=2)
    assert (first.standing, first.complete) == ("counted", False)
    again = asked(approved=["Ada"])
    assert verdict(again, said("approve", who="ada"), quorum=2).standing == "duplicate"
    assert verdict(again, said("approve", who="Grace"), quorum=2).complete
    assert verdict(again, said("reject"), quorum=2).complete


def test_a_quorum_that_nobody_can_reach_is_refused() -> None:
    with pytest.raises(ValueError, match="quorum"):
        Policy(approvers=["Ada", "ada"], quorum=2)


def test_findings_are_answered_in_one_form_and_a_slip_is_told() -> None:
    question = asked(AskReason.UNSETTLED_REVIEW, findings=FINDINGS)
    unanswered = verdict(question, said("answer", question.form()))
    assert unanswered.standing == "unreadable"
    assert "1" in unanswered.why
    assert "2" in unanswered.why
    lines = question.form().splitlines()
    filled = "\n".join([lines[0], "the customer", *[line for line in lines[1:] if line.strip()], "dismiss: later"])
    found = verdict(question, said("answer", filled))
    assert [(one.text, one.dismissed) for one in found.answers] == [("the customer", False), ("dismiss: later", True)]
    assert verdict(question, said("proceed", question.form())).standing == "counted"


def data(**changed: Any) -> dict[str, Any]:
    return {
        "standing": "counted",
        "choice": "approve",
        "complete": True,
        "who": "Ada",
        "proven": False,
        "why": "",
        "comment": "",
        "edited": "",
        "answers": [],
        "message": "Is it right?",
        "at": NOW.isoformat(),
        "subject": "tree:a",
        "policy": Policy().digest,
        **changed,
    }


def test_an_approval_is_void_when_the_tree_the_policy_or_the_time_has_moved() -> None:
    policy = Policy(approval_hours=1)
    given_ = data(policy=policy.digest)
    assert not void(given_, "tree:a", policy, NOW + timedelta(minutes=60))
    assert "moved" in void(given_, "tree:b", policy, NOW)
    assert "older" in void(given_, "tree:a", policy, NOW + timedelta(minutes=61))
    assert "policy" in void(given_, "tree:a", Policy(approval_hours=2), NOW)
    assert not void(data(subject="text:a", policy=policy.digest), "tree:b", policy, NOW)


@pytest.mark.parametrize("choice", Choice)
def test_an_approval_is_one_that_counted_with_everybody_whom_it_needed(choice: Choice) -> None:
    assert approves(data(choice=choice)) == (choice in ADVANCING)
    assert not approves(data(choice=choice, complete=False))
    assert not approves(data(choice=choice, standing="void"))


def test_what_is_bound_is_the_tree_or_the_text() -> None:
    assert subject("abc", "text") == "tree:abc"
    assert subject("", "text") != subject("", "other")


def test_the_name_of_a_pause_is_one_that_prefect_takes() -> None:
    assert pause_key("architect-companion", 2) == "architect-companion-gate-2"


def test_those_who_work_on_are_told_what_was_decided() -> None:
    told_ = decisions_of(data(choice="request changes", comment="use cents"))
    assert [(one.question, one.answer) for one in told_] == [("Is it right?", "request changes: use cents")]
    assert decisions_of(data(standing="unauthorised")) == []


def test_a_line_says_who_decided_and_whether_that_is_proven() -> None:
    assert told(data(comment="fine")) == "approve by Ada (stated): fine"
    assert told(data(proven=True)) == "approve by Ada"
    assert (
        told(data(standing="unauthorised", why="Ada is not named")) == "asked again by Ada (stated): Ada is not named"
    )
