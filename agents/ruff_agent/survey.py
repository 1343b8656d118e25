"""Analysis: what ruff finds, counted by rule, with places, the most valuable first."""

from __future__ import annotations

from .checkout import Checkout
from .findings import Finding, Ruff, count, worth
from .repair import Openings
from .turn import Answer, Turn

_MOST_PLACES = 5


def survey(turn: Turn, checkout: Checkout, ruff: Ruff) -> Answer:
    """List the findings in every file that may be changed."""
    findings = ruff.check(checkout.sources)
    openings = Openings(checkout, findings)
    rules = sorted(count(findings), key=worth)
    paths = {finding.path for finding in findings}
    heading = (
        f"ruff findings: {len(findings)} in {len(paths)} of {len(checkout.sources)} files; "
        f"{len(openings.findings)} are fixable safely. Rules looked for: {turn.settings.select}. "
        "Tests, test configuration, generated and foreign code are left out."
    )
    parts = [_rule(rule, [one for one in findings if one.rule == rule], openings) for rule in rules]
    return Answer("\n\n".join([heading, *parts, *openings.told()]))


def _rule(rule: str, findings: list[Finding], openings: Openings) -> str:
    fixable = sum(finding in openings.findings for finding in findings)
    places = [f"- {one.path}:{one.line}: {one.message}" for one in findings[:_MOST_PLACES]]
    more = [f"- … and {len(findings) - _MOST_PLACES} more"] if len(findings) > _MOST_PLACES else []
    return "\n".join([f"{rule} ×{len(findings)}, {fixable} fixable", *places, *more])
