"""One run of a suite: a real pytest in a sandbox, and what is made of the results that it leaves."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from blocks.local_sandbox import LocalSandbox
from contracts.policy import SuitePolicy
from contracts.tester import SuiteRun
from deployments.bootstrap import python_folder
from tasks._suite import run_suite

Run = Callable[..., SuiteRun]
Write = Callable[[str], SuiteRun]
PASSES = '<testcase classname="test_a" name="test_one"/>'


@pytest.fixture
def sandbox() -> LocalSandbox:
    return LocalSandbox(isolation="bubblewrap", path=[python_folder()])


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    folder = tmp_path / "export" / "tree"
    folder.mkdir(parents=True)
    return folder


@pytest.fixture
def run(tree: Path, sandbox: LocalSandbox) -> Run:
    """Run the suite of some files, with the policy's usual commands unless others are given."""

    def start(files: dict[str, str], test: str = "", **policy: object) -> SuiteRun:
        for path, text in files.items():
            (tree / path).parent.mkdir(parents=True, exist_ok=True)
            (tree / path).write_text(text)
        ended = run_suite(SuitePolicy.model_validate(policy), sandbox, tree, test)
        assert [path.name for path in tree.parent.iterdir()] == ["tree"], "the results were not removed"
        return ended

    return start


@pytest.fixture
def leave(run: Run) -> Write:
    """Run a suite that is only a script; it writes its results to the path in `junit` and ends as it likes."""

    def start(script: str) -> SuiteRun:
        head = "import os, sys\nfrom pathlib import Path\njunit = Path(sys.argv[1])\n"
        return run({"suite.py": f"{head}{script}\n"}, command=[sys.executable, "suite.py", "{junit}"])

    return start


def statuses(ended: SuiteRun) -> dict[str, str]:
    return {case.name: case.status for case in ended.cases}


def test_every_ending_of_a_test_is_told(run: Run) -> None:
    ended = run(
        {
            "tests/test_a.py": "import pytest\n\n"
            "def test_passes(): pass\n\n"
            "def test_fails(): assert 1 == 2, 'so it goes'\n\n"
            "@pytest.mark.skip(reason='not now')\ndef test_skips(): pass\n\n"
            "@pytest.mark.xfail\ndef test_expected(): assert False\n\n"
            "@pytest.fixture\ndef broken(): raise RuntimeError('no fixture')\n\n"
            "def test_errs(broken): pass\n\n"
            "@pytest.mark.parametrize('value', ['a', 'b[c]', 'ü'])\ndef test_each(value): assert value != 'a'\n"
        }
    )
    assert statuses(ended) == {
        "tests.test_a::test_passes": "passed",
        "tests.test_a::test_fails": "failed",
        "tests.test_a::test_skips": "skipped",
        "tests.test_a::test_expected": "skipped",
        "tests.test_a::test_errs": "error",
        "tests.test_a::test_each[a]": "failed",
        "tests.test_a::test_each[b[c]]": "passed",
        "tests.test_a::test_each[\\xfc]": "passed",
    }
    assert ended.problem == ""
    details = {case.name: case.detail for case in ended.cases}
    assert "so it goes" in details["tests.test_a::test_fails"]
    assert "no fixture" in details["tests.test_a::test_errs"]
    assert "3 passed" in ended.output
    assert ended.seconds > 0


def test_a_green_suite_has_no_problem(run: Run) -> None:
    ended = run({"tests/test_a.py": "def test_one(): pass\n"})
    assert (statuses(ended), ended.problem) == ({"tests.test_a::test_one": "passed"}, "")


def test_a_test_that_fails_and_whose_clean_up_errs_is_as_bad_as_its_worse_report(run: Run) -> None:
    script = (
        "import pytest\n\n@pytest.fixture\ndef messy():\n    yield\n    raise RuntimeError('left behind')\n\n"
        "def test_one(messy): pass\n\ndef test_two(messy): assert False\n"
    )
    assert statuses(run({"test_a.py": script})) == {"test_a::test_one": "error", "test_a::test_two": "error"}


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        ({"shop.py": "x = 1\n"}, "the suite ran no test (exit code 5)"),
        ({"test_a.py": "import os\ndef test_one(): pass\ndef test_two(): os._exit(0)\n"}, "the suite wrote no results"),
        ({"test_a.py": "import os\ndef test_one(): os.abort()\n"}, "the suite wrote no results"),
        ({"conftest.py": "raise RuntimeError('no')\n", "test_a.py": "def test_one(): pass\n"}, "wrote no results"),
        ({"pyproject.toml": "[tool.pytest.ini_options]\naddopts = '--no-such'\n"}, "the suite wrote no results"),
    ],
)
def test_a_run_that_shows_nothing_is_a_problem(run: Run, files: dict[str, str], problem: str) -> None:
    ended = run(files)
    assert problem in ended.problem
    assert ended.cases == []


def test_a_module_that_cannot_be_collected_is_an_error_of_its_own(run: Run) -> None:
    ended = run({"test_a.py": "import nowhere\n", "test_b.py": "def test_one(): pass\n"})
    assert statuses(ended) == {"test_a": "error"}


def test_the_wall_clock_ends_the_suite_and_is_told(run: Run) -> None:
    script = "import time\n\ndef test_one():\n    print('begun', flush=True)\n    time.sleep(600)\n"
    ended = run({"test_a.py": script}, seconds=3)
    assert ended.problem == "the suite was ended by force: wall clock"
    assert ended.seconds < 30


def test_a_suite_that_writes_its_results_and_hangs_is_not_green(run: Run) -> None:
    head = "import sys, time\nfrom pathlib import Path\n"
    script = f"Path(sys.argv[1]).write_text('<testsuite>{PASSES}</testsuite>')\ntime.sleep(600)\n"
    ended = run({"suite.py": head + script}, command=[sys.executable, "suite.py", "{junit}"], seconds=2)
    assert ended.problem == "the suite was ended by force: wall clock"
    assert statuses(ended) == {"test_a::test_one": "passed"}


def test_a_set_up_command_that_fails_is_the_problem_and_the_suite_does_not_run(run: Run) -> None:
    setup = [sys.executable, "-c", "print('no package'); raise SystemExit(2)"]
    ended = run({"test_a.py": "def test_one(): open('ran', 'w')\n"}, setup=setup)
    assert (ended.problem, ended.cases) == ("the set-up command failed", [])
    assert "no package" in ended.output


def test_a_set_up_command_prepares_the_tree(run: Run, tree: Path) -> None:
    setup = [sys.executable, "-c", "open('made.py', 'w').write('x = 1')"]
    ended = run({"test_a.py": "import made\n\ndef test_one(): assert made.x\n"}, setup=setup)
    assert statuses(ended) == {"test_a::test_one": "passed"}


def test_one_test_runs_alone(run: Run) -> None:
    files = {"test_a.py": "def test_one(): pass\n\ndef test_two(): assert False\n"}
    assert statuses(run(files, "test_a::test_two")) == {"test_a::test_two": "failed"}
    assert statuses(run(files, "test_a.TestX::test_one[not test_one or x]")) == {"test_a::test_one": "passed"}
    assert run(files, "test_a::test_absent").problem == "the suite ran no test (exit code 5)"


def test_the_name_of_a_test_is_no_option_and_no_shell_line(run: Run, tree: Path) -> None:
    echo = [sys.executable, "-c", "import sys; print(sys.argv[1:])", "{test}", "{junit}"]
    for name, word in (
        ("a::--co", "co"),
        ("a::-k", "k"),
        ("a::$(touch x)", "touch"),
        ("a::{junit}", "junit"),
        ("a::test_x[{coverage}]", "test_x"),
        ("a::日本", ""),
    ):
        said = run({}, name, single=echo).output
        assert said.startswith(f"['{word}', '{tree.parent}/results-"), said


def test_what_the_suite_prints_is_redacted_and_cut(leave: Write) -> None:
    token = "ghp_" + "a1B2" * 9
    ended = leave(f"print('x' * 9_000); print('{token[:10]}' + '{token[10:]}')")
    assert len(ended.output) <= 4_000
    assert token not in ended.output
    assert ended.output.endswith("[redacted]")


def test_nothing_outside_tree_and_results_can_be_written(leave: Write, tree: Path) -> None:
    outside = tree.parent.parent / "outside"
    outside.mkdir()
    ended = leave(
        f"junit.write_text('<testsuite>{PASSES}</testsuite>')\nPath('inside').touch()\n"
        f"try: Path({str(outside / 'x')!r}).touch()\nexcept OSError as error: print(type(error).__name__)\n"
    )
    assert ended.problem == ""
    assert list(outside.iterdir()) == []
    assert (tree / "inside").exists()
