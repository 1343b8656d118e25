"""Runs as a person reads them in a terminal."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast

from blocks.ledger import Gate
from contracts.choices import DOES, Choice
from contracts.gate import MARK
from contracts.journal import short
from contracts.markdown import plain, seconds
from contracts.message import duration
from contracts.redaction import redact
from contracts.report import summary
from tasks._overview import Line
from tasks._pages import run_page
from tasks._standing import Standing, prefect_client

_WIDEST = {"status": 52, "title": 40}
"""Characters of the columns that hold outside text."""


def overview_text(lines: list[Line]) -> str:
    """Return a table with a line for each run."""
    head = ("run", "status", "pipeline", "repository", "title", "age", "cost")
    now = datetime.now(UTC)
    rows = [
        (
            short(line.run),
            plain(redact(line.doing), _WIDEST["status"]),
            line.pipeline or "–",
            line.repository or "–",
            plain(redact(line.title), _WIDEST["title"]),
            duration(max((now - line.since).total_seconds(), 0.0)),
            line.cost,
        )
        for line in lines
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in (head, *rows)
    )


def standing_text(found: Standing, cost: str) -> str:
    """Return everything that is known of a run: head, timeline, question, decisions, failure, links, what to do."""
    asked = [_parked(found), *_questions(found), _decisions(found)]
    parts = [_head(found, cost), _timeline(found), *asked, _ending(found), _links(found)]
    return redact("\n\n".join(part for part in parts if part))


def _head(found: Standing, cost: str) -> str:
    status = found.row.status if found.row is not None and not found.going else found.state
    waits = f"waits for a person at {found.waiting[-1].step}" if found.waiting and found.live else status
    attempt = f"attempt {found.attempt if found.live else max(found.ended, 1)}"
    facts = [found.pipeline, f"on {found.repository}" if found.repository else "", attempt, waits, f"cost {cost}"]
    return f"{found.title}\nrun {found.run}\n{' · '.join(fact for fact in facts if fact)}"


def _timeline(found: Standing) -> str:
    rows = [
        f"  {f'{one.step} {one.visit}':<28} {seconds(one.seconds):>10}  {plain(summary(one), 90)}".rstrip()
        for one in found.timeline
    ]
    rows += [f"  {key:<28} this record is damaged: restore it from a backup" for key in found.damaged]
    return "\n".join(["timeline", *(rows or ["  no step has ended yet"])])


def _parked(found: Standing) -> str:
    """What a run waits for that nobody is asked about."""
    if not found.parked or found.flow_run is None or found.flow_run.state is None:
        return ""
    run = short(found.run)
    return f"{found.flow_run.state.message}\n  look at once: delivery retry {run} · end it: delivery stop {run}"


def _questions(found: Standing) -> Iterator[str]:
    """What the run asks, what each choice does, and how to answer."""
    if not found.live:
        return
    for gate in found.waiting:
        choices = _choices(found, gate)
        lines = [f"asks at {gate.step}: {gate.reason}"]
        lines += [f"  {choice:<18} {_does(choice)}" for choice in choices]
        example = shlex.quote(choices[0]) if choices else "CHOICE"
        lines.append(f'  answer with: delivery answer {short(found.run)} {example} --as "Your name" --comment "…"')
        yield "\n".join(lines)


def _choices(found: Standing, gate: Gate) -> list[str]:
    """The choices of the form that Prefect shows for a gate; none when it is not shown now."""
    state = found.flow_run.state if found.flow_run is not None else None
    keys = state.state_details.run_input_keyset if state is not None and state.is_paused() else None
    if found.flow_run is None or not keys:
        return []
    with prefect_client() as client:
        schema: Any = json.loads(client.read_flow_run_input(found.flow_run.id, keys["schema"]))
    decision = schema.get("properties", {}).get("decision", {})
    labels = cast(list[str], decision.get("enum") or [decision.get("const", "")])
    name = f"{gate.step} {gate.key.rpartition('/')[2]}"
    return [label.rpartition(MARK)[0] for label in labels if label.endswith(f"{MARK}{name}")]


def _does(choice: str) -> str:
    return DOES[Choice(choice)] if choice in set(Choice) else "this is the answer to the agent's question"


def _decisions(found: Standing) -> str:
    rows = [
        f"  {one.at:%Y-%m-%d %H:%M} {one.step}: {one.choice or 'nothing'} by {one.who or 'nobody'} "
        f"({'proven' if one.proven else 'stated'}, {one.channel}) – {one.standing}"
        + (f": {plain(one.comment, 80)}" if one.comment else "")
        for one in found.decisions
    ]
    return "\n".join(["decisions", *rows]) if rows else ""


def _ending(found: Standing) -> str:
    if found.ending is None or found.live:
        return ""
    ending, failure = found.ending, found.ending.failure
    lines = [f"ended as {ending.status.value}" + (f": {plain(ending.reason, 300)}" if ending.reason else "")]
    if failure is not None:
        where = f" at {failure.step}" if failure.step else ""
        lines += [f"  {failure.kind}{where}", f"  next: {failure.hint}"]
    return "\n".join(lines)


def _links(found: Standing) -> str:
    seen = [one.data["pull_request"] for one in found.timeline if one.data.get("pull_request")]
    made = found.ending.pull_request if found.ending is not None else ""
    links = {
        "page": run_page(found.run),
        "pull request": made or (seen[-1] if seen else ""),
        "branch": found.opening.branch if found.opening is not None and found.timeline else "",
    }
    return "\n".join(f"{name}: {where}" for name, where in links.items() if where)
