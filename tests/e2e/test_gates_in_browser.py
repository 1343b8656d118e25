"""People answer at the gates of the pipeline `build` in the Prefect UI, in a real headless Chromium."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import Any

import pytest
from playwright.sync_api import Page, expect
from prefect.client.orchestration import get_client

from contracts.delivery import DeliveryStatus
from contracts.failure import FailureKind
from deployments.server import Server, local_worker
from tests.e2e.answered import Run, processes, read_page, refused, until
from tests.e2e.browser import opened, picture
from tests.flows.people import People
from tests.flows.shop import FIXED, GOOD, Shop

SMALL: dict[str, Any] = {"structured": {"complexity": 0.2, "risk": 0.1, "impact": 0.2, "rationale": "one function"}}
OPEN: dict[str, Any] = {
    "structured": {
        "rating": 0.55,
        "summary": "The sum is right, but nothing says how `Decimal` prices are rounded.",
        "comments": [{"severity": "major", "body": "prices of type `Decimal` are added as floats", "file": "shop.py"}],
    }
}
FINDINGS: dict[str, Any] = {
    "structured": {
        "findings": [
            {
                "category": "gap",
                "severity": "high",
                "title": "Which currency?",
                "detail": "Cents round differently.",
            },
            {"category": "question", "severity": "medium", "title": "Who rounds: each price or the total?"},
            {"category": "risk", "severity": "low", "title": "May a price be negative (a *voucher*)?"},
        ]
    }
}
NONE: dict[str, Any] = {"structured": {"findings": []}}
QUESTION = {"question": {"text": "Cents as int, or a Decimal?", "options": ["cents as int", "a Decimal"]}}
DESIGN = """# Design: totals are exact

`total()` in `shop.py` subtracts one from the sum. The subtraction goes; nothing else in the repository depends on it.

| file | what changes |
| --- | --- |
| `shop.py` | `return sum(prices)` |
"""


@pytest.fixture(scope="module")
def ui(deployed: Server, tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """Address of the pages of a server with one worker."""
    with local_worker(tmp_path_factory.mktemp("worker")):
        yield deployed.ui


@pytest.fixture(scope="module")
def page() -> Generator[Page]:
    with opened() as page:
        yield page


@pytest.fixture
def begun(ui: str, shop: Shop, page: Page) -> Callable[..., Run]:
    def begin(script: dict[str, list[dict[str, Any]]], **policy: Any) -> Run:
        usual = {
            "requirements_review": [NONE],
            "task_estimator": [SMALL],
            "architect": [{"text": DESIGN}],
            "architect_companion": [GOOD],
        }
        shop.play(**{**usual, **script})
        values = {"item": shop.item().model_dump(mode="json"), "policy": shop.policy(attended=True, **policy)}
        with get_client(sync_client=True) as client:
            deployment = client.read_deployment_by_name("build/on-demand").id
            run = client.create_flow_run_from_deployment(deployment, parameters=values)
        return Run(shop, page, ui, People(shop.name), str(run.id))

    return begin


@pytest.mark.timeout(600)  # seven gates, one after the other
def test_a_person_leads_a_run_from_its_requirements_to_the_merge(begun: Callable[..., Run]) -> None:
    run = begun(
        {
            "requirements_review": [FINDINGS, NONE],
            "requirements_writer": [{"text": "Prices are in cents; the total is rounded."}],
            "architect": [{"reply": QUESTION}, {"text": DESIGN}, {"text": DESIGN + "\nA test comes first."}],
            "coder": [{"files": {"shop.py": FIXED + f"# {number}\n"}} for number in range(2)],
            "reviewer": [OPEN],
        },
        reworks=0,
    )
    _answer_findings(run)
    _answer_question(run)
    _send_back_and_approve(run)
    _one_more_and_proceed(run)
    delivery = run.ended()
    assert (delivery.status, run.state().name) == (DeliveryStatus.MERGED, "Merged")
    assert run.told() == [
        ("requirements-review.gate/1", "unreadable", "answer", "Ada"),
        ("requirements-review.gate/2", "counted", "answer", "Ada"),
        ("architect.gate/1", "counted", "cents as int", "Ada"),
        ("architect-companion.gate/1", "counted", "request changes", "Grace"),
        ("architect-companion.gate/2", "counted", "approve", "Grace"),
        ("reviewer.gate/1", "counted", "one more round", "Ada"),
        ("reviewer.gate/2", "counted", "proceed", "Ada"),
    ]
    turns = run.shop.turns()
    assert [turns.count(kind) for kind in ("requirements-review", "architect", "coder", "reviewer")] == [2, 3, 2, 2]
    assert run.shop.file("shop.py") == (FIXED + "# 1\n").rstrip()
    assert run.shop.messages(run.id) == [*(["waiting", "settled"] * 7), "delivered"]


def _answer_findings(run: Run) -> None:
    form, _ = run.gate("requirements-review 1")
    expect(form.question).to_contain_text("Which currency? (gap, high): Cents round differently.")
    expect(form.question).to_contain_text("May a price be negative (a *voucher*)?")
    prefilled = form.words.input_value()
    assert [line for line in prefilled.splitlines() if line.startswith("===")] == [
        "=== 1 === Which currency? (gap, high)",
        "=== 2 === Who rounds: each price or the total? (question, medium)",
        "=== 3 === May a price be negative (a *voucher*)? (risk, low)",
    ]
    picture(run.page, "review")
    form.words.scroll_into_view_if_needed()
    picture(run.page, "review-answers")
    read_page(run, form, "review", "Findings", "Cents round differently.")
    refused(run, form, "review")
    slip = prefilled.replace("(gap, high)\n", "(gap, high)\ncents\n")
    form.send("answer", slip)

    again, _ = run.gate("requirements-review 2")
    expect(again.question).to_contain_text("Asked again: the answers cannot be read:")
    expect(again.question).to_contain_text("number 2 has no answer")
    expect(again.question).to_contain_text("number 3 has no answer")
    assert again.words.input_value().rstrip() == slip.rstrip()
    picture(run.page, "review-again")
    filled = slip.replace("(question, medium)\n", "(question, medium)\nthe total\nonce\n")
    again.send("answer", filled.replace("(risk, low)\n", "(risk, low)\ndismiss: there are no vouchers\n"))


def _answer_question(run: Run) -> None:
    form, shown = run.gate("architect 1")
    assert shown.names == ["cents as int", "a Decimal", "other", "stop"]
    expect(form.question).to_contain_text("'architect' asks: Cents as int, or a Decimal?")
    picture(run.page, "question")
    refused(run, form, "question")
    form.send("cents as int", "never floats")
    given = run.shop.asked("requirements-writer")[0]["prompt"]
    assert all(words in given for words in ("cents", "the total\nonce"))


def _send_back_and_approve(run: Run) -> None:
    form, shown = run.gate("architect-companion 1")
    assert "cents as int. never floats" in run.shop.asked("architect")[1]["prompt"]
    assert shown.names == ["approve", "approve my text", "request changes", "reject"]
    picture(run.page, "approval")
    assert form.choices() == shown.choices
    picture(run.page, "approval-choices")
    run.page.keyboard.press("Escape")
    read_page(run, form, "approval", "What the grader says", "subtracts one from the sum")
    refused(run, form, "approval")
    form.send("request changes", "say which test comes first\n- and why", name="Grace")

    again, _ = run.gate("architect-companion 2")
    assert "say which test comes first\n- and why" in run.shop.asked("architect")[2]["prompt"]
    again.send("approve", name="Grace")


def _one_more_and_proceed(run: Run) -> None:
    form, shown = run.gate("reviewer 1")
    assert shown.names == ["one more round", "proceed", "stop"]
    expect(form.question).to_contain_text("'coder' is rated 0.55 after 0 reworks")
    expect(form.question).to_contain_text("Change: 1 file")
    picture(run.page, "cap")
    read_page(run, form, "cap", "prices of type `Decimal` are added as floats", "lines added: ")
    refused(run, form, "cap")
    form.send("one more round", "look at the rounding again")

    again, _ = run.gate("reviewer 2")
    assert "look at the rounding again" in run.shop.asked("coder")[1]["prompt"]
    again.send("proceed")


def test_a_suspended_run_holds_no_process_and_a_rejection_ends_it(begun: Callable[..., Run]) -> None:
    run = begun({}, attentive_minutes=0)
    form, _ = run.gate("architect-companion 1")
    until(lambda: run.state().name == "Suspended", "the hand-over")
    until(lambda: not processes(run.id), "the end of the process")
    assert run.state().state_details.pause_reschedule
    picture(run.page, "suspended")
    form.send("reject", "not this way")
    delivery = run.ended()
    assert delivery.failure is not None
    assert (delivery.status, delivery.failure.kind) == (DeliveryStatus.FAILED, FailureKind.REJECTED)
    assert delivery.reason == "Ada rejected the work at 'architect': not this way"
    assert run.told() == [("architect-companion.gate/1", "counted", "reject", "Ada")]
    assert run.decisions()[0].subject.startswith("text:")
    assert "coder" not in run.shop.turns()
    assert run.shop.turns().count("architect") == 1
    assert not run.shop.merges()


def test_a_run_is_stopped_at_a_cap_in_the_attentive_window(begun: Callable[..., Run]) -> None:
    run = begun({"architect_companion": [OPEN]}, reworks=0)
    form, shown = run.gate("architect-companion 1")
    assert shown.names == ["one more round", "proceed", "stop"]
    assert run.state().name == "Paused"
    assert processes(run.id)
    form.send("stop", "later")
    delivery = run.ended()
    assert (delivery.status, delivery.reason) == (DeliveryStatus.STOPPED, "Ada stopped the run at 'architect': later")
    assert run.told() == [("architect-companion.gate/1", "counted", "stop", "Ada")]
    assert run.shop.turns().count("architect") == 1
