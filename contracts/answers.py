"""What a person answers to the findings of a review, as one numbered text.

    === 1 === Who pays for a return? (gap, high)
    the customer, except for faulty goods

    === 2 === Which tax applies? (question, low)
    dismiss: the shop adds none

A line that begins with such a number begins the answer to that finding; every other line belongs to an answer. All
numbers must be there once, so a line that was damaged, or typed by chance, is refused and never moves an answer.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping

from pydantic import BaseModel, ConfigDict, Field

from contracts.markdown import plain
from contracts.redaction import redact
from contracts.review import Finding

LONGEST = 4_000
"""Most characters of one answer."""
HOW = (
    "Write each answer below the line with its number and leave that line as it is. "
    "Write `dismiss`, or `dismiss: reason`, for a finding that needs no answer."
)
"""What a person must know to fill the form in."""
_HEADER = re.compile(r"===[ \t]*([0-9]{1,4})[ \t]*===(.*)")
_DISMISSAL = re.compile(r"dismiss[.!]?|dismiss\s*:(?P<reason>.*)", re.IGNORECASE | re.DOTALL)


class Answer(BaseModel):
    """What a person says to one finding."""

    model_config = ConfigDict(frozen=True)

    number: int = Field(ge=1, description="Number of the finding in the form, from 1.")
    title: str = Field(description="Title of the finding.")
    text: str = Field(description="The answer as it was typed, without blanks around it; lines end in LF.")
    dismissed: bool = Field(default=False, description="The finding needs no answer.")
    reason: str = Field(default="", description="Why it was dismissed, if the person says so.")


def form(findings: list[Finding], typed: Mapping[int, str] | None = None) -> str:
    """Return the text that a person fills in.

    Args:
        findings: what the review raised, in the order of their numbers.
        typed: answers that are there already, by number; the others are left empty.
    """
    given = typed or {}
    parts = [f"{_header(number, one)}\n{given.get(number, '')}\n" for number, one in enumerate(findings, 1)]
    return "\n".join(parts)


def read_answers(text: str, findings: list[Finding]) -> list[Answer]:
    """Return the answers in the order of the findings.

    Args:
        text: the filled-in form; CRLF and CR end a line as LF does.
        findings: the findings that the form was made of.

    Raises:
        ValueError: it cannot be read; the message names every problem, one a line, and what to do about it.
    """
    before, sections = _sections(text)
    problems = [*_misplaced(before, sections, findings), *_unfit(sections)]
    if problems:
        raise ValueError("\n".join(["the answers cannot be read:", *(f"- {problem}" for problem in problems)]))
    found = {number: answer for number, _, answer in sections}
    return [_answer(number, one, found[number]) for number, one in enumerate(findings, 1)]


def _header(number: int, finding: Finding) -> str:
    return f"=== {number} === {_label(finding)}"


def _label(finding: Finding) -> str:
    shown = "".join(sign if sign.isprintable() else " " for sign in redact(finding.title))
    return plain(f"{shown} ({finding.category}, {finding.severity})", 300)


def _sections(text: str) -> tuple[str, list[tuple[int, str, str]]]:
    """What stands before the first number; then number, rest of its line and answer of each section."""
    before: list[str] = []
    sections: list[tuple[int, str, list[str]]] = []
    for line in re.split(r"\r\n|\r|\n", text):
        header = _HEADER.fullmatch(line)
        if header:
            sections.append((int(header[1]), " ".join(header[2].split()), []))
        else:
            (sections[-1][2] if sections else before).append(line)
    read = [(number, label, "\n".join(lines).strip()) for number, label, lines in sections]
    return "\n".join(before).strip(), read


def _misplaced(before: str, sections: list[tuple[int, str, str]], findings: list[Finding]) -> Iterator[str]:
    """Problems that leave open to which finding a text belongs."""
    known = dict(enumerate(findings, 1))
    times = Counter(number for number, _, _ in sections)
    if before:
        yield f"{plain(before, 60)!r} stands before the first number; move it below the number that it answers"
    for number in sorted(set(known) - set(times)):
        yield f"number {number} is missing; put the line '=== {number} ===' at the left margin above its answer"
    for number in sorted(set(times) - set(known)):
        yield f"there is no finding {number}; the numbers are 1 to {len(findings)}. {_ESCAPE}"
    for number in sorted(number for number in known if times[number] > 1):
        yield f"number {number} stands {times[number]} times; leave one of them. {_ESCAPE}"
    for number, label, _ in sections:
        if times[number] == 1 and number in known and label not in ("", _label(known[number])):
            yield (
                f"the line of number {number} names another finding, {plain(label, 60)!r}; "
                f"if the answer below belongs to number {number}, write only '=== {number} ===' in that line"
            )


_ESCAPE = "If that line belongs to your answer, begin it with a blank"


def _unfit(sections: list[tuple[int, str, str]]) -> Iterator[str]:
    """Problems of single answers."""
    for number, _, answer in sections:
        if not answer:
            yield f"number {number} has no answer; write one below its line, or 'dismiss', or 'dismiss: reason'"
        if len(answer) > LONGEST:
            yield f"the answer to number {number} has {len(answer):,} characters; shorten it to {LONGEST:,}"


def _answer(number: int, finding: Finding, text: str) -> Answer:
    dismissal = _DISMISSAL.fullmatch(text)
    return Answer(
        number=number,
        title=finding.title,
        text=text,
        dismissed=bool(dismissal),
        reason=(dismissal["reason"] or "").strip() if dismissal else "",
    )
