from typing import Any

import pytest

from blocks import Ledger
from blocks.loading import load
from contracts.delivery import Delivery, DeliveryStatus
from contracts.failure import FailureKind
from contracts.pipeline import Pipeline, Step
from flows.custom import custom
from flows.simple import simple
from tests.flows.people import People
from tests.flows.shop import FIXED, GOOD, TESTS, Shop

RISKY: dict[str, Any] = {"structured": {"complexity": 0.9, "risk": 0.1, "impact": 0.2, "rationale": "large"}}
REMARKED = FIXED + "# in cents\n"
BAD: dict[str, Any] = {"structured": {"rating": 0.3, "summary": "no", "comments": []}}


@pytest.fixture
def people(shop: Shop) -> People:
    shop.policy(attended=True)
    return People(shop.name)


def gates(delivery: Delivery) -> list[tuple[str, str, str]]:
    return [(one.step, one.data["standing"], one.data["choice"]) for one in delivery.timeline if one.kind == "gate"]


def test_a_change_that_is_sent_back_is_graded_again_and_a_person_merges_it(shop: Shop, people: People) -> None:
    shop.play(coder=[{"files": {"shop.py": FIXED}}, {"files": {"shop.py": REMARKED}}], merger=[RISKY])
    with people.answering(("request changes", "say that it is in cents"), ("merge", "")):
        delivery = shop.run(simple)
    assert delivery.status is DeliveryStatus.MERGED
    assert shop.file("shop.py") == REMARKED.rstrip()
    assert shop.turns().count("coder") == shop.turns().count("reviewer") == 2
    assert gates(delivery) == [
        ("merger.gate", "counted", "request changes"),
        ("merger.gate", "counted", "merge"),
    ]
    assert "say that it is in cents" in shop.asked("coder")[1]["prompt"]
    assert people.forms[0].choices[0] == "merge · merger 1"
    assert "complexity 0.9 is above 0.5" in people.forms[0].description
    rows = load("ledger/main", Ledger).decisions(delivery.run)
    assert [(row.choice, row.who, row.proven, row.standing) for row in rows] == [
        ("request changes", "Ada", False, "counted"),
        ("merge", "Ada", False, "counted"),
    ]
    assert all(row.subject.startswith("tree:") and row.policy for row in rows)
    assert shop.messages(delivery.run) == ["waiting", "settled", "waiting", "settled", "delivered"]


def test_answers_that_come_as_soon_as_they_can_are_seen(shop: Shop, people: People) -> None:
    people.glance = 0.001
    pipeline = Pipeline(name="talk", steps=[Step(kind="architect", approval=True) for _ in range(4)])
    shop.play(architect=[{"text": "use cents"}])
    with people.answering(*[("approve", "")] * 4):
        delivery = shop.run(custom, pipeline=pipeline)
    assert delivery.status is DeliveryStatus.DONE


def test_a_rejection_ends_the_run_and_merges_nothing(shop: Shop, people: People) -> None:
    shop.play(merger=[RISKY])
    with people.answering(("reject", "not this way")):
        delivery = shop.run(simple)
    assert delivery.failure is not None
    assert (delivery.status, delivery.failure.kind) == (DeliveryStatus.FAILED, FailureKind.REJECTED)
    assert delivery.reason == "Ada rejected the work at 'merger': not this way"
    assert not shop.merges()


def test_a_merge_that_is_left_open_is_somebody_elses(shop: Shop, people: People) -> None:
    shop.play(merger=[RISKY])
    with people.answering(("leave open", "")):
        delivery = shop.run(simple)
    assert delivery.status is DeliveryStatus.AWAITING_MERGE
    assert delivery.pull_request


def test_a_proposal_is_replaced_by_a_persons_text_for_everybody_after(shop: Shop, people: People) -> None:
    pipeline = Pipeline(name="design", steps=[Step(kind="architect", approval=True), Step(kind="researcher")])
    shop.play(architect=[{"text": "use floats"}], researcher=[{"text": "read"}])
    with people.answering(("approve my text", "use cents")):
        delivery = shop.run(custom, pipeline=pipeline)
    assert delivery.status is DeliveryStatus.DONE
    (asked,) = shop.asked("researcher")
    assert [one["output"] for one in asked["prior"]] == ["use cents"]


def test_a_cap_grants_one_more_round_and_then_asks_again(shop: Shop, people: People) -> None:
    shop.policy(attended=True, reworks=0)
    rounds = [{"files": {"shop.py": FIXED + f"# {number}\n"}} for number in range(3)]
    shop.play(coder=rounds, reviewer=[BAD])
    with people.answering(("one more round", "look again"), ("proceed", "")):
        delivery = shop.run(simple)
    assert delivery.status is DeliveryStatus.MERGED
    assert shop.turns().count("coder") == 2
    assert "look again" in shop.asked("coder")[1]["prompt"]


def test_stop_at_a_gate_can_be_retried(shop: Shop, people: People) -> None:
    shop.policy(attended=True, reworks=0)
    shop.play(reviewer=[BAD])
    with people.answering(("stop", "later")):
        delivery = shop.run(simple)
    assert (delivery.status, delivery.reason) == (DeliveryStatus.STOPPED, "Ada stopped the run at 'coder': later")
    shop.play(reviewer=[GOOD])
    assert shop.again(simple, delivery.run) == "Merged"


def test_an_answer_that_does_not_count_is_kept_and_asked_again(shop: Shop, people: People) -> None:
    shop.policy(attended=True, approvers=["Ada", "Grace"], quorum=2)
    shop.play(merger=[RISKY])
    with people.answering(
        ("merge", "", "Eve"),
        ("request changes", " ", "Ada"),
        ("merge", "", "Ada"),
        ("merge", "", "ada"),
        ("merge", "", "Grace"),
    ):
        delivery = shop.run(simple)
    assert delivery.status is DeliveryStatus.MERGED
    assert [standing for _, standing, _ in gates(delivery)] == [
        "unauthorised",
        "unreadable",
        "counted",
        "duplicate",
        "counted",
    ]
    assert "approved by Ada; 1 more must approve" in people.forms[3].description
    assert shop.merges() == 1


def test_findings_are_answered_worked_in_and_reviewed_again(shop: Shop, people: People) -> None:
    first = {
        "structured": {
            "findings": [
                {"category": "gap", "severity": "high", "title": "Which currency?"},
                {"category": "risk", "severity": "medium", "title": "Who rounds?"},
            ]
        }
    }
    later = {"structured": {"findings": [{"category": "risk", "severity": "low", "title": "who ROUNDS"}]}}
    shop.play(
        requirements_review=[first, later],
        requirements_writer=[{"text": "Prices are in cents."}],
        researcher=[{"text": "read"}],
    )
    pipeline = Pipeline(name="ask", steps=[Step(kind="requirements-review"), Step(kind="researcher")])
    unanswered = ("answer", None)
    filled = ("answer", "=== 1 ===\ncents\n\n=== 2 ===\ndismiss: nobody")
    with people.answering(unanswered, filled):
        delivery = shop.run(custom, pipeline=pipeline)
    assert delivery.status is DeliveryStatus.DONE
    assert shop.turns() == ["requirements-review", "requirements-writer", "requirements-review", "researcher"]
    assert "cents" in shop.asked("requirements-writer")[0]["prompt"]
    assert {one["item"]["description"] for one in shop.asked("researcher")} == {"Prices are in cents."}
    assert shop.asked("requirements-review")[1]["item"]["description"] == "Prices are in cents."


def test_dismissed_findings_cost_no_turn(shop: Shop, people: People) -> None:
    shop.play(
        requirements_review=[{"structured": {"findings": [{"severity": "high", "title": "Which currency?"}]}}],
        researcher=[{"text": "read"}],
    )
    pipeline = Pipeline(name="ask", steps=[Step(kind="requirements-review"), Step(kind="researcher")])
    with people.answering(("answer", "=== 1 ===\ndismiss")):
        delivery = shop.run(custom, pipeline=pipeline)
    assert delivery.status is DeliveryStatus.DONE
    assert shop.turns() == ["requirements-review", "researcher"]


def test_a_question_of_an_agent_is_answered_with_one_of_its_options(shop: Shop, people: People) -> None:
    question = {"question": {"text": "Cents or floats?", "options": ["cents", "floats"]}}
    shop.play(coder=[{"files": {"notes.md": "half done"}, "reply": question}, {"files": {"shop.py": FIXED}}])
    with people.answering(("cents", "always")):
        delivery = shop.run(simple)
    assert delivery.status is DeliveryStatus.MERGED
    assert people.forms[0].choices == [f"{one} · coder 1" for one in ("cents", "floats", "other", "stop")]
    assert "cents. always" in shop.asked("coder")[1]["prompt"]
    assert shop.file("notes.md") == "half done"


def test_an_approval_is_void_when_the_change_moves_and_the_run_says_so(shop: Shop, people: People) -> None:
    steps = [
        Step(kind="coder"),
        Step(kind="reviewer", approval=True),
        Step(kind="tester"),
        Step(kind="conflicts"),
        Step(kind="ci"),
        Step(kind="merger"),
    ]
    shop.play(
        coder=[{"files": {"shop.py": "def total(prices):\n    return 0\n"}}], fixer=[{"files": {"shop.py": FIXED}}]
    )
    with people.answering(("approve", ""), ("approve", "still")):
        delivery = shop.run(custom, pipeline=Pipeline(name="careful", steps=steps))
    assert delivery.status is DeliveryStatus.MERGED
    assert gates(delivery) == [("reviewer.gate", "counted", "approve"), ("merger.gate", "counted", "approve")]
    assert "the change has moved since" in people.forms[1].description


def test_an_unattended_run_ends_where_a_person_must_decide(shop: Shop) -> None:
    shop.play(merger=[RISKY])
    assert shop.run(simple).status is DeliveryStatus.AWAITING_PERSON


def test_tampering_that_is_let_pass_still_needs_a_person_at_the_merge(shop: Shop, people: People) -> None:
    weaker = TESTS.replace("== 3", ">= 3")
    shop.play(coder=[{"files": {"shop.py": FIXED, "tests/test_shop.py": weaker}}])
    with people.answering(("let pass", ""), ("leave open", "")):
        delivery = shop.run(simple)
    assert [step for step, _, _ in gates(delivery)] == ["tester.gate", "merger.gate"]
    assert not shop.merges()
