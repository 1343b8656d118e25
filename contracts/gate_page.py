"""What a person sees at a gate: a short text beside the choices, and a page with everything to read."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from pydantic import Field

from contracts.agent import Frozen
from contracts.change import Diff
from contracts.choices import Choice
from contracts.companion import Verdict
from contracts.delivery import Delivery, Outcome
from contracts.gate import Question
from contracts.markdown import fenced
from contracts.merger import Facts, risk_floor
from contracts.message import shown
from contracts.redaction import redact
from contracts.report import costs, evidence, summary
from contracts.tester import SuiteReport

_MOST_PROPOSAL = 20_000
_MOST_PROBLEMS = 6
_WIDTH = 84
"""Characters of a line of the proposal; the page cuts a longer one off."""
_INERT = "\u2060"
"""Invisible; what stands behind it does not begin a line, where Markdown gives further signs a meaning."""


class View(Frozen):
    """A run as it stands at a gate."""

    delivery: Delivery = Field(description="The run so far, with the diff's stat.")
    diff: Diff | None = Field(default=None, description="The change so far; none when there is none.")
    protected: list[str] = Field(default_factory=list[str], description="Changed paths that the policy protects.")
    tree: str = Field(default="", description="Tree of the change.")
    link: str = Field(default="", description="Address of the flow run's page; empty: none.")
    page: str = Field(default="", description="Address of the gate's page; empty: none.")


def above_form(question: Question, view: View) -> str:
    """Return the Markdown above the choices: on what evidence is decided, and what each choice does."""
    delivery = view.delivery
    links = [f"[Read it all on one page]({view.page})" if view.page else "", _pull_request(delivery)]
    parts = [
        _again(question),
        f"**{shown(delivery.title)}** · {shown(delivery.pipeline)} on {shown(delivery.repository)}",
        _listed(f"{name}: {value}" for name, value in _facts(view)),
        " · ".join(link for link in links if link),
        _findings(question, 160) if question.answers_findings else "",
        "**Your choice**, in the list that its arrow opens:",
        _choices(question),
    ]
    return redact("\n\n".join(part for part in parts if part))


def page(question: Question, view: View) -> str:
    """Return the page of a gate, redacted: what is decided, the evidence in short, the proposal, all the rest."""
    delivery = view.delivery
    said = [one for one in delivery.timeline if one.step == question.target]
    text = said[-1].output.strip() if said else ""
    links = [f"[Decide on the run's page]({view.link})" if view.link else "", _pull_request(delivery)]
    parts = [
        f"# 🟡 {shown(question.gate)}: {shown(delivery.title, 200)}",
        f"**{shown(delivery.pipeline)}** on **{shown(delivery.repository)}**",
        f"**To decide:** {shown(question.message, 2_000)}",
        _again(question),
        _choices(question),
        " · ".join(link for link in links if link),
        _titled("Findings", _findings(question, 2_000)),
        _titled("What is known", _listed(f"**{name}:** {value}" for name, value in _facts(view))),
        fenced(delivery.stat) if delivery.stat else "",
        _titled("What the grader says", _remarks(question, delivery)),
        _titled(f"What `{question.target}` says", fenced(_wrapped(text[:_MOST_PROPOSAL])) if text else ""),
        evidence(delivery.model_copy(update={"stat": ""})),
    ]
    return redact("\n\n".join(part for part in parts if part))


def _titled(title: str, text: str) -> str:
    return f"## {title}\n\n{text}" if text else ""


def _listed(items: Iterator[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _pull_request(delivery: Delivery) -> str:
    return f"[pull request]({delivery.pull_request})" if delivery.pull_request.startswith("http") else ""


def _again(question: Question) -> str:
    """Why it is asked again: a sentence, or one with a list of problems below."""
    first, *problems = question.again.splitlines() or [""]
    if not first:
        return ""
    lines = [_INERT + shown(one.removeprefix("- "), 300) for one in problems[:_MOST_PROBLEMS]]
    lines += [f"and {len(problems) - _MOST_PROBLEMS} more"] if len(problems) > _MOST_PROBLEMS else []
    return "\n\n".join(part for part in (f"**Asked again:** {shown(first, 300)}", _listed(iter(lines))) if part)


def _choices(question: Question) -> str:
    """What each choice does; an agent's own options share a line, because they all do the same."""
    known = set(Choice)
    options = " · ".join(f"**{shown(one)}**" for one in question.choices if one not in known)
    lines = [f"{options}: {question.does('')}"] if options else []
    lines += [f"**{choice}**: {question.does(choice)}" for choice in question.choices if choice in known]
    return _listed(iter(lines))


def _findings(question: Question, most: int) -> str:
    """The findings under the numbers that they have in the form."""
    lines = [
        f"{number}. {_INERT}{shown(one.title, 200)} ({one.category}, {one.severity})"
        + (f": {shown(one.detail, most)}" if one.detail else "")
        for number, one in enumerate(question.findings, 1)
    ]
    return "\n".join(lines)


def _facts(view: View) -> list[tuple[str, str]]:
    """The evidence in short: estimate, change, risk, tests, verdicts, cost."""
    timeline = view.delivery.timeline
    tested = [one for one in timeline if "sealed" in one.data]
    report = SuiteReport.model_validate(tested[-1].data) if tested else None
    graded = {one.step: f"{one.step} {one.data['rating']:.2f}" for one in timeline if "rating" in one.data}
    tests = shown(summary(tested[-1]), 60) if tested else "none ran yet" if view.diff else ""
    estimated = [summary(one) for one in timeline if one.kind == "task-estimator" and one.data]
    facts = [
        ("Estimate", estimated[-1] if estimated and not view.diff else ""),
        *_change(view, report),
        ("Tests", tests),
        ("Ratings", " · ".join(graded.values())),
        ("Cost so far", costs(timeline)),
    ]
    return [(name, value) for name, value in facts if value]


def _change(view: View, report: SuiteReport | None) -> Iterator[tuple[str, str]]:
    if view.diff is None or not view.diff.files:
        yield "Change", "nothing is changed yet"
        return
    files, lines = len(view.diff.files), view.diff.lines
    yield "Change", f"{files} file{'s' * (files != 1)}, {lines} line{'s' * (lines != 1)}"
    green = report is not None and report.green and report.tree == view.tree
    tampering = len(report.blocking) if report else 0
    facts = Facts(diff=view.diff, tampering=tampering, suite_green=green, protected=view.protected)
    floor, reasons = risk_floor(facts)
    assessed = [one.data["risk"] for one in view.delivery.timeline if one.kind == "merger" and "risk" in one.data]
    claimed = f"; the agent claims {assessed[-1]:.2f}" if assessed else ""
    why = reasons[0].rpartition(" (")[0]
    yield "Risk", f"{max([floor, *assessed[-1:]]):.2f} – {shown(why, 200)}{claimed}"


def _remarks(question: Question, delivery: Delivery) -> str:
    """The last verdict on what is decided on; what was graded before it was done again is history."""
    done = [at for at, one in enumerate(delivery.timeline) if one.step == question.target]
    since: list[Outcome] = delivery.timeline[done[-1] :] if done else []
    graded = [one for one in since if "rating" in one.data]
    if not graded:
        return ""
    verdict = Verdict.model_validate(graded[-1].data)
    head = f"**Rated {verdict.rating:.2f}** {shown(verdict.summary, 2_000)}".rstrip()
    lines = [f"**{one.severity}** {_place(one.file, one.line)}{shown(one.body, 2_000)}" for one in verdict.comments]
    return "\n\n".join(part for part in (head, _listed(iter(lines))) if part)


def _place(file: str, line: int | None) -> str:
    return f"{shown(file)}{f':{line}' if line else ''}: " if file else ""


def _wrapped(text: str) -> str:
    """The text with long lines broken at blanks, each part indented as its line is."""
    lines: list[str] = []
    for line in text.splitlines():
        indent = line[: len(line) - len(line.lstrip())]
        broken = textwrap.wrap(
            line, _WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False, tabsize=4
        )
        lines += broken or [""]
    return "\n".join(lines)
