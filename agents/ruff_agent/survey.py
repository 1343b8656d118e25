"""Analysis: what ruff finds, counted by rule, with places, the most valuable first."""

from __future__ import annotations

from .findings import Finding, count, worth
from .openings import Openings, find_openings
from .turn import Answer
from .work import Work

_MOST_PLACES = 5


def survey(work: Work) -> Answer:
    """List the findings in every file that may be changed."""
    checkout = work.checkout
    findings = work.ruff.check(checkout.sources)
    openings = find_openings(checkout, findings)
    paths = {finding.path for finding in findings}
    heading = (
        f"ruff findings: {len(findings)} in {len(paths)} of {len(checkout.sources)} files; "
        f"{len(openings.findings)} are fixable safely. Rules looked for: {work.turn.settings.select}. "
        "Tests, test configuration, generated and foreign code are left out."
    )
    rules = sorted(count(findings), key=worth)
    parts = [_rule(rule, [one for one in findings if one.rule == rule], openings) for rule in rules]
    return Answer("\n\n".join([heading, *parts, *openings.left_alone]))


def _rule(rule: str, findings: list[Finding], openings: Openings) -> str:
    fixable = sum(finding in openings.findings for finding in findings)
    places = [f"- {one.path}:{one.line}: {one.message}" for one in findings[:_MOST_PLACES]]
    more = [f"- … and {len(findings) - _MOST_PLACES} more"] if len(findings) > _MOST_PLACES else []
    return "\n".join([f"{rule} ×{len(findings)}, {fixable} fixable", *places, *more])
