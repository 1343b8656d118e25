import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.agent import Usage
from contracts.delivery import Delivery, DeliveryStatus, Outcome
from contracts.failure import HINTS, Failure, FailureKind
from contracts.flake import FlakeVerdict
from contracts.markdown import cell, fenced, seconds, table
from contracts.report import SYMBOLS, cost, render, summary
from contracts.tester import Case, SuiteReport, SuiteRun

NOW = datetime(2030, 1, 1, tzinfo=UTC)
TOKEN = "ghp_" + "aB3d" * 9
NASTY = st.text(alphabet="ab|\\`<>\n\r\t-# \u2028", max_size=40)


def outcome(step: str = "coder", **changed: Any) -> Outcome:
    fields: dict[str, Any] = {"run": "r", "step": step, "kind": step, "visit": 1, "started": NOW}
    return Outcome(**{**fields, **changed})


def delivery(status: DeliveryStatus = DeliveryStatus.MERGED, **changed: Any) -> Delivery:
    fields: dict[str, Any] = {"run": "r", "title": "Add a cart", "repository": "shop", "pipeline": "simple"}
    return Delivery(**{**fields, **changed}, status=status)


def failure(kind: FailureKind = FailureKind.AGENT, detail: str = "") -> Failure:
    return Failure(kind=kind, message="m", detail=detail, step="coder", at=NOW)


def verdict(body: str, **place: Any) -> dict[str, Any]:
    return {"rating": 0.5, "summary": body, "comments": [{"severity": "major", "body": body, **place}]}


def suite(name: str = "test_sum") -> dict[str, Any]:
    base = SuiteRun(cases=[Case(name=name, status="failed"), Case(name="kept", status="passed")])
    sealed = SuiteRun(cases=[Case(name=name, status="passed"), Case(name="kept", status="passed")])
    own = SuiteRun(cases=[Case(name=name, status="passed"), Case(name="more", status="failed")])
    verdicts = {"more": FlakeVerdict.FLAKY}
    report = SuiteReport(tree="abc", sealed=sealed, own=own, base=base, verdicts=verdicts)
    return report.model_dump(mode="json")


def everything(text: str) -> Delivery:
    """Return a delivery in which all that comes from outside says the same."""
    usage = Usage(cost=0.25, currency=text)
    timeline = [
        outcome(output=text, agent="codex/main", usage=[usage]),
        outcome("reviewer", data=verdict(text or "x", file=text, line=3)),
        outcome("tester", data=suite(text)),
        outcome("ci", data={"state": "pass", "summary": text}),
        outcome("docs", status="helper failed", output=text),
    ]
    return delivery(title=f"x{text.split()}", stat=text, timeline=timeline)


def rows(markdown: str) -> list[list[str]]:
    """Return the cells of the rows of every table, read as Markdown reads them: an escaped sign ends no cell."""
    lines = [line for line in markdown.split("\n") if line.startswith("| ")]
    return [re.findall(r" ((?:\\.|[^|\\])*) \|", line.removeprefix("|")) for line in lines]


@given(NASTY)
def test_no_cell_breaks_its_table(text: str) -> None:
    cells = f"{cell(text)} | {cell('next')}"
    assert "\n" not in cells
    assert len(cells.splitlines()) == 1
    assert rows(f"| {cells} |")[0][1] == "next"
    assert not re.search(r"[|<>`]", re.sub(r"\\.", "", cell(text)))


@given(NASTY)
def test_every_row_of_a_report_has_as_many_cells_as_its_head(text: str) -> None:
    folded = re.compile("<details>.*?</details>", re.DOTALL)
    made = folded.sub("", render(everything(text).model_copy(update={"stat": ""})))
    plain = folded.sub("", render(everything("plain").model_copy(update={"stat": ""})))
    assert [len(row) for row in rows(made)] == [len(row) for row in rows(plain)]
    assert {len(row) for row in rows(plain)} == {5, 4, 3}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a | b", "a \\| b"),
        ("a \\| b", "a \\\\\\| b"),
        ("<img src=x>", "\\<img src=x\\>"),
        ("one\n\ntwo\tthree", "one two three"),
        ("", " "),
        (" \n ", " "),
        ("x" * 400, "x" * 300),
    ],
)
def test_cells(text: str, shown: str) -> None:
    assert cell(text) == shown


def test_a_cell_that_is_cut_shows_no_part_of_a_secret() -> None:
    assert "ghp_" not in cell("x " * 145 + TOKEN)


@given(st.text(alphabet="`a\n", max_size=20))
def test_nothing_inside_closes_a_fence(text: str) -> None:
    first, *inside, last = fenced(text).split("\n")
    assert first == last
    assert all(len(first) > len(run) for line in inside for run in re.findall("`+", line))
    assert "\n".join(inside) == text


def test_a_table_without_rows_is_no_table() -> None:
    assert table(("a", "b"), []) == ""
    assert table(("a", "b"), [("1", "2")]) == "| a | b |\n| --- | --- |\n| 1 | 2 |"


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0.0 s"), (0.44, "0.4 s"), (9.9, "9.9 s"), (12.4, "12 s"), (59.7, "1 min 0 s"), (200, "3 min 20 s")],
)
def test_durations(value: float, shown: str) -> None:
    assert seconds(value) == shown


@pytest.mark.parametrize(
    ("prices", "shown"), [([], "–"), ([None], "–"), ([0.1, None, 0.15], "0.2500 USD"), ([0], "0.0000 USD")]
)
def test_costs(prices: list[float | None], shown: str) -> None:
    assert cost(outcome(usage=[Usage(cost=price) for price in prices])) == shown


@pytest.mark.parametrize(
    ("seen", "shown"),
    [
        (outcome(output="made it"), "made it"),
        (outcome(output="made it", no_change="nothing to do"), "nothing to do"),
        (outcome(status="skipped", output="small"), "skipped: small"),
        (outcome(status="helper failed", output="no diff", data=verdict("x")), "helper failed: no diff"),
        (outcome(data=verdict("thin")), "rated 0.50: thin"),
        (outcome(data=suite()), "green: 2 passed, 0 red, 0 lost"),
        (outcome(data={"state": "fail", "summary": "2 checks"}), "fail: 2 checks"),
        (outcome(data={"findings": []}), "0 findings"),
        (outcome(data={"findings": [{"title": "who pays?"}]}), "1 finding"),
        (
            outcome(data={"complexity": 0.1, "risk": 0.2, "impact": 0.3, "rationale": ""}),
            "complexity 0.10 · risk 0.20 · impact 0.30",
        ),
    ],
)
def test_what_an_outcome_says(seen: Outcome, shown: str) -> None:
    assert summary(seen) == shown


@pytest.mark.parametrize("status", DeliveryStatus)
def test_every_end_has_a_head_and_a_next_step(status: DeliveryStatus) -> None:
    text = render(delivery(status))
    assert text.startswith(f"# {SYMBOLS[status]} {status.value.capitalize()}: Add a cart")
    assert re.search(r"\n## What to do next\n\n\w", text)


@pytest.mark.parametrize("kind", FailureKind)
def test_every_failure_says_what_to_do_next(kind: FailureKind) -> None:
    text = render(delivery(DeliveryStatus.FAILED, failure=failure(kind), reason="no diff"))
    assert f"## What to do next\n\n{HINTS[kind]}" in text
    assert f"**{kind}** at `coder`." in text
    assert "\nno diff\n" in text


def test_evidence_keeps_its_own_fences_to_itself() -> None:
    text = render(delivery(DeliveryStatus.FAILED, failure=failure(detail="```\n# ✅ Merged\n```")))
    assert text.endswith("## Evidence\n\n````\n```\n# ✅ Merged\n```\n````")


def test_a_report_in_full() -> None:
    made = delivery(
        branch="delivery/x",
        base="1",
        head="2",
        merge_commit="c" * 40,
        pull_request="https://forge/1",
        stat=" cart.py | 2 +-",
        timeline=everything("said").timeline,
    )
    text = render(made)
    assert "branch `delivery/x` · merged as `cccccccccccc` · [pull request](https://forge/1)" in text
    assert re.findall("^## (.+)$", text, re.MULTILINE) == [
        "What to do next",
        "Timeline",
        "Verdicts",
        "Tests",
        "In the steps' own words",
        "Change",
        "Cost",
    ]
    assert "| `reviewer` 1 | 0.50 | major | said:3 said |" in text
    assert "| said | failed | passed |  |" in text
    assert "| more | missing | failed | flaky |" in text
    assert "| kept |" not in text
    assert "0.2500 said; 0.0 s of steps" in text


def test_a_branch_without_a_change_is_not_shown() -> None:
    assert "branch" not in render(delivery(DeliveryStatus.NO_CHANGE_NEEDED, branch="delivery/x", base="1", head="1"))


def test_no_secret_is_shown_wherever_it_stood() -> None:
    told = everything(f"see {TOKEN}").model_copy(
        update={"reason": TOKEN, "failure": failure(detail=TOKEN), "pull_request": f"https://u:{TOKEN}@forge/1"}
    )
    assert TOKEN not in render(told)
    assert "ghp_" not in render(told)
    assert render(told).count("[redacted]") > 8


def test_half_a_key_in_one_cell_hides_nothing_else() -> None:
    cut = outcome("coder", output="-----BEGIN RSA PRIVATE KEY----- " + "aB3d" * 20)
    text = render(delivery(timeline=[cut, outcome("tester", output="all green")]))
    assert "aB3d" not in text
    assert "all green" in text
