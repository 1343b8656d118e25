"""What a suite showed, and what that means: greenlight is computed, never claimed."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from contracts.failure import FailureKind
from contracts.flake import FlakeVerdict, Quarantined
from contracts.flake import Status as Ended
from contracts.integrity.tampering import Tampering
from contracts.rules import Advance, Ask, AskReason, Fail, Help

Status = Literal["passed", "failed", "error", "skipped"]
RED: frozenset[str] = frozenset({"failed", "error"})


class Case(BaseModel):
    """One test and how it ended."""

    model_config = ConfigDict(frozen=True)

    name: str = Field(description="Identity of the test: class path and name.")
    status: Status = Field(description="How it ended; skipped is not passed.")
    detail: str = Field(default="", description="What it printed on failure, at most 4,000 characters.")


class SuiteRun(BaseModel):
    """One run of a suite on one tree."""

    model_config = ConfigDict(frozen=True)

    cases: list[Case] = Field(default_factory=list[Case], description="Every test that reported.")
    problem: str = Field(default="", description="Why the run itself is red; empty when it ran to its end.")
    output: str = Field(default="", description="End of what it printed, at most 4,000 characters.")
    seconds: float = Field(default=0, description="Wall clock.")

    def status(self, name: str) -> Ended:
        """Return how one test ended; missing when it did not report, unavailable when nothing did."""
        absent: Ended = "missing" if self.cases else "unavailable"
        held: list[Ended] = [case.status for case in self.cases if case.name == name]
        return held[0] if held else absent

    def named(self, *statuses: str) -> list[str]:
        """Return the names of the tests that ended so."""
        return [case.name for case in self.cases if case.status in statuses]


class Concern(BaseModel):
    """Something that a tester saw beside the suite."""

    model_config = ConfigDict(frozen=True)

    title: str = Field(min_length=1, description="What it is about.")
    detail: str = Field(default="", description="What was seen.")
    severity: Literal["low", "medium", "high", "critical"] = Field(default="medium", description="How bad it is.")


class SuiteReport(BaseModel):
    """Everything that was observed of one tree."""

    model_config = ConfigDict(frozen=True)

    tree: str = Field(description="Tree sha that was tested.")
    sealed: SuiteRun = Field(description="The tests of the base, run from their sealed copy.")
    own: SuiteRun | None = Field(default=None, description="The branch's own tests, when it changed any.")
    base: SuiteRun = Field(description="The same suite on the base: the control.")
    verdicts: dict[str, FlakeVerdict] = Field(default_factory=dict, description="Judged failures by test.")
    quarantined: list[Quarantined] = Field(default_factory=list[Quarantined], description="Flaky tests set aside.")
    tampering: list[Tampering] = Field(default_factory=list[Tampering], description="How the branch changed tests.")
    concerns: list[Concern] = Field(default_factory=list[Concern], description="Findings beside the suite.")
    coverage: float | None = Field(default=None, description="Share of changed lines executed; none: not measured.")
    environment: str = Field(default="", description="Where the suite ran.")

    @property
    def runs(self) -> list[SuiteRun]:
        """The runs that judge the change."""
        return [self.sealed, *([self.own] if self.own else [])]

    @property
    def failed(self) -> list[str]:
        """Red tests that are this change's fault."""
        excused = (FlakeVerdict.FLAKY, FlakeVerdict.PREEXISTING)
        red = [name for run in self.runs for name in run.named(*RED)]
        return sorted({name for name in red if self.verdicts.get(name) not in excused})

    @property
    def lost(self) -> list[str]:
        """Tests of the base that did not run, or were skipped, on the sealed copy.

        A test that could not be collected on the base may have another name now, so it is lost only when skipped.
        """
        ran = {"passed", *RED}
        gone = [name for name in self.base.named("passed", "failed") if self.sealed.status(name) not in ran]
        return gone + [name for name in self.base.named("error") if self.sealed.status(name) == "skipped"]

    @property
    def witnesses(self) -> list[str]:
        """Tests that were red on the base and are green now."""
        return [name for name in self.base.named(*RED) if self.sealed.status(name) == "passed"]

    @property
    def blocking(self) -> list[Tampering]:
        """Changes to tests that only a person lets pass."""
        return [one for one in self.tampering if one.blocks]

    @property
    def green(self) -> bool:
        """The greenlight: every run ended by itself and passed something, nothing is red or lost."""
        proven = all(not run.problem and run.named("passed") for run in self.runs)
        return proven and not self.failed and not self.lost

    def render(self) -> str:
        """Return the report as text for a fixer: what is red, and the evidence."""
        lines = [f"The suite is {'green' if self.green else 'red'}."]
        lines += [f"Run problem: {run.problem}\n{run.output}" for run in self.runs if run.problem]
        lines += [f"Ran on the base but not now: {name}" for name in self.lost]
        cases = {case.name: case for run in self.runs for case in run.cases if case.status in RED}
        lines += [f"Red: {name}\n{cases[name].detail}" for name in self.failed]
        lines += [f"Changed test {one.path} {one.name}: {one.change}: {one.why}\n{one.hunk}" for one in self.blocking]
        lines += [f"Concern ({one.severity}): {one.title}\n{one.detail}" for one in self.concerns]
        return "\n\n".join(lines)[:20_000]


def judge_excuse(verdict: FlakeVerdict, base: str, kind: str, known: bool) -> FlakeVerdict:
    """Return the verdict on a red test, seen with the kind of work.

    Args:
        verdict: what its reruns say.
        base: how it ended on the base.
        kind: kind of the work item.
        known: whether the policy lists it as failing.

    A test that is red on the base is what a bug's change must turn green, so for a bug nothing excuses it, unless
    the policy lists it.
    """
    excuses = (FlakeVerdict.PREEXISTING, FlakeVerdict.FLAKY)
    if verdict in excuses and base in RED and kind == "bug" and not known:
        return FlakeVerdict.CAUSED
    return verdict


def decide(report: SuiteReport, fixed: int, budget: int) -> Advance | Help | Ask | Fail:
    """Return what a report means after `fixed` turns of the fixer.

    Changes that make existing tests prove less are a person's to let pass; what else the report says holds as well.
    The first round tolerates no concern, as long as a fixer may act on it; later rounds tolerate low and medium ones.
    """
    if report.blocking:
        names = ", ".join(f"{one.path} {one.name}".strip() + f" ({one.change})" for one in report.blocking[:5])
        message = f"the branch changes existing tests so that they prove less: {names}"
        return Ask(AskReason.TAMPERING, message, _by_outcome(report, fixed, budget), Help("fixer", report.render()))
    return _by_outcome(report, fixed, budget)


def _by_outcome(report: SuiteReport, fixed: int, budget: int) -> Advance | Help | Fail:
    strict = fixed == 0 and budget > 0
    grave = [one for one in report.concerns if strict or one.severity in ("high", "critical")]
    if report.green and not grave:
        return Advance(f"{len(report.sealed.named('passed'))} tests passed")
    if fixed < budget:
        return Help("fixer", report.render())
    return Fail(FailureKind.TESTS_RED, f"the suite is red after {fixed} fixes: {_why(report)}", report.render()[:8_000])


def _why(report: SuiteReport) -> str:
    """The gravest thing that keeps a report from its greenlight, in a few words."""
    reasons = (
        ", ".join(report.failed[:5]),
        "; ".join(run.problem for run in report.runs if run.problem),
        ", ".join(f"{name} did not run" for name in report.lost[:5]),
        "" if report.green else "no test passed",
        ", ".join(f"concern {one.title!r}" for one in report.concerns[:5]),
    )
    return next(reason for reason in reasons if reason)
