"""What a gate shows: enough to decide on."""

from __future__ import annotations

import re

import pytest

from contracts.choices import DOES, OFFERS, Choice, offered
from contracts.gate_page import above_form, page
from contracts.review import Finding
from contracts.rules import AskReason
from tests.unit.gates import MARKDOWN, PAGE, PULL, RUN, asked, outcome, suite, tokens, verdict, view

DESIGN = "# Design\n\nThe subtraction goes; " + "nothing else in the repository depends on it. " * 4
FINDINGS = [
    Finding(category="gap", severity="high", title="Which currency?", detail="Cents round in another way."),
    Finding(category="risk", severity="low", title="Negative prices?"),
]


@pytest.mark.parametrize("reason", AskReason)
def test_for_each_reason_every_choice_is_explained(reason: AskReason) -> None:
    question = asked(reason, findings=FINDINGS)
    for made in (above_form(question, view()), page(question, view())):
        for choice in OFFERS[reason]:
            assert f"- **{choice}**: {DOES[choice]}" in made


def test_beside_the_choices_stands_what_it_is_decided_on() -> None:
    estimate = {"complexity": 0.2, "risk": 0.1, "impact": 0.4, "rationale": "small"}
    made = above_form(
        asked(),
        view(outcome("task-estimator", data=estimate), outcome("architect", output=DESIGN)),
    )
    assert made.startswith("**Total is off by one** · build on shop\n\n- Estimate: complexity 0.20")
    assert "- Change: nothing is changed yet\n" in made
    assert "- Cost so far: " in made
    assert f"[Read it all on one page]({PAGE})" in made
    assert "Tests" not in made


def test_a_change_is_shown_with_its_size_its_risk_and_its_tests() -> None:
    merger = outcome("merger", data={"complexity": 0.1, "risk": 0.12, "impact": 0.2, "rationale": "one line"})
    timeline = [outcome("reviewer", data=verdict("good", 0.9)), outcome("tester", data=suite()), merger]
    made = above_form(asked(AskReason.MERGE_REVIEW, target="merger"), view(*timeline, files=2))
    assert "- Change: 2 files, 4 lines\n" in made
    assert "- Risk: 0.30 – source is changed; the agent claims 0.12\n" in made
    assert "- Tests: green: 1 passed, 0 red, 0 lost\n" in made
    assert "- Ratings: reviewer 0.90\n" in made
    untested = above_form(asked(), view(outcome("coder"), files=1))
    assert "- Change: 1 file, 2 lines\n" in untested
    assert "- Tests: none ran yet\n" in untested
    assert "the agent claims" not in untested


def test_the_estimate_of_before_is_not_taken_for_a_claim_about_the_change() -> None:
    estimate = {"complexity": 0.2, "risk": 0.9, "impact": 0.4, "rationale": "small"}
    timeline = [outcome("task-estimator", data=estimate), outcome("tester", data=suite())]
    made = above_form(asked(), view(*timeline, files=1))
    assert "- Risk: 0.30 " in made
    assert "Estimate" not in made


def test_the_page_reads_from_the_question_through_the_evidence_to_the_proposal() -> None:
    timeline = [outcome("architect", output=DESIGN), outcome("architect-companion", data=verdict("rounding is open"))]
    seen = view(*timeline, files=1)
    seen = seen.model_copy(update={"delivery": seen.delivery.model_copy(update={"stat": "shop.py | 2 +-"})})
    made = page(asked(AskReason.BUDGET_SPENT), seen)
    parts = [
        "# 🟡 architect-companion 1: Total is off by one",
        "**To decide:** 'architect' is done",
        "- **one more round**: ",
        f"[Decide on the run's page]({RUN})",
        "## What is known",
        "shop.py | 2 +-",
        "## What the grader says",
        "- **major** shop.py:2: rounding is open",
        "- **minor** rounding is open",
        "## What `architect` says",
        "# Design",
        "## Timeline",
    ]
    assert made.count("shop.py | 2 +-") == 1
    places = [made.index(part) for part in parts]
    assert places == sorted(places)


def test_long_lines_of_a_proposal_are_broken_and_keep_their_indent() -> None:
    text = f"short\n\n    {'word ' * 40}\n{'x' * 200}"
    made = page(asked(), view(outcome("architect", output=text)))
    (fence,) = [one for one in MARKDOWN.parse(made) if one.type == "fence" and one.content.startswith("short")]
    lines = fence.content.splitlines()
    assert lines[:2] == ["short", ""]
    assert all(line.startswith("    word") and len(line) <= 84 for line in lines[2:-1])
    assert lines[-1] == "x" * 200
    assert fence.content.split() == text.split()


def test_a_verdict_on_an_earlier_round_is_not_shown_as_the_last_word() -> None:
    earlier = [outcome("architect", output="old"), outcome("architect-companion", data=verdict("too vague"))]
    made = page(asked(), view(*earlier, outcome("architect", visit=2, output="new")))
    assert "What the grader says" not in made
    assert re.search(r"says\n\n```\nnew\n```", made)


def test_findings_stand_under_the_numbers_that_they_have_in_the_form() -> None:
    question = asked(AskReason.UNSETTLED_REVIEW, target="requirements-review", findings=FINDINGS)
    for made in (above_form(question, view()), page(question, view())):
        listed = [one for one in tokens(made) if one.type == "ordered_list_open"]
        assert len(listed) == 1
        assert "Which currency? (gap, high): Cents round in another way." in made
        assert "Negative prices? (risk, low)\n" in made
    assert "What `requirements-review` says" not in page(question, view(outcome("requirements-review")))


def test_it_is_said_why_it_is_asked_again_problem_by_problem() -> None:
    problems = [f"- number {at} has no answer" for at in range(1, 9)]
    made = above_form(asked(again="\n".join(["the answers cannot be read:", *problems])), view())
    assert made.startswith("**Asked again:** the answers cannot be read:\n\n- ")
    lines = [line.removeprefix("- ").lstrip("\u2060") for line in made.split("\n\n")[1].splitlines()]
    assert lines == [*(f"number {at} has no answer" for at in range(1, 7)), "and 2 more"]


def test_an_agents_own_options_share_a_line() -> None:
    choices = offered(AskReason.QUESTION, ["cents", "floats"], redo=True, text=True)
    made = above_form(asked(AskReason.QUESTION, choices=choices), view())
    assert "- **cents** · **floats**: this is the answer to the agent's question\n" in made
    assert f"- **other**: {DOES[Choice.OTHER]}" in made


def test_what_has_no_address_leaves_no_link() -> None:
    bare = view(link="", page="")
    assert "](" not in above_form(asked(), bare)
    assert "](" not in page(asked(), bare)
    pulled = view()
    pulled = pulled.model_copy(update={"delivery": pulled.delivery.model_copy(update={"pull_request": PULL})})
    assert f"[pull request]({PULL})" in above_form(asked(), pulled)
    assert f"[pull request]({PULL})" in page(asked(), pulled)


def test_a_question_is_one_line_of_a_form_however_long_it_is() -> None:
    question = asked(message="word\n" * 500)
    assert len(question.title.splitlines()) == 1
    assert len(question.title) == 300
    assert question.title.endswith("…")
    findings = asked(AskReason.REVIEW_CAP, findings=FINDINGS, message="2 findings are open: Which currency? (high)")
    assert findings.title == "2 findings are open"


def test_an_option_that_reads_like_a_choice_of_ours_is_marked_as_an_answer() -> None:
    choices = offered(AskReason.QUESTION, ["reject", "Stop", "skip"], redo=True, text=True)
    assert choices == ["answer: reject", "answer: Stop", "skip", "other", "stop"]
