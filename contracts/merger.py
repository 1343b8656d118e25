"""Whether a change may be merged without a person."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from pydantic import Field

from contracts.agent import Frozen
from contracts.change import ChangeClass, Diff, FileChange, classify_path
from contracts.estimate import AXES, RATIONALE

CLASS_FLOOR = {
    ChangeClass.DOCS: 0.05,
    ChangeClass.TEST: 0.1,
    ChangeClass.DEPENDENCY: 0.2,
    ChangeClass.CONFIG: 0.25,
    ChangeClass.SOURCE: 0.3,
    ChangeClass.SCHEMA: 0.6,
}
"""Least risk of a change, by its highest class."""

SIZE_FLOOR = ((3_000, 0.9), (1_000, 0.6), (500, 0.45), (200, 0.35))
"""Least risk of a change with more changed lines than the first number."""

BINARY_FLOOR = 0.5
"""Least risk of a change with a binary file, whose content nobody reads."""

COVERAGE_FLOOR = ((0.2, 0.6), (0.5, 0.5))
"""Least risk of a change of whose lines a smaller share than the first number was executed."""


class Assessment(Frozen):
    """How an agent rates the finished change."""

    complexity: float = Field(ge=0, le=1, description="How hard the change is to understand, 0 to 1.")
    risk: float = Field(ge=0, le=1, description="How likely it breaks something, 0 to 1.")
    impact: float = Field(ge=0, le=1, description="How much depends on it, 0 to 1.")
    rationale: str = Field(default="", description="Why, in at most 2,000 characters; blank: none was given.")


class Facts(Frozen):
    """What was observed of the change, whatever an agent says."""

    diff: Diff = Field(description="The change against its base.")
    tampering: int = Field(ge=0, description="Blocking findings in the tests that no person let pass.")
    suite_green: bool = Field(description="The suite passed on exactly the head tree.")
    coverage: float | None = Field(
        default=None, ge=0, le=1, description="Share of changed source lines that were executed; none: not measured."
    )
    protected: list[str] = Field(default_factory=list[str], description="Changed paths that the policy protects.")


class Candidate(Frozen):
    """A change on its way to the base, with everything that the decision looks at."""

    assessment: Assessment | None = Field(description="The merger's rating; none when it gave none.")
    facts: Facts = Field(description="What was observed.")
    open_blockers: int = Field(ge=0, description="Blocking comments that nobody settled.")
    conflict: bool = Field(description="The change does not merge cleanly, or nobody could tell.")
    checks_green: bool = Field(description="All checks of the head commit passed.")
    dry_run: bool = Field(description="The run may have no effects.")


class Ceilings(Frozen):
    """The most that an automatic merge may have of each axis; the ceiling itself passes."""

    complexity: float = Field(default=0.5, ge=0, le=1, description="Highest complexity, 0 to 1.")
    risk: float = Field(default=0.4, ge=0, le=1, description="Highest risk, 0 to 1.")
    impact: float = Field(default=0.5, ge=0, le=1, description="Highest impact, 0 to 1.")


class MergePolicy(Frozen):
    """What the installation allows to be merged without a person."""

    auto_merge: bool = Field(description="Whether anything is merged without a person.")
    classes: list[ChangeClass] = Field(
        default_factory=lambda: [kind for kind in ChangeClass if kind is not ChangeClass.SCHEMA],
        description="Classes of files that such a change may touch; default: all but schema.",
    )
    ceilings: Ceilings = Field(default_factory=Ceilings, description="Highest rating on each axis.")


class HoldRule(StrEnum):
    """Why a change waits for a person, in the order in which the rules are tried; the last one is the forge's."""

    DRY_RUN = "dry_run"
    NO_POLICY = "no_policy"
    AUTO_MERGE_DISABLED = "auto_merge_disabled"
    CLASS_NOT_ALLOWED = "class_not_allowed"
    PROTECTED_PATH = "protected_path"
    TAMPERING = "tampering"
    SUITE_NOT_GREEN = "suite_not_green"
    OPEN_BLOCKER = "open_blocker"
    CONFLICT = "conflict"
    CHECKS_NOT_GREEN = "checks_not_green"
    NO_ASSESSMENT = "no_assessment"
    NO_RATIONALE = "no_rationale"
    EXCEEDED = "exceeded"
    LEFT_BY_FORGE = "left_by_forge"


@dataclass(frozen=True)
class Merge:
    """The change may be merged now."""

    risk: float
    floor: float
    reasons: list[str]


@dataclass(frozen=True)
class Hold:
    """The pull request stays open and a person decides."""

    rule: HoldRule
    message: str


def read_assessment(data: Mapping[str, Any] | None) -> Assessment | None:
    """Return the rating in an agent's structured output; none when there is no output.

    An axis that is absent, not a number or outside 0..1 is 1. A blank `rationale` falls back to `summary`; text
    without a letter or digit is blank.
    """
    if data is None:
        return None
    texts = (data.get("rationale"), data.get("summary"))
    rationale = next((text.strip()[:RATIONALE] for text in texts if isinstance(text, str) and _says(text)), "")
    return Assessment(**{axis: _read_axis(data.get(axis)) for axis in AXES}, rationale=rationale)


def risk_floor(facts: Facts) -> tuple[float, list[str]]:
    """Return the least risk that the facts allow, 0 to 1, and the reasons, the worst first.

    Coverage that was not measured adds nothing and takes nothing away.
    """
    diff = facts.diff
    floors = [(1.0, "the diff is empty or could not be read")] if diff.highest is None else []
    if diff.highest is not None:
        floors.append((CLASS_FLOOR[diff.highest], f"{diff.highest} is changed"))
    size = next((floor for lines, floor in SIZE_FLOOR if diff.lines > lines), None)
    floors += [(size, f"{diff.lines} lines are changed")] if size is not None else []
    binary = [file.path for file in diff.files if file.binary]
    floors += [(BINARY_FLOOR, f"binary files are changed: {_some(binary)}")] if binary else []
    floors += [(1.0, f"protected paths are changed: {_some(facts.protected)}")] if facts.protected else []
    floors += [(1.0, f"{facts.tampering} findings say that tests were weakened")] if facts.tampering else []
    floors += [(1.0, "the suite is not green on this tree")] if not facts.suite_green else []
    if facts.coverage is not None:
        covered = next((floor for share, floor in COVERAGE_FLOOR if facts.coverage < share), None)
        floors += [(covered, f"{facts.coverage:.0%} of the changed lines ran in a test")] if covered else []
    floors.sort(key=lambda entry: -entry[0])
    return floors[0][0], [f"{reason} (risk at least {floor})" for floor, reason in floors]


def decide_merge(candidate: Candidate, policy: MergePolicy | None) -> Merge | Hold:
    """Return whether the change is merged without a person; the first rule that says no decides.

    Args:
        candidate: the change and what is known about it.
        policy: what the installation allows; none when no policy could be resolved, which merges nothing.
    """
    if candidate.dry_run:
        return _hold(HoldRule.DRY_RUN, "this run may have no effects; start it again without dry run")
    if policy is None:
        return _hold(HoldRule.NO_POLICY, "no policy could be resolved; name one in the run's settings")
    objection = _by_policy(candidate.facts, policy) or _by_state(candidate)
    return objection or _by_rating(candidate, policy.ceilings)


def _by_policy(facts: Facts, policy: MergePolicy) -> Hold | None:
    if not policy.auto_merge:
        return _hold(HoldRule.AUTO_MERGE_DISABLED, "the policy leaves every merge to a person")
    if not facts.diff.files:
        return _hold(HoldRule.CLASS_NOT_ALLOWED, "the diff is empty or unreadable, so its class is unknown")
    alien = [file for file in facts.diff.files if classify_path(file.path) not in policy.classes]
    if alien:
        return _hold(HoldRule.CLASS_NOT_ALLOWED, f"the policy does not allow {_classes(alien)} to be merged by itself")
    if facts.protected:
        return _hold(HoldRule.PROTECTED_PATH, f"the change touches {_some(facts.protected)}")
    return None


def _by_state(candidate: Candidate) -> Hold | None:
    facts = candidate.facts
    rules = (
        (facts.tampering > 0, HoldRule.TAMPERING, f"{facts.tampering} findings on weakened tests are open"),
        (not facts.suite_green, HoldRule.SUITE_NOT_GREEN, "the suite is not green on exactly the head tree"),
        (candidate.open_blockers > 0, HoldRule.OPEN_BLOCKER, f"{candidate.open_blockers} blocking comments are open"),
        (candidate.conflict, HoldRule.CONFLICT, "the change does not merge cleanly into its base"),
        (not candidate.checks_green, HoldRule.CHECKS_NOT_GREEN, "not all checks of the head commit passed"),
        (candidate.assessment is None, HoldRule.NO_ASSESSMENT, "the change was not assessed"),
    )
    return next((_hold(rule, message) for applies, rule, message in rules if applies), None)


def _by_rating(candidate: Candidate, ceilings: Ceilings) -> Merge | Hold:
    claim = candidate.assessment
    if claim is None or not _says(claim.rationale):
        return _hold(HoldRule.NO_RATIONALE, "the assessment gives no reason for its rating")
    floor, reasons = risk_floor(candidate.facts)
    risk = max(claim.risk, floor)
    origin = f" (claimed {claim.risk}; {'; '.join(reasons)})" if floor > claim.risk else ""
    axes = (
        ("complexity", claim.complexity, ceilings.complexity, ""),
        ("risk", risk, ceilings.risk, origin),
        ("impact", claim.impact, ceilings.impact, ""),
    )
    over = [f"{axis} {value} is above {most}{why}" for axis, value, most, why in axes if not value <= most]
    return _hold(HoldRule.EXCEEDED, "; ".join(over)) if over else Merge(risk, floor, reasons)


def _hold(rule: HoldRule, fact: str) -> Hold:
    return Hold(rule, f"{rule}: {fact}")


def _read_axis(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 1.0
    return float(value) if 0 <= value <= 1 else 1.0


def _says(text: str) -> bool:
    return any(sign.isalnum() for sign in text)


def _some(paths: list[str]) -> str:
    return ", ".join(map(repr, paths[:5])) + (f" and {len(paths) - 5} more" if len(paths) > 5 else "")


def _classes(files: list[FileChange]) -> str:
    diff = Diff(files=files)
    return f"{', '.join(diff.classes)} ({_some([file.path for file in files])})"
