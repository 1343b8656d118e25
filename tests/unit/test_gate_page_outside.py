"""What comes from outside is shown at a gate as words: it does nothing there, and it gives no secret away."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contracts.agent import Usage
from contracts.choices import offered
from contracts.gate import Question
from contracts.gate_page import View, above_form, page
from contracts.redaction import MASK
from contracts.review import Finding
from contracts.rules import AskReason
from tests.unit.gates import PAGE, PULL, RUN, asked, outcome, suite, tokens, verdict, view

TOKEN = "ghp_" + "aB3d" * 9
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
