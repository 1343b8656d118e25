"""One run of a repository's suite on an exported tree, read from the JUnit XML that it writes."""

from __future__ import annotations

import re
import tempfile
import xml.etree.ElementTree as ET
from itertools import islice
from pathlib import Path
from typing import Any

from junitparser import Error, Failure, Skipped, TestCase

from blocks.sandbox import Command, CommandResult, Ending, Sandbox
from contracts.agent import Limits
from contracts.policy import SuitePolicy
from contracts.redaction import redact
from contracts.tester import Case, Status, SuiteRun

_MOST_TEXT = 4_000
_MOST_RESULTS = 50_000_000
_MOST_CASES = 200_000
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def run_suite(suite: SuitePolicy, sandbox: Sandbox, tree: Path, test: str = "") -> SuiteRun:
    """Run the suite, or one test of it, in a folder that holds exactly one tree.

    Args:
        suite: the policy's commands.
        sandbox: where they run.
        tree: the exported tree; the suite may write to it.
        test: name of one test; empty: the whole suite.
    """
    with tempfile.TemporaryDirectory(dir=tree.parent, prefix="results-", ignore_cleanup_errors=True) as folder:
        results = Path(folder)
        if suite.setup:
            prepared = _command(suite, sandbox, tree, results, suite.setup)
            if not prepared.succeeded:
                return SuiteRun(problem="the set-up command failed", output=_tail(prepared), seconds=prepared.seconds)
        values = {"junit": str(results / "junit.xml"), "test": _word(test)}
        argv = [_fill(part, values) for part in (suite.single if test else suite.command)]
        return _read(_command(suite, sandbox, tree, results, argv), results / "junit.xml")


def _fill(part: str, values: dict[str, str]) -> str:
    for name, value in values.items():
        part = part.replace("{" + name + "}", value)
    return part


def _word(test: str) -> str:
    """The test's own name, reduced to a word: the rest could be an option or an expression."""
    found = _WORD.search(test.rpartition("::")[2])
    return found.group() if found else ""


def _command(suite: SuitePolicy, sandbox: Sandbox, tree: Path, results: Path, argv: list[str]) -> CommandResult:
    limits = Limits(wall_seconds=suite.seconds, quiet_seconds=suite.seconds)
    return sandbox.run(Command(argv=argv, directory=tree, writable=[tree, results], limits=limits))


def _tail(result: CommandResult) -> str:
    return redact(f"{result.stdout}\n{result.stderr}".strip()[-_MOST_TEXT:])


def _read(result: CommandResult, junit: Path) -> SuiteRun:
    cases, problem = _cases(junit)
    if result.ending is not Ending.EXITED:
        problem = f"the suite was ended by force: {result.ending.value.replace('_', ' ')}"
    elif not problem and not cases:
        problem = f"the suite ran no test (exit code {result.code})"
    elif not problem and result.code and not any(case.status in ("failed", "error") for case in cases):
        problem = f"the suite ended with code {result.code} though no test is red"
    return SuiteRun(cases=cases, problem=problem, output=_tail(result), seconds=result.seconds)


def _cases(junit: Path) -> tuple[list[Case], str]:
    try:
        if not junit.is_file() or junit.is_symlink():
            return [], "the suite wrote no results"
        if junit.stat().st_size > _MOST_RESULTS:
            return [], "the suite's results are larger than 50 MB"
        root = ET.parse(junit).getroot()  # noqa: S314 - expat refuses entities that grow, and fetches none
    except (OSError, ET.ParseError, LookupError, ValueError) as error:
        return [], f"the suite's results cannot be read: {error}"
    if root.tag not in ("testsuites", "testsuite"):
        return [], f"the suite's results cannot be read: {root.tag!r} is no element of JUnit XML"
    found = list(islice(root.iter("testcase"), _MOST_CASES + 1))
    if len(found) > _MOST_CASES:
        return [], f"the suite's results name more than {_MOST_CASES} tests"
    return _worst([_case(TestCase.fromelem(element)) for element in found]), ""  # pyright: ignore[reportUnknownMemberType] - the library is half typed


def _case(case: Any) -> Case:
    status: Status = "passed"
    detail = ""
    for result in case.result:
        if isinstance(result, Skipped):
            status = "skipped"
        elif isinstance(result, Failure | Error):
            status = "error" if isinstance(result, Error) else "failed"
            parts: list[Any] = [result.message, result.text]  # pyright: ignore[reportUnknownMemberType] - likewise
            detail = "\n".join(str(part) for part in parts if part).strip()
            break
    name = f"{case.classname}::{case.name}" if case.classname else str(case.name)
    return Case(name=name, status=status, detail=redact(detail[-_MOST_TEXT:]))


def _worst(cases: list[Case]) -> list[Case]:
    """One entry a name: a test that reported twice is as bad as its worse report."""
    rank = {"passed": 0, "skipped": 1, "failed": 2, "error": 3}
    worst: dict[str, Case] = {}
    for case in cases:
        if case.name not in worst or rank[case.status] > rank[worst[case.name].status]:
            worst[case.name] = case
    return list(worst.values())
