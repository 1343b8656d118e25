"""The catalogue of step kinds: what each does, what it may touch and what it must give back."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum


class Surface(StrEnum):
    """What a kind may touch."""

    INLINE = "inline text"
    READ = "read-only checkout"
    WRITE = "writing checkout"
    NONE = "deterministic"


class Family(StrEnum):
    """Which machine runs a kind."""

    PRODUCER = "producer"
    COMPANION = "companion"
    ESTIMATOR = "estimator"
    REVIEW = "review"
    TESTER = "tester"
    WATCH = "watch"
    HELPER = "helper"
    MERGER = "merger"
    TRACKER = "tracker"
    RUN = "the run itself"


class Output(StrEnum):
    """The structured output of a kind."""

    PROSE = "prose"
    VERDICT = "verdict"
    ESTIMATE = "estimate"
    FINDINGS = "findings"
    REPORT = "report"
    PROBE = "probe"
    ASSESSMENT = "assessment"


@dataclass(frozen=True)
class Kind:
    """One kind of step.

    Args:
        name: how a pipeline names it.
        role: what it does, as an instruction to an agent.
        family: which machine runs it.
        surface: what it may touch.
        output: its output contract.
        targets: kinds that a companion grades.
        gatable: whether an estimate may skip it.
        helper: the kind that acts on its failure.
    """

    name: str
    role: str
    family: Family = Family.PRODUCER
    surface: Surface = Surface.INLINE
    output: Output = Output.PROSE
    targets: tuple[str, ...] = ()
    gatable: bool = False
    helper: str = ""

    @property
    def needs_agent(self) -> bool:
        """Whether a turn of an agent belongs to the step itself; suites, gates and trackers run without one."""
        return self.family not in (Family.TESTER, Family.WATCH, Family.TRACKER, Family.RUN)


def _companion(name: str, target: str, role: str, surface: Surface = Surface.INLINE) -> Kind:
    return Kind(name, role, Family.COMPANION, surface, Output.VERDICT, targets=(target,), gatable=True)


_ALL = (
    Kind(
        "requirements-review",
        "Find the gaps in the work item before anybody designs or builds: missing, ambiguous or contradictory points.",
        Family.REVIEW,
        output=Output.FINDINGS,
        gatable=True,
        helper="requirements-writer",
    ),
    Kind(
        "clarity-review",
        "Judge whether the bug report, together with the investigation, is clear enough to fix.",
        Family.REVIEW,
        output=Output.FINDINGS,
        gatable=True,
        helper="requirements-writer",
    ),
    Kind(
        "requirements-writer",
        "Work the answers of a person into the description of the work item. Give back one complete document that "
        "replaces it: keep everything that still holds, in the author's words, and add nothing that nobody said.",
        Family.HELPER,
    ),
    Kind(
        "task-estimator",
        "Forecast complexity, risk and impact of the work item, each from 0 to 1, with a rationale.",
        Family.ESTIMATOR,
        output=Output.ESTIMATE,
    ),
    Kind("researcher", "Collect options, prior art and unknowns that bear on the work item.", gatable=True),
    Kind(
        "bug-investigator",
        "Find the most likely causes of the bug, ranked, with the evidence for each and steps that reproduce it.",
        surface=Surface.READ,
    ),
    Kind(
        "spec-writer",
        "Turn the work item into an increment of the specification with acceptance criteria.",
        surface=Surface.READ,
        gatable=True,
    ),
    _companion("spec-companion", "spec-writer", "Grade the specification against the work item."),
    Kind(
        "architect", "Design the change: places, interfaces, order of work, risks.", surface=Surface.READ, gatable=True
    ),
    _companion("architect-companion", "architect", "Grade the design against the work item and the repository."),
    Kind(
        "analysis",
        "Survey the repository for technical debt and list findings with places, most valuable first.",
        surface=Surface.READ,
    ),
    Kind(
        "coder",
        "Make the change in the checkout, with tests. Do not weaken, skip or delete existing tests.",
        surface=Surface.WRITE,
    ),
    _companion(
        "reviewer",
        "coder",
        "Grade the real diff: correctness, tests, safety, fit with the repository. "
        "Say what your earlier remarks became.",
        Surface.READ,
    ),
    Kind(
        "mocker",
        "Add or update doubles of outside services that the change needs.",
        surface=Surface.WRITE,
        gatable=True,
    ),
    Kind(
        "blueprints",
        "Bring the map of services and modules in the repository up to date.",
        surface=Surface.WRITE,
        gatable=True,
    ),
    Kind("documenter", "Bring the documentation in line with the change.", surface=Surface.WRITE, gatable=True),
    Kind(
        "tester",
        "Run the repository's own suite on exactly this tree.",
        Family.TESTER,
        Surface.NONE,
        Output.REPORT,
        helper="fixer",
    ),
    Kind(
        "fixer",
        "Make the failing tests pass by correcting the change, never by weakening tests.",
        Family.HELPER,
        Surface.WRITE,
    ),
    Kind(
        "conflicts",
        "Bring the base into the branch.",
        Family.WATCH,
        Surface.NONE,
        Output.PROBE,
        helper="conflict-resolver",
    ),
    Kind(
        "conflict-resolver",
        "Resolve the conflict markers so that both intentions survive.",
        Family.HELPER,
        Surface.WRITE,
    ),
    Kind("ci", "Wait for the checks of the branch.", Family.WATCH, Surface.NONE, Output.PROBE, helper="ci-fixer"),
    Kind(
        "ci-fixer",
        "Make the failing checks pass by correcting the change, never by weakening checks.",
        Family.HELPER,
        Surface.WRITE,
    ),
    Kind(
        "merger",
        "Judge the finished diff: complexity, risk and impact, each from 0 (none) to 1 (highest), with a rationale.",
        Family.MERGER,
        Surface.READ,
        Output.ASSESSMENT,
    ),
    Kind(
        "tracker",
        "File an issue for work that has none, and say on the work's issue how it stands.",
        Family.TRACKER,
        Surface.NONE,
    ),
    Kind("workspace", "Clone the repository for the run.", Family.RUN, Surface.NONE),
    Kind("merge", "Merge the pull request and see that the base holds it.", Family.RUN, Surface.NONE),
    Kind("gate", "Wait for a person's decision.", Family.RUN, Surface.NONE),
)

KINDS: dict[str, Kind] = {kind.name: kind for kind in _ALL}
"""Every kind by its name."""


def nearest(name: str) -> str:
    """Return the known kind whose name is most like `name`, or an empty text when none is near."""
    return next(iter(get_close_matches(name, KINDS, n=1, cutoff=0.5)), "")
