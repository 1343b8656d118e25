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
from contracts.outputs import Concerns
from contracts.policy import SuitePolicy
from contracts.suite_files import is_test, is_test_configuration, shadows_test_tool
from contracts.tampering import Tampering, classify
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
    """The exported trees of one visit, and the runs of the suite on them."""

    def __init__(self, visit: Visit, workspace: Workspace, folder: Path) -> None:
        self.visit = visit
        self.suite: SuitePolicy = visit.opening.policy.suite
        self.sandbox = load(visit.opening.policy.sandbox, Sandbox)
        self.workspace = workspace
        self.folder = folder
        self.base, self.head = visit.position.base, visit.position.head

    def report(self) -> SuiteReport:
        """Run everything and put it together."""
        tampering, touched = self._classify()
        control = self._control()
        sealed_tree = self._sealed(tampering)
        sealed = run_suite(self.suite, self.sandbox, sealed_tree)
        own_tree, own = sealed_tree, None
        if touched:
            own_tree = self._export(self.head, "own")
            own = run_suite(self.suite, self.sandbox, own_tree)
        if own is not None and not self._has_tests():
            sealed, own = own, None
        red = [(name, sealed_tree) for name in sealed.named(*RED)]
        red += [(name, own_tree) for name in (own.named(*RED) if own else []) if (name, sealed_tree) not in red]
        verdicts = self._judge(red, control)
        return SuiteReport(
            tree=self.workspace.git.tree_of(self.head),
            sealed=sealed,
            own=own,
            base=control,
            verdicts=verdicts,
            quarantined=self._quarantine(verdicts),
            tampering=tampering,
            environment=type(self.sandbox).__name__,
        )

    def _export(self, commit: str, name: str) -> Path:
        target = self.folder / name
        self.workspace.export(commit, target)
        return target

    def _control(self) -> SuiteRun:
        """The base's own run; it does not change within an attempt unless the base moves."""
        for earlier in self.visit.earlier:
            if earlier.get("control_of") == self.base:
                return SuiteRun.model_validate(earlier["base"])
        return run_suite(self.suite, self.sandbox, self._export(self.base, "base"))

    def _classify(self) -> tuple[list[Tampering], bool]:
        paths = [
            path
            for path in self.workspace.changed_paths(self.base, self.head)
            if is_test(path) or is_test_configuration(path) or shadows_test_tool(path)
        ]
        before = {path: self.workspace.text(self.base, path) for path in paths}
        after = {path: self.workspace.text(self.head, path) for path in paths}
        return classify(before, after), bool(paths)

    def _has_tests(self) -> bool:
        return any(is_test(path) for path in self.workspace.paths(self.base))

    def _sealed(self, tampering: list[Tampering]) -> Path:
        """The head's sources with exactly the base's tests; a test file of the branch never gets in."""
        tree = self._export(self.head, "sealed")
        neutered = {one.path for one in tampering if one.blocks}
        base_paths = set(self.workspace.paths(self.base))
        for path in self.workspace.changed_paths(self.base, self.head):
            mixed = is_test_configuration(path) and not is_test(path) and not path.endswith((".py", ".pth"))
            sealed = is_test(path) or (is_test_configuration(path) and not mixed) or path in neutered
            if not sealed:
                continue
            (tree / path).unlink(missing_ok=True)
            if path in base_paths:
                self.workspace.write(self.base, path, tree)
        return tree

    def _judge(self, red: list[tuple[str, Path]], control: SuiteRun) -> dict[str, FlakeVerdict]:
        if len(red) > _MOST_RERUN or not self.suite.single:
            return {name: FlakeVerdict.CAUSED for name, _ in red}
        verdicts: dict[str, FlakeVerdict] = {}
        for name, tree in red:
            alone = run_suite(self.suite, self.sandbox, tree, name)
            verdict = judge("failed", alone.status(name), control.status(name))
            if verdict is FlakeVerdict.INFRASTRUCTURE:
                raise Unavailable(f"test {name!r} could not be run alone: {alone.problem}", detail=alone.output)
            known = any(fnmatchcase(name, pattern) for pattern in self.suite.known_failing)
            verdicts[name] = judge_excuse(verdict, self.visit.opening.item.kind, known)
        return verdicts

    def _quarantine(self, verdicts: dict[str, FlakeVerdict]) -> list[Quarantined]:
        until = datetime.now(UTC) + timedelta(days=self.suite.quarantine_days)
        reason = "failed in the suite, passed alone on the same tree"
        flaky = [name for name, verdict in verdicts.items() if verdict is FlakeVerdict.FLAKY]
        return [Quarantined(test=name, until=until, reason=reason) for name in flaky]


def _explore(session: Session, workspace: Workspace, report: SuiteReport) -> list[Concern]:
    """What a tester agent saw beside the suite, when the policy names one for the kind; it replaces nothing."""
    visit = session.visit
    if visit.step.kind not in visit.opening.policy.agents:
        return []
    place = hand_over(visit, workspace, writable=False)
    turn = build_turn(visit, place, workspace.diff(visit.position.base, visit.position.head))
    turn = turn.model_copy(update={"prompt": f"{turn.prompt}\n\n{report.render()}"})
    return session.ask_for(turn, Concerns.model_validate)[0].concerns
