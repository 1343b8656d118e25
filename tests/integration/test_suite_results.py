"""Results that a suite forged, broke or left in odd places are a problem of the run, never a pass or a crash."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from blocks.local_sandbox import LocalSandbox
from contracts.policy import SuitePolicy
from contracts.tester import SuiteRun
from tasks._suite import run_suite

Leave = Callable[..., SuiteRun]
PASSES = '<testcase classname="a" name="one"/>'
FAILS = '<testcase classname="a" name="two"><failure message="no">more</failure></testcase>'
HEAD = "import os, sys\nfrom pathlib import Path\njunit = Path(sys.argv[1])\n"


@pytest.fixture
def leave(tmp_path: Path) -> Leave:
    """Run a suite that is only a script, which finds the path of its results in `junit`."""
    tree = tmp_path / "export" / "tree"
    tree.mkdir(parents=True)

    def start(script: str, isolation: str = "bubblewrap") -> SuiteRun:
        (tree / "suite.py").write_text(f"{HEAD}{script}\n")
        policy = SuitePolicy(command=[sys.executable, "suite.py", "{junit}"])
        return run_suite(policy, LocalSandbox.model_validate({"isolation": isolation}), tree)

    return start


def written(content: str, code: int = 0) -> str:
    return f"junit.write_bytes({content.encode()!r})\nsys.exit({code})"


def statuses(ended: SuiteRun) -> dict[str, str]:
    return {case.name: case.status for case in ended.cases}


def test_a_pass_with_another_exit_code_and_a_failure_with_code_0_are_red(leave: Leave) -> None:
    ended = leave(written(f"<testsuite>{PASSES}</testsuite>", 1))
    assert ended.problem == "the suite ended with code 1 though no test is red"
    ended = leave(written(f"<testsuite>{PASSES}{FAILS}</testsuite>"))
    assert statuses(ended) == {"a::one": "passed", "a::two": "failed"}
    assert ended.cases[1].detail == "no\nmore"


def test_numbers_that_the_suite_claims_are_of_no_account(leave: Leave) -> None:
    claim = f'<testsuites tests="900" failures="0" errors="0"><testsuite tests="9">{FAILS}</testsuite></testsuites>'
    assert statuses(leave(written(claim))) == {"a::two": "failed"}
    assert leave(written('<testsuites tests="900"/>')).problem == "the suite ran no test (exit code 0)"


@pytest.mark.parametrize("first", ["passed", "skipped", "failed", "error"])
def test_a_name_that_reports_twice_is_as_bad_as_its_worse_report(leave: Leave, first: str) -> None:
    inner = {"passed": "", "skipped": "<skipped/>", "failed": "<failure/>", "error": "<error/>"}
    cases = [f'<testcase classname="a" name="one">{inner[how]}</testcase>' for how in (first, "passed", "failed")]
    ended = leave(written(f"<testsuite>{''.join(cases)}</testsuite>", 1))
    assert statuses(ended) == {"a::one": "error" if first == "error" else "failed"}


def test_a_case_with_several_results_is_red_when_one_of_them_is(leave: Leave) -> None:
    for inner in ("<skipped/><failure/>", "<failure/><skipped/>", "<system-out>x</system-out><failure/>"):
        ended = leave(written(f'<testsuite><testcase classname="a" name="one">{inner}</testcase></testsuite>', 1))
        assert statuses(ended) == {"a::one": "failed"}


def test_tests_are_found_at_every_depth(leave: Leave) -> None:
    deep = "<testsuite>" * 5_000 + FAILS + "</testsuite>" * 5_000
    ended = leave(written(f"<testsuites>{PASSES}{deep}</testsuites>", 1))
    assert statuses(ended) == {"a::one": "passed", "a::two": "failed"}


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        f"<testsuite>{PASSES}",
        f"<testsuite>{PASSES}</testsuite>\0",
        f"<html>{PASSES}</html>",
        f'<x:testsuite xmlns:x="y">{PASSES}</x:testsuite>',
        f'<?xml version="1.0" encoding="no-such"?><testsuite>{PASSES}</testsuite>',
        f'<?xml version="1.0" encoding="shift_jis"?><testsuite>{PASSES}</testsuite>',
        f'<?xml version="1.0" encoding="rot13"?><testsuite>{PASSES}</testsuite>',
        '<testsuite><testcase name="&#xD800;"/></testsuite>',
        '<!DOCTYPE x [<!ENTITY y SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&y;"/></testsuite>',
    ],
)
def test_broken_results_are_a_problem(leave: Leave, content: str) -> None:
    ended = leave(written(content))
    assert ended.problem.startswith("the suite's results cannot be read: ")
    assert ended.cases == []


def test_entities_that_grow_are_a_problem_and_not_a_full_memory(leave: Leave) -> None:
    grown = "".join(f'<!ENTITY x{at + 1} "{f"&x{at};" * 10}">' for at in range(12))
    content = f'<!DOCTYPE a [<!ENTITY x0 "aaaaaaaaaa">{grown}]><testsuite><testcase name="&x12;"/></testsuite>'
    assert "cannot be read: limit on input amplification" in leave(written(content)).problem


def test_results_that_are_too_large_are_not_read(leave: Leave) -> None:
    large = f"junit.write_text('<testsuite>{PASSES}' + ' ' * 50_000_001 + '</testsuite>')"
    assert leave(large).problem == "the suite's results are larger than 50 MB"
    many = "junit.write_text('<testsuite>' + '<testcase name=\"x\"/>' * 200_001 + '</testsuite>')"
    assert leave(many).problem == "the suite's results name more than 200000 tests"


@pytest.mark.parametrize("isolation", ["bubblewrap", "process"])
@pytest.mark.parametrize(
    "script",
    [
        "junit.symlink_to(Path('forged.xml').absolute())",
        "junit.symlink_to('/dev/zero')",
        "junit.symlink_to(junit)",
        "junit.mkdir()",
        "os.mkfifo(junit)",
        "pass",
    ],
)
def test_results_that_are_no_file_are_none(leave: Leave, script: str, isolation: str) -> None:
    forged = f"Path('forged.xml').write_text('<testsuite>{PASSES}</testsuite>')\n"
    ended = leave(forged + script, isolation)
    assert ended.problem == "the suite wrote no results"
    assert ended.cases == []


def test_a_results_folder_that_was_replaced_stops_nothing(leave: Leave, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").write_text("k")
    ended = leave(f"os.rmdir(junit.parent)\nos.symlink({str(kept)!r}, junit.parent)", "process")
    assert ended.problem == "the suite wrote no results"
    assert (kept / "file").read_text() == "k"


def test_results_that_lie_ready_before_the_suite_are_not_the_suites(leave: Leave, tmp_path: Path) -> None:
    (tmp_path / "export/tree/junit.xml").write_text(f"<testsuite>{PASSES}</testsuite>")
    assert leave("pass").problem == "the suite wrote no results"
