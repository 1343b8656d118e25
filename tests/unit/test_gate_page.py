"""What a gate shows: enough to decide on, without secrets, and nothing from outside does anything."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from contracts.agent import Usage
from contracts.change import Diff, FileChange
from contracts.choices import DOES, OFFERS, Choice, offered
from contracts.delivery import Delivery, DeliveryStatus, Outcome
from contracts.gate import Question
from contracts.gate_page import View, above_form, page
from contracts.redaction import MASK
from contracts.review import Finding
from contracts.rules import AskReason
from contracts.tester import Case, SuiteReport, SuiteRun

NOW = datetime(2030, 1, 1, tzinfo=UTC)
TOKEN = "ghp_" + "aB3d" * 9
RUN = "http://127.0.0.1:4200/runs/flow-run/r"
PAGE = "http://127.0.0.1:4200/artifacts/artifact/a"
PULL = "https://forge.example/shop/pulls/7"
MARKDOWN = MarkdownIt("commonmark").enable(["strikethrough", "table"])
MARKDOWN.validateLink = lambda url: True  # a reader that follows every address
TRICKS = [
    "[approve here](https://evil.example/x)",
    "![shot](https://evil.example/pixel.png)",
    "<https://evil.example>",
    "\n\n# Merged",
    "# Merged",
    "1. one",
    "> quoted",
    "\n- **approve**: done",
    "\n```\ncode\n```\n",
    "\n| a | b |\n| --- | --- |\n",
    "</summary></details><h1>Merged</h1>",
    "[redacted](https://evil.example/x)",
    "snake_case_name ~~gone~~ *star*",
    "a\\",
]
OUTSIDE = st.lists(st.sampled_from([*TRICKS, "a", "B", "\n", " "]) | st.text(max_size=5), max_size=8).map("".join)
DESIGN = "# Design\n\nThe subtraction goes; " + "nothing else in the repository depends on it. " * 4
FINDINGS = [
    Finding(category="gap", severity="high", title="Which currency?", detail="Cents round in another way."),
    Finding(category="risk", severity="low", title="Negative prices?"),
]


def outcome(step: str, kind: str = "", **changed: Any) -> Outcome:
    fields: dict[str, Any] = {"run": "r", "step": step, "kind": kind or step, "visit": 1, "started": NOW}
    return Outcome(**{**fields, **changed})


def verdict(text: str, rating: float = 0.55) -> dict[str, Any]:
    comments = [{"severity": "major", "body": text, "file": "shop.py", "line": 2}, {"severity": "minor", "body": text}]
    return {"rating": rating, "summary": text, "comments": comments}


def suite(tree: str = "t") -> dict[str, Any]:
    run = SuiteRun(cases=[Case(name="test_total", status="passed")])
    return SuiteReport(tree=tree, sealed=run, base=run).model_dump(mode="json")


def asked(reason: AskReason = AskReason.APPROVAL, **changed: Any) -> Question:
    fields: dict[str, Any] = {
        "gate": "architect-companion 1",
        "step": "architect-companion",
        "target": "architect",
        "reason": reason,
        "message": "'architect' is done and waits for approval.",
        "choices": offered(reason, [], redo=True, text=True),
        **changed,
    }
    return Question(**fields)


def view(*timeline: Outcome, files: int = 0, title: str = "Total is off by one", **changed: Any) -> View:
    delivery = Delivery(
        run="r",
        title=title,
        repository="shop",
        pipeline="build",
        status=DeliveryStatus.AWAITING_PERSON,
        timeline=list(timeline),
    )
    diff = Diff(files=[FileChange(path=f"shop_{at}.py", added=1, removed=1) for at in range(files)]) if files else None
    fields: dict[str, Any] = {"delivery": delivery, "diff": diff, "tree": "t", "link": RUN, "page": PAGE, **changed}
    return View(**fields)


def everything(text: str) -> tuple[Question, View]:
    """Return a question and a run in which all that comes from outside says the same."""
    again = f"{text}\n- {text}\n{text}"
    findings = [Finding(category="gap", severity="high", title=f"{text}.", detail=text)]
    options = offered(AskReason.QUESTION, [f".{text}"], redo=True, text=True)
    question = asked(AskReason.REVIEW_CAP, message=text, findings=findings, choices=options, again=again)
    timeline = [
        outcome("architect", output=text, agent="codex/main", usage=[Usage(cost=0.25, currency=text)]),
        outcome("architect-companion", data=verdict(f".{text}")),
        outcome("tester", data=suite()),
        outcome("merger", data={"complexity": 0.1, "risk": 0.2, "impact": 0.3, "rationale": text}),
    ]
    return question, view(*timeline, files=1, title=text, protected=[text])


def tokens(markdown: str) -> list[Token]:
    return [inner for block in MARKDOWN.parse(markdown) for inner in [block, *(block.children or [])]]


def structure(markdown: str) -> list[str]:
    """Return what a reader of Markdown makes of a text, without its words."""
    silent = {"text", "text_special", "inline", "softbreak"}
    return [f"{one.type} {one.attrGet('href') or ''}" for one in tokens(markdown) if one.type not in silent]


@given(OUTSIDE)
@example("".join(TRICKS))
@example("\n\n".join(TRICKS))
def test_nothing_from_outside_changes_what_is_shown_beside_the_choices(text: str) -> None:
    lines = len(f"x{text}x".splitlines())
    question, seen = everything(f"x{text}x")
    plain, other = everything("\n".join("x" for _ in range(lines)))
    assert structure(above_form(question, seen)) == structure(above_form(plain, other))


@given(OUTSIDE)
@example("".join(TRICKS))
@example("\n\n".join(TRICKS))
def test_nothing_from_outside_changes_what_the_page_is_made_of(text: str) -> None:
    lines = len(f"x{text}x".splitlines())
    question, seen = everything(f"x{text}x")
    plain, other = everything("\n".join("x" for _ in range(lines)))
    assert structure(page(question, seen)) == structure(page(plain, other))


@pytest.mark.parametrize("trick", TRICKS)
def test_no_trick_works_where_a_line_begins(trick: str) -> None:
    question, seen = everything(trick)
    made = [*structure(above_form(question, seen)), *structure(page(question, seen))]
    assert {one.partition(" ")[2] for one in made if one.startswith("link_open")} <= {RUN, PAGE, PULL}
    assert not [one for one in made if one.startswith(("image", "html_inline"))]
    headings = [one for one in tokens(above_form(question, seen)) if one.type == "heading_open"]
    assert not headings


def test_no_secret_is_shown() -> None:
    question, seen = everything(f"use {TOKEN} there")
    for made in (above_form(question, seen), page(question, seen)):
        assert "aB3d" not in made
        assert MASK.strip("[]") in made
    assert "aB3d" not in question.title


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
