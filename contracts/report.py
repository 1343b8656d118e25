"""The report of a run, in Markdown: what happened, what was observed, what to do next."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from contracts.budget import CURRENCY
from contracts.delivery import Delivery, DeliveryStatus, Outcome
from contracts.failure import HINTS, FailureKind
from contracts.forecast import told as told_forecast
from contracts.gate import told
from contracts.markdown import cell, fenced, plain, seconds, table
from contracts.redaction import redact
from contracts.tester import RED, SuiteReport

NEXT = {
    DeliveryStatus.MERGED: "Nothing: the base holds the change.",
    DeliveryStatus.AWAITING_MERGE: "Merge the pull request, or the branch, when you agree with it.",
    DeliveryStatus.AWAITING_PERSON: "Decide what the reason above names. To accept the step as it is, start a run with "
    "`restart_from` at the step behind it; to have it done again, at the step itself.",
    DeliveryStatus.NO_CHANGE_NEEDED: "Nothing: the grader accepted that no change is needed.",
    DeliveryStatus.STOPPED: "Nothing, or start again with a changed work item.",
    DeliveryStatus.DONE: "Read what the steps produced.",
    DeliveryStatus.FAILED: HINTS[FailureKind.UNKNOWN],
}
SYMBOLS = {
    DeliveryStatus.MERGED: "✅",
    DeliveryStatus.NO_CHANGE_NEEDED: "✅",
    DeliveryStatus.DONE: "✅",
    DeliveryStatus.AWAITING_MERGE: "🟡",
    DeliveryStatus.AWAITING_PERSON: "🟡",
    DeliveryStatus.STOPPED: "⚪",
    DeliveryStatus.FAILED: "🔴",
}
_MOST_TESTS = 30
_MOST_HUNKS = 5
_MOST_WORDS = 4_000


def cost(outcome: Outcome) -> str:
    """Return what the turns of an outcome cost, or a dash when no price is known; ≈ says that one is a guess."""
    return _sum([outcome])


def _sum(outcomes: list[Outcome]) -> str:
    """What turns cost, each currency by itself."""
    guessed = "≈" if any(one.unpriced for one in outcomes) else ""
    return " + ".join(f"{guessed}{amount:.4f} {currency}" for currency, amount in _prices(outcomes).items()) or "–"


def _prices(outcomes: list[Outcome]) -> dict[str, float]:
    prices: dict[str, float] = {}
    for usage in (usage for one in outcomes for usage in one.usage):
        if usage.cost is not None:
            prices[usage.currency] = prices.get(usage.currency, 0.0) + usage.cost
    return prices


def summary(outcome: Outcome) -> str:
    """Return in one line what an outcome says."""
    data = outcome.data
    if outcome.status != "done":
        return f"{outcome.status}: {outcome.output}"
    writers: dict[str, Callable[[dict[str, Any]], str]] = {
        "standing": told,
        "rating": lambda d: f"rated {d['rating']:.2f}: {d.get('summary', '')}",
        "sealed": lambda d: _suite_line(SuiteReport.model_validate(d)),
        "state": lambda d: f"{d['state']}: {d.get('summary', '')}",
        "findings": lambda d: f"{len(d['findings'])} finding{'s' * (len(d['findings']) != 1)}",
        "rationale": lambda d: f"complexity {d['complexity']:.2f} · risk {d['risk']:.2f} · impact {d['impact']:.2f}",
    }
    write = next((writer for name, writer in writers.items() if name in data), None)
    return write(data) if write else outcome.no_change or outcome.output


def _suite_line(report: SuiteReport) -> str:
    passed, red = len(report.sealed.named("passed")), len(report.failed)
    return f"{'green' if report.green else 'red'}: {passed} passed, {red} red, {len(report.lost)} lost"


def _timeline(delivery: Delivery) -> str:
    rows = [
        (
            f"`{one.step}` {one.visit}",
            seconds(one.seconds),
            cell(cost(one)),
            one.agent or "–",
            cell(plain(summary(one))),
        )
        for one in delivery.timeline
    ]
    return table(("step", "took", "cost", "agent", "outcome"), rows)  # a page cuts wide tables off at the right


def _verdicts(delivery: Delivery) -> str:
    rows = [
        (f"`{one.step}` {one.visit}", f"{one.data['rating']:.2f}", remark["severity"], cell(_place(remark)))
        for one in delivery.timeline
        if "rating" in one.data
        for remark in one.data.get("comments", [])
    ]
    return table(("round", "rating", "severity", "remark"), rows)


def _place(remark: dict[str, Any]) -> str:
    line = f":{remark['line']}" if remark.get("line") else ""
    place = f"{remark['file']}{line} " if remark.get("file") else ""
    return place + str(remark["body"])


def _tests(delivery: Delivery) -> str:
    found = [one for one in delivery.timeline if "sealed" in one.data]
    if not found:
        return ""
    report = SuiteReport.model_validate(found[-1].data)
    names = sorted({case.name for run in [report.base, *report.runs] for case in run.cases})
    base = {name: report.base.status(name) for name in names}
    now = {name: _status(report, name) for name in names}
    telling = [name for name in names if base[name] != now[name] or now[name] != "passed"][:_MOST_TESTS]
    rows = [(cell(name), base[name], now[name], str(report.verdicts.get(name, ""))) for name in telling]
    head = f"{_suite_line(report)} on tree `{report.tree[:12]}`; {len(report.witnesses)} red on the base and green now."
    rest = table(("test", "base", "branch", "judged"), rows)
    return "\n\n".join(part for part in (head, rest, _tampering(report)) if part)


def _tampering(report: SuiteReport) -> str:
    """The changes to tests that only a person lets pass, each with what was changed."""
    rows = [(cell(one.path), cell(one.name), str(one.change), cell(one.why)) for one in report.blocking]
    hunks = [fenced(one.hunk) for one in report.blocking[:_MOST_HUNKS] if one.hunk]
    listed = table(("path", "test", "change", "why"), rows)
    return "\n\n".join(["**Only a person lets this pass:**", listed, *hunks]) if rows else ""


def _words(delivery: Delivery) -> str:
    """What each step that answers in prose said last, folded."""
    last = {one.step: one for one in delivery.timeline if one.agent and one.output.strip() and not one.data}
    return "\n\n".join(
        f"<details><summary>{one.step} {one.visit}</summary>\n\n{fenced(one.output[:_MOST_WORDS])}\n\n</details>"
        for one in last.values()
    )


def _status(report: SuiteReport, name: str) -> str:
    """How a test ended: red when any run saw it red, else as the sealed copy or, when it holds none, the branch saw."""
    seen = [run.status(name) for run in report.runs]
    red = [status for status in seen if status in RED]
    held = [status for status in seen if status not in {"missing", "unavailable"}]
    return [*red, *held, *seen][0]


def _head(delivery: Delivery) -> Iterator[str]:
    yield f"# {SYMBOLS[delivery.status]} {delivery.status.value.capitalize()}: {cell(delivery.title)}"
    facts = [f"**{delivery.pipeline}** on **{delivery.repository}**"]
    facts += [f"branch `{delivery.branch}`"] if delivery.head and delivery.head != delivery.base else []
    facts += [f"merged as `{delivery.merge_commit[:12]}`"] if delivery.merge_commit else []
    facts += [f"[pull request]({delivery.pull_request})"] if delivery.pull_request else []
    yield " · ".join(facts)
    if delivery.reason:
        yield cell(delivery.reason)
    if delivery.failure:
        where = f" at `{delivery.failure.step}`" if delivery.failure.step else ""
        yield f"**{delivery.failure.kind}**{where}. {delivery.failure.hint}"


def render(delivery: Delivery) -> str:
    """Return the report, redacted: head, reason, next step, timeline, verdicts, tests, diff, evidence."""
    next_step = delivery.failure.hint if delivery.failure else NEXT[delivery.status]
    return redact("\n\n".join([*_head(delivery), _titled("What to do next", next_step), evidence(delivery)]))


def evidence(delivery: Delivery) -> str:
    """Return what was observed so far, as sections of Markdown that are not redacted yet."""
    sections = [
        ("Timeline", _timeline(delivery)),
        ("Decisions", _decisions(delivery)),
        ("Verdicts", _verdicts(delivery)),
        ("Tests", _tests(delivery)),
        ("In the steps' own words", _words(delivery)),
        ("Change", fenced(delivery.stat) if delivery.stat else ""),
        ("Cost", _money(delivery)),
        ("Evidence", fenced(delivery.failure.detail) if delivery.failure and delivery.failure.detail else ""),
    ]
    return "\n\n".join(_titled(title, text) for title, text in sections if text)


def costs(timeline: list[Outcome]) -> str:
    """Return what the turns cost so far and how long steps and people took; turns without a known price are said."""
    turns = [usage for one in timeline for usage in one.usage]
    free = sum(usage.cost is None for usage in turns)
    guessed = sum(one.unpriced for one in timeline)
    parts = [f"{amount:.4f} {cell(currency)}" for currency, amount in _prices(timeline).items()]
    parts += [f"{free} of {len(turns)} turns without a price"] if free else []
    parts += [f"{guessed} of {len(turns)} turns at the policy's default price"] if guessed else []
    worked = seconds(sum(one.seconds for one in timeline if one.kind != "gate"))
    waited = sum(one.seconds for one in timeline if one.kind == "gate")
    waiting = f", {seconds(waited)} of waiting for people" if waited else ""
    return f"{' and '.join(parts) or 'nothing'}; {worked} of steps{waiting}"


def _money(delivery: Delivery) -> str:
    """What the run cost beside what it was expected to cost, and each step's part of it."""
    foreign = {usage.currency for one in delivery.timeline for usage in one.usage if usage.cost} - {CURRENCY}
    notes = [f"Forecast: {told_forecast(delivery.forecast)}."]
    notes += [f"{cell(', '.join(sorted(foreign)))} counts to no budget."] if foreign else []
    steps: dict[str, list[Outcome]] = {}
    for one in delivery.timeline:
        if one.usage:
            steps.setdefault(one.step, []).append(one)
    rows = [(f"`{step}`", str(sum(len(one.usage) for one in made)), cell(_sum(made))) for step, made in steps.items()]
    return "\n\n".join([costs(delivery.timeline), *notes, table(("step", "turns", "cost"), rows)]).rstrip()


def _titled(title: str, text: str) -> str:
    return f"## {title}\n\n{text}"


def _decisions(delivery: Delivery) -> str:
    rows = [
        (f"`{one.step.removesuffix('.gate')}` {one.visit}", cell(told(one.data)), cell(one.data["channel"]))
        for one in delivery.timeline
        if one.kind == "gate"
    ]
    return table(("gate", "decision", "through"), rows)
