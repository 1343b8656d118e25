"""What a person sees at a gate: a short text above the form, and a page with everything to read."""

from __future__ import annotations

from pydantic import Field

from contracts.agent import Frozen
from contracts.change import Diff
from contracts.delivery import Delivery
from contracts.gate import Question
from contracts.markdown import cell, fenced, plain, table
from contracts.merger import Facts, risk_floor
from contracts.redaction import redact
from contracts.report import costs, evidence, summary
from contracts.review import Finding
from contracts.tester import SuiteReport

_MOST_MESSAGE = 400
_MOST_PROPOSAL = 20_000


class View(Frozen):
    """A run as it stands at a gate."""

    delivery: Delivery = Field(description="The run so far, with the diff's stat.")
    diff: Diff | None = Field(default=None, description="The change so far; none when there is none.")
    protected: list[str] = Field(default_factory=list[str], description="Changed paths that the policy protects.")
    tree: str = Field(default="", description="Tree of the change.")
    link: str = Field(default="", description="Address of the flow run's page; empty: none.")
    page: str = Field(default="", description="Address of the gate's page; empty: none.")


def above_form(question: Question, view: View) -> str:
    """Return the Markdown above the form: what is decided, on what evidence, what each choice does."""
    delivery = view.delivery
    again = f"*Asked again: {cell(question.again)}*" if question.again else ""
    links = [f"[Read it all]({view.page})" if view.page else ""]
    links += [f"[pull request]({delivery.pull_request})" if delivery.pull_request.startswith("http") else ""]
    parts = [
        f"**{cell(plain(question.message, _MOST_MESSAGE))}**",
        again,
        f"{cell(delivery.title)} · {delivery.pipeline} on {cell(delivery.repository)}",
        " · ".join(part for part in _facts(view) if part),
        " · ".join(link for link in links if link),
        "\n".join(f"- **{cell(choice)}**: {question.does(choice)}" for choice in question.choices),
    ]
    return redact("\n\n".join(part for part in parts if part))


def page(question: Question, view: View) -> str:
    """Return the page of a gate, redacted: question, proposal, findings, evidence."""
    delivery = view.delivery
    proposal = next((one for one in reversed(delivery.timeline) if one.step == question.target), None)
    rows = [(f"**{cell(choice)}**", question.does(choice)) for choice in question.choices]
    findings = [(str(at), one.severity, cell(one.title), cell(one.detail)) for at, one in _numbered(question)]
    parts = [
        f"# 🟡 {cell(question.gate)}: {cell(delivery.title)}",
        f"**{delivery.pipeline}** on **{cell(delivery.repository)}**",
        f"{cell(question.message)}" + (f"\n\n*Asked again: {cell(question.again)}*" if question.again else ""),
        " · ".join(part for part in _facts(view) if part),
        table(("choice", "what it does"), rows),
        f"[Decide on the run's page]({view.link})" if view.link else "",
        table(("", "severity", "finding", "detail"), findings),
        f"## What `{question.target}` says\n\n{fenced(proposal.output[:_MOST_PROPOSAL])}" if proposal else "",
        evidence(delivery),
    ]
    return redact("\n\n".join(part for part in parts if part))


def _numbered(question: Question) -> list[tuple[int, Finding]]:
    return list(enumerate(question.findings, 1))


def _facts(view: View) -> list[str]:
    """The evidence in a line: change, risk, tests, verdicts, cost."""
    timeline = view.delivery.timeline
    tested = [one for one in timeline if "sealed" in one.data]
    report = SuiteReport.model_validate(tested[-1].data) if tested else None
    graded = {one.step: one for one in timeline if "rating" in one.data}
    return [
        _change(view, report),
        f"tests {plain(summary(tested[-1]), 60)}" if tested else "tests: none ran yet" if view.diff else "",
        *(f"{step} rated {one.data['rating']:.2f}" for step, one in graded.items()),
        f"cost so far: {costs(timeline)}",
    ]


def _change(view: View, report: SuiteReport | None) -> str:
    if view.diff is None or not view.diff.files:
        return "nothing is changed yet"
    green = report is not None and report.green and report.tree == view.tree
    tampering = len(report.blocking) if report else 0
    facts = Facts(diff=view.diff, tampering=tampering, suite_green=green, protected=view.protected)
    floor, reasons = risk_floor(facts)
    assessed = [one.data["risk"] for one in view.delivery.timeline if "rationale" in one.data]
    claimed = f" (claimed {assessed[-1]:.2f})" if assessed else ""
    stat = f"{len(view.diff.files)} files, {view.diff.lines} lines changed"
    return f"{stat} · risk {max([floor, *assessed[-1:]]):.2f}{claimed}: {cell(reasons[0])}"
