"""The suite judges the change: the base's tests from their sealed copy, then the branch's own."""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path

from blocks.loading import load
from blocks.sandbox import Sandbox
from blocks.workspace import Workspace
from contracts.delivery import Outcome
from contracts.errors import Unavailable
from contracts.flake import FlakeVerdict, Quarantined, judge
from contracts.integrity.forgery import forgeries
from contracts.integrity.suite_files import is_test, is_test_configuration, shadows_test_tool
from contracts.integrity.tampering import Tampering, classify
from contracts.outputs import Concerns
from contracts.policy import SuitePolicy
from contracts.tester import RED, Concern, SuiteReport, SuiteRun, judge_excuse
from contracts.visit import Visit
from tasks._checkout import hand_over, open_checkout
from tasks._replay import journaled
from tasks._suite import run_suite
from tasks._turn import Session, build_turn

_MOST_RERUN = 10
"""More red tests than this are not flakes; each is taken as caused by the change."""


@journaled("tester")
def verify_change(visit: Visit) -> Outcome:
    """Run the suite on base, sealed copy and branch, judge each red test, and report what was observed."""
    session = Session(visit)
    workspace = open_checkout(visit)
    with tempfile.TemporaryDirectory(dir=workspace.home, prefix="suite-") as folder:
        bench = _Bench(visit, workspace, Path(folder))
        report = bench.report()
    report = report.model_copy(update={"concerns": _explore(session, workspace, report)})
    data = {**report.model_dump(mode="json"), "control_of": visit.position.base}
    return session.outcome(output=report.render(), data=data, tree=report.tree)


class _Bench:
    """The runs of the suite in one visit; each on an export of its own, so that none sees what another left."""

    def __init__(self, visit: Visit, workspace: Workspace, folder: Path) -> None:
        self.visit = visit
        self.suite: SuitePolicy = visit.opening.policy.suite
        self.sandbox = load(visit.opening.policy.sandbox, Sandbox)
        self.workspace = workspace
        self.folder = folder
        self.base, self.head = visit.position.base, visit.position.head
        self.changed = workspace.changed_paths(self.base, self.head)
        self.tampering = self._classify()
        self.seal = self._sealed_paths()

    def report(self) -> SuiteReport:
        """Run everything and put it together."""
        control = self._control()
        sealed, own = self._run(sealed=True), None
        if any(map(_tests_something, self.changed)):
            own = self._run(sealed=False)
            if not any(is_test(path) for path in self.workspace.paths(self.base)):
                self.seal, sealed, own = [], own, None
        verdicts = self._judge(sealed, own, control)
        return SuiteReport(
            tree=self.workspace.git.tree_of(self.head),
            sealed=sealed,
            own=own,
            base=control,
            verdicts=verdicts,
            quarantined=self._quarantine(verdicts),
            tampering=self.tampering,
            environment=type(self.sandbox).__name__,
        )

    def _run(self, *, sealed: bool, test: str = "", commit: str = "") -> SuiteRun:
        with tempfile.TemporaryDirectory(dir=self.folder, prefix="tree-") as name:
            tree = Path(name) / "tree"
            self.workspace.export(commit or self.head, tree, sealed=self.seal if sealed else None, base=self.base)
            return run_suite(self.suite, self.sandbox, tree, test)

    def _control(self) -> SuiteRun:
        """The base's own run; it does not change within an attempt unless the base moves."""
        for earlier in self.visit.earlier:
            if earlier.get("control_of") == self.base:
                return SuiteRun.model_validate(earlier["base"])
        return self._run(sealed=False, commit=self.base)

    def _classify(self) -> list[Tampering]:
        before = {path: self.workspace.text(self.base, path) for path in self.changed}
        after = {path: self.workspace.text(self.head, path) for path in self.changed}
        return [*classify(before, after), *forgeries(before, after)]

    def _sealed_paths(self) -> list[str]:
        """The changed paths that the sealed copy takes from the base: every test, and all that was tampered with.

        A file that configures more than the tests, such as pyproject.toml, is the branch's unless it was neutered.
        """
        neutered = {one.path for one in self.tampering if one.blocks}
        only_tests = [path for path in self.changed if is_test(path) or _is_test_code(path)]
        return sorted({*only_tests, *(path for path in self.changed if path in neutered)})

    def _judge(self, sealed: SuiteRun, own: SuiteRun | None, control: SuiteRun) -> dict[str, FlakeVerdict]:
        """Judge each red test by a run of its own, and flaky ones by another run of the whole suite."""
        red = [(name, True) for name in sealed.named(*RED)]
        red += [(name, False) for name in (own.named(*RED) if own else [])]
        if len(red) > _MOST_RERUN or not self.suite.single:
            return {name: FlakeVerdict.CAUSED for name, _ in red}
        verdicts: dict[str, FlakeVerdict] = {}
        for name, seal in red:
            verdict = self._judge_one(name, seal, control)
            if verdicts.get(name) is not FlakeVerdict.CAUSED:
                verdicts[name] = verdict
        for seal in {seal for name, seal in red if verdicts[name] is FlakeVerdict.FLAKY}:
            again = self._run(sealed=seal).named(*RED)
            verdicts |= {name: FlakeVerdict.CAUSED for name in again if verdicts.get(name) is FlakeVerdict.FLAKY}
        return verdicts

    def _judge_one(self, name: str, sealed: bool, control: SuiteRun) -> FlakeVerdict:
        alone = self._run(sealed=sealed, test=name)
        verdict = judge("failed", alone.status(name), control.status(name))
        if verdict is FlakeVerdict.INFRASTRUCTURE:
            raise Unavailable(f"test {name!r} could not be run alone: {alone.problem}", detail=alone.output)
        known = any(fnmatchcase(name, pattern) for pattern in self.suite.known_failing)
        return judge_excuse(verdict, control.status(name), self.visit.opening.item.kind, known)

    def _quarantine(self, verdicts: dict[str, FlakeVerdict]) -> list[Quarantined]:
        until = datetime.now(UTC) + timedelta(days=self.suite.quarantine_days)
        reason = "failed in the suite, passed alone and in a second run of the suite on the same tree"
        flaky = [name for name, verdict in verdicts.items() if verdict is FlakeVerdict.FLAKY]
        return [Quarantined(test=name, until=until, reason=reason) for name in flaky]


def _tests_something(path: str) -> bool:
    return is_test(path) or is_test_configuration(path) or shadows_test_tool(path)


def _is_test_code(path: str) -> bool:
    """Configuration that is code, such as conftest.py, serves the tests alone."""
    return is_test_configuration(path) and path.endswith((".py", ".pth"))


def _explore(session: Session, workspace: Workspace, report: SuiteReport) -> list[Concern]:
    """What a tester agent saw beside the suite, when the policy names one for the kind; it replaces nothing."""
    visit = session.visit
    if visit.step.kind not in visit.opening.policy.agents:
        return []
    place = hand_over(visit, workspace, writable=False, finished=session.stays(workspace, writable=False))
    turn = build_turn(visit, place, workspace.diff(visit.position.base, visit.position.head))
    turn = turn.model_copy(update={"prompt": f"{turn.prompt}\n\n{report.render()}"})
    return session.ask_for(turn, Concerns.model_validate)[0].concerns
