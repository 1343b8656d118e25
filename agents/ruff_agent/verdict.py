"""Reviewer: the real diff, graded by what ruff finds in each changed file before and after."""

from __future__ import annotations

from typing import Any

from .comparison import Compared, compare, total
from .findings import tell
from .openings import find_openings
from .turn import Answer
from .work import Work

_RATINGS = (("blocker", 0.1), ("major", 0.5), ("minor", 0.9))
"""Rating by the gravest remark; a change without a remark is rated 1."""


def review(work: Work) -> Answer:
    """Grade the change, or the claim that none is needed."""
    compared = compare(work.checkout, work.ruff)
    if not compared:
        return _grade(*_idle(work))
    before, after = total(compared)
    comments = [comment for one in compared for comment in _remarks(one)]
    fewer = after.total() < before.total()
    if not fewer and not comments:
        comments.append(_comment("major", "The change removes no finding; there is nothing to gain from it.", ""))
    counts = f"ruff findings in {len(compared)} changed files: {before.total()} before, {after.total()} after"
    return _grade(f"{counts}; removed: {tell(before - after)}.", comments)


def _idle(work: Work) -> tuple[str, list[dict[str, Any]]]:
    """Hold the claim that nothing needs to change against what could have been fixed."""
    findings = work.ruff.check(work.checkout.sources)
    openings = find_openings(work.checkout, findings)
    summary = f"Nothing was changed; {len(openings.findings)} of {len(findings)} ruff findings may be fixed safely."
    places = sorted({finding.path for finding in openings.findings})
    body = f"{len(openings.findings)} findings may be fixed safely, in {', '.join(places[:5])}."
    return summary, [_comment("major", body, places[0])] if places else []


def _remarks(one: Compared) -> list[dict[str, Any]]:
    if one.foreign:
        body = (
            "The change touches what is no source file to clean up: a test, configuration, generated or foreign code."
        )
        return [_comment("major", body, one.path)]
    if one.gone:
        return [_comment("blocker", "The change deletes the file.", one.path)]
    if one.broken:
        return [_comment("blocker", "The file is no valid Python any more.", one.path)]
    if one.worse:
        return [_comment("blocker", f"The file gained findings: {tell(one.gained)}.", one.path)]
    if one.gained:
        return [_comment("minor", f"Other findings came in: {tell(one.gained)}.", one.path)]
    return []


def _comment(severity: str, body: str, path: str) -> dict[str, Any]:
    return {"severity": severity, "body": body, "file": path, "line": 0}


def _grade(summary: str, comments: list[dict[str, Any]]) -> Answer:
    severities = {comment["severity"] for comment in comments}
    rating = next((rating for severity, rating in _RATINGS if severity in severities), 1.0)
    order = [severity for severity, _ in _RATINGS]
    comments = sorted(comments, key=lambda comment: order.index(comment["severity"]))
    return Answer(text=summary, structured={"rating": rating, "summary": summary, "comments": comments})
