"""What gates ask and show in tests, and how a reader of Markdown takes it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from contracts.change import Diff, FileChange
from contracts.choices import offered
from contracts.delivery import Delivery, DeliveryStatus, Outcome
from contracts.gate import Question
from contracts.gate_page import View
from contracts.rules import AskReason
from contracts.tester import Case, SuiteReport, SuiteRun

NOW = datetime(2030, 1, 1, tzinfo=UTC)
RUN = "http://127.0.0.1:4200/runs/flow-run/r"
PAGE = "http://127.0.0.1:4200/artifacts/artifact/a"
PULL = "https://forge.example/shop/pulls/7"
MARKDOWN = MarkdownIt("commonmark").enable(["strikethrough", "table"])
MARKDOWN.validateLink = lambda url: True  # a reader that follows every address


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


def tokens(markdown: str) -> list[Token]:
    return [inner for block in MARKDOWN.parse(markdown) for inner in [block, *(block.children or [])]]
