"""Merger: complexity, risk and impact of the change, computed from its files, lines and rules."""

from __future__ import annotations

from collections import Counter

from .comparison import Compared, compare, total
from .findings import tell
from .turn import Answer
from .work import Work

_SORTS = (
    ("control flow", ("SIM", "RET", "PIE"), 0.25),
    ("names that are gone", ("F401", "F811", "F841"), 0.2),
    ("comparisons", ("F632", "E7"), 0.2),
    ("spelling of the same thing", ("UP", "C4", "F541", "W6"), 0.1),
)
"""Sorts of rules, with the risk that a fix of each has."""
_UNKNOWN_RISK = 0.5


def assess(work: Work) -> Answer:
    """Rate the change; what is not a repair of findings is rated highest, because ruff says nothing about it."""
    compared = compare(work.checkout, work.ruff)
    odd = [one.path for one in compared if one.foreign or one.gone or one.broken or not one.fixed]
    if odd or not compared:
        what = f"{', '.join(odd[:5])} cannot be explained by ruff fixes" if odd else "there is no change to rate"
        return _rated(1.0, 1.0, 1.0, f"Every axis is rated highest, because {what}.")
    before, after = total(compared)
    sorts = _sorts(before - after)
    lines = sum(one.lines for one in compared)
    share = len(compared) / max(len(work.checkout.sources), 1)
    complexity = 0.05 + 0.05 * (len(sorts) - 1) + lines / 2_000
    risk = max(sorts.values()) + lines / 4_000
    impact = 0.05 + 0.3 * share + lines / 2_000
    return _rated(complexity, risk, impact, _rationale(compared, sorts, before - after, share))


def _sorts(fixed: Counter[str]) -> dict[str, float]:
    """Return the sorts of the fixed rules with their risk."""
    found: dict[str, float] = {}
    for rule in fixed:
        known = next(((name, risk) for name, prefixes, risk in _SORTS if rule.startswith(prefixes)), None)
        name, risk = known or ("other rules", _UNKNOWN_RISK)
        found[name] = risk
    return found


def _rationale(compared: list[Compared], sorts: dict[str, float], fixed: Counter[str], share: float) -> str:
    lines = sum(one.lines for one in compared)
    return (
        f"Only safe fixes of ruff: {tell(fixed)}. {lines} changed lines in {len(compared)} files, "
        f"{share:.0%} of the source files. The fixes concern {', '.join(sorted(sorts))}. "
        "Whether behaviour stayed as it was is for the suite to say."
    )


def _rated(complexity: float, risk: float, impact: float, rationale: str) -> Answer:
    axes = {"complexity": complexity, "risk": risk, "impact": impact}
    rounded = {axis: round(min(value, 1.0), 2) for axis, value in axes.items()}
    return Answer(text=rationale, structured={**rounded, "rationale": rationale})
