"""Findings of a requirements or clarity review, and which of them stop the work."""

from __future__ import annotations

import hashlib
import unicodedata
from typing import Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from contracts.agent import as_object
from contracts.rules import Advance, Ask, AskReason

MOST_FINDINGS = 20
"""More would not be answered by anybody."""
_RANK = {"none": 0, "low": 1, "medium": 2, "high": 3}
_SEVERITIES = ("low", "medium", "high")
_SILENT = frozenset(["Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "Zl", "Zp", "Zs", "Cc", "Cf", "Cn", "Co", "Cs", "Sk"])
"""Unicode categories of signs that carry no meaning between words: punctuation, blanks, controls, lone accents."""
_CATEGORIES = ("gap", "clarification", "assumption", "risk", "question")

Tolerance = Literal["none", "low", "medium", "high"]


class Finding(BaseModel):
    """One point that a review raises."""

    model_config = ConfigDict(frozen=True)

    category: Literal["gap", "clarification", "assumption", "risk", "question"] = Field(description="What sort it is.")
    severity: Literal["low", "medium", "high"] = Field(description="How much depends on it.")
    title: str = Field(min_length=1, description="The point in one line.")
    detail: str = Field(default="", description="What is unclear and why it matters.")

    @property
    def fingerprint(self) -> str:
        """An identity that survives case, white space and punctuation, for a finding that is raised again."""
        said = f"{self.title} {self.detail}".casefold()
        words = "".join(" " if unicodedata.category(sign) in _SILENT else sign for sign in said).split()
        return hashlib.sha256((" ".join(words) or said).encode()).hexdigest()[:16]


def read_findings(data: dict[str, Any] | None) -> list[Finding]:
    """Return the findings, worst first, at most 20; raise ValueError when the answer is unreadable.

    An unknown category becomes a question and an unknown severity medium; an empty entry is dropped, but one that
    holds something else than words for a person is unreadable.
    """
    items = None if data is None else data.get("findings", data.get("items"))
    if not isinstance(items, list):
        raise ValueError("the answer holds no list 'findings'; an empty list says that nothing is open")
    found = [finding for finding in map(_finding, cast(list[Any], items)) if finding is not None]
    return sorted(found, key=lambda finding: -_RANK[finding.severity])[:MOST_FINDINGS]


def _finding(raw: Any) -> Finding | None:
    fields = as_object(raw)
    if fields is None:
        raise ValueError(f"a finding must be an object, not {type(raw).__name__}")
    detail = str(fields.get("detail") or fields.get("question") or "").strip()
    title = str(fields.get("title") or "").strip() or detail[:80]
    if not title and not any(fields.values()):
        return None
    if not title:
        raise ValueError(f"a finding has neither 'title' nor 'detail', only {', '.join(sorted(fields))}")
    category, severity = (str(fields.get(name)).strip().lower() for name in ("category", "severity"))
    category = category if category in _CATEGORIES else "question"
    severity = severity if severity in _SEVERITIES else "medium"
    return Finding.model_validate({"category": category, "severity": severity, "title": title[:200], "detail": detail})


def outstanding(
    findings: list[Finding], tolerated: Tolerance, dismissed: frozenset[str] = frozenset()
) -> list[Finding]:
    """Return the findings that stop the work.

    Args:
        findings: what the review raised.
        tolerated: gravest finding that stops nothing.
        dismissed: fingerprints of findings that a person dismissed before.
    """
    graver = [finding for finding in findings if _RANK[finding.severity] > _RANK[tolerated]]
    return [finding for finding in graver if finding.fingerprint not in dismissed]


def decide(open_ones: list[Finding], rounds: int = 1, cap: int = 6) -> Advance | Ask:
    """Return whether the work goes on after a round of a review.

    Args:
        open_ones: the outstanding findings.
        rounds: rounds of this review in this attempt, this one included.
        cap: how many rounds there may be before a person decides whether to go on.
    """
    if not open_ones:
        return Advance("nothing is open")
    titles = "; ".join(f"{finding.title} ({finding.severity})" for finding in open_ones[:5])
    if rounds >= cap:
        return Ask(AskReason.REVIEW_CAP, f"{len(open_ones)} findings are open after {rounds} rounds: {titles}")
    return Ask(AskReason.UNSETTLED_REVIEW, f"{len(open_ones)} findings must be answered first: {titles}")
