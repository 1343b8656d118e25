"""The result of the conformance run: one line, and the page of the documentation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from bench.conformance_behaviours import BEHAVIOURS, Behaviour
from bench.conformance_subjects import SUBJECTS, Subject

_HEAD = """# What the agents' programs do

Each program ran for real, in a local sandbox, against a scripted model server on the same machine: `make conformance`.
✓ tried and passed · ✗ tried and failed · – not tried, because the program or its block has no such thing.

"""


@dataclass(frozen=True)
class Tried:
    """What came of one behaviour of one agent.

    Args:
        subject: the agent.
        behaviour: what was tried.
        wrong: what went wrong; empty: nothing.
        absent: the program has no such thing; nothing was tried.
        seconds: how long it took.
    """

    subject: Subject
    behaviour: Behaviour
    wrong: str = ""
    absent: bool = False
    seconds: float = 0.0

    @property
    def mark(self) -> str:
        """Its sign in the table."""
        return "–" if self.absent else "✗" if self.wrong else "✓"

    @property
    def line(self) -> str:
        """What is printed of it."""
        how = "there is no such thing" if self.absent else self.wrong or f"{self.seconds:.0f} s"
        return f"{self.mark} {self.subject.title}: {self.behaviour.name}: {how}"


def summary(tried: list[Tried]) -> str:
    """Return the last line; what a program does not have is neither passed nor failed."""
    agents = {one.subject.title for one in tried}
    behaviours = {one.behaviour.name for one in tried}
    failed = sum(bool(one.wrong) for one in tried)
    passed = len(tried) - failed - sum(one.absent for one in tried)
    return f"agents={len(agents)} behaviours={len(behaviours)} passed={passed} failed={failed}"


def page(tried: list[Tried], versions: Mapping[str, str]) -> str:
    """Return the page.

    Args:
        tried: every behaviour of every agent.
        versions: of the programs, by the title of their agent.
    """
    marks = {(one.subject.title, one.behaviour.name): one.mark for one in tried}
    titles = [subject.title for subject in SUBJECTS]
    rows = [[behaviour.name, *(marks[title, behaviour.name] for title in titles)] for behaviour in BEHAVIOURS]
    rows.append(["version", *(versions[title] for title in titles)])
    blocks = [
        f"- {one.title}: program `{one.program}`, package `{one.package}`. {one.remark}".rstrip() for one in SUBJECTS
    ]
    evidence = [f"- **{behaviour.name}**: {behaviour.evidence}" for behaviour in BEHAVIOURS]
    return (
        f"{_HEAD}{_markdown(['behaviour', *titles], rows)}\n`{summary(tried)}`\n\n## The programs\n\n"
        + "\n".join(blocks)
        + "\n\n## What decides\n\n"
        + "\n".join(evidence)
        + "\n"
    )


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *(":-:" for _ in head[1:])], *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
