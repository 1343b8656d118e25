"""How the executable is started, configured and refused; which ruff it takes and what that ruff obeys."""

from __future__ import annotations

import json
import os
import shutil
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agents.ruff_agent.checkout import Checkout
from contracts.integrity.suite_files import is_test, is_test_configuration
from tests.integration.ruff_agent.site import AGENT, DEBTS, PAID, Site

Make = Callable[[dict[str, str]], Site]
RUFF = Path(sys.executable).with_name("ruff")
OLD = 'from typing import List, Optional\n\n\ndef f(a: List[int]) -> Optional[int]:\n    return "%s" % a\n'


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """A Python without ruff and without this project."""
    venv.create(tmp_path / "bare", symlinks=True)
    return tmp_path / "bare" / "bin" / "python"


def test_runs_as_a_module_and_from_a_copy_that_lies_alone(site: Site, tmp_path: Path) -> None:
    copy = shutil.copytree(AGENT, tmp_path / "elsewhere" / "ruff_agent")
    site.environment = {"PYTHONPATH": str(AGENT.parents[1])}
    for program in ([sys.executable, "-m", "agents.ruff_agent"], [sys.executable, "-I", str(copy)]):
        site.program = tuple(program)
        assert site.take("analysis").text.startswith("ruff findings: 4 in 1 of 1 files")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"kind": "architect"}, "kind 'architect' is not served; let another agent do it"),
        ({"workspace": None}, "has no workspace"),
        ({"protocol": 2}, "the turn has protocol 2; this agent speaks 1"),
        ({"options": {"max_lines": 0}}, "max_lines is 0; give a whole number from 1 on"),
        ({"options": {"max_lines": "9"}}, "max_lines is '9'"),
        ({"options": {"select": []}}, "select names no rule"),
        ({"options": {"exclude": [1]}}, "exclude is [1]; give a list of texts"),
    ],
)
def test_a_turn_that_cannot_be_served_ends_with_code_2(site: Site, fields: dict[str, Any], said: str) -> None:
    ended = site.start(json.dumps({**site.turn("coder"), **fields}))
    assert (ended.code, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert site.status() == []


@pytest.mark.parametrize("document", ["", "[]", "{}", "{"])
def test_what_is_no_turn_ends_with_code_2(site: Site, document: str) -> None:
    ended = site.start(document)
    assert (ended.code, ended.stdout) == (2, "")
    assert "standard input holds no" in ended.stderr


def test_a_base_that_is_not_there_ends_with_code_1(site: Site) -> None:
    site.base = "0" * 40
    ended = site.take("reviewer")
    assert ended.code == 1
    assert "git 'diff' ended with code 128" in ended.stderr


def test_a_rule_that_ruff_does_not_know_ends_with_code_1(site: Site) -> None:
    ended = site.take("coder", "--select=NOPE")
    assert ended.code == 1
    assert "NOPE" in ended.stderr


def test_without_ruff_it_ends_with_code_3(site: Site, bare: Path, tmp_path: Path) -> None:
    site.program, site.environment = (str(bare), str(AGENT)), {"PATH": str(tmp_path)}
    ended = site.take("coder")
    assert ended.code == 3
    assert "ruff is neither a module of" in ended.stderr


def test_the_ruff_on_path_serves_a_python_without_one(site: Site, bare: Path, tmp_path: Path) -> None:
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ruff").symlink_to(RUFF)
    site.program = (str(bare), str(AGENT))
    site.environment = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    site.take("coder")
    assert site.read("shop/area.py") == PAID


def test_a_fix_that_leaves_no_python_is_taken_back(make: Make, bare: Path, tmp_path: Path) -> None:
    site = make({"a.py": DEBTS, "b.py": DEBTS})
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "ruff").write_text(
        f'#!/bin/sh\n{RUFF} "$@"\ncode=$?\ncase "$*" in *--fix-only*a.py*) echo "def (:" >> a.py;; esac\nexit $code\n'
    )
    (tmp_path / "bin" / "ruff").chmod(0o755)
    site.program = (str(bare), str(AGENT))
    site.environment = {"PATH": f"{tmp_path / 'bin'}:{os.environ['PATH']}"}
    text = site.take("coder").text
    assert (site.read("a.py"), site.read("b.py")) == (DEBTS, PAID)
    assert "Taken back: the fix of a.py, because Python could not read the file after it." in text


def test_code_of_the_checkout_is_not_run(make: Make) -> None:
    trap = "import pathlib\npathlib.Path('trapped').touch()\n"
    names = ("ruff.py", "sysconfig.py", "json.py", "ruff/__main__.py", "sitecustomize.py", "turn.py")
    site = make({"a.py": DEBTS, **dict.fromkeys(names, trap)})
    site.take("coder")
    assert site.read("a.py") == PAID
    assert not (site.root / "trapped").exists()


def test_options_of_the_turn_outweigh_the_flags(make: Make) -> None:
    site = make({"a.py": DEBTS, "b.py": DEBTS, "sub/c.py": DEBTS})
    options = {"select": "F401", "exclude": ["sub"], "max_lines": 2}
    text = site.take("coder", "--select=UP", "--exclude=b.*", "--max-lines=1", options=options).text
    assert text.startswith("ruff findings: 1 before, 0 after; fixed: F401 ×1 (1 changed lines in 1 files).")
    assert site.status() == ["M a.py"]


def test_a_configuration_of_the_repository_holds(make: Make) -> None:
    own = 'lint.ignore = ["RET505"]\nextend-exclude = ["b.py"]\n[lint.per-file-ignores]\n"c.py" = ["F401"]\n'
    site = make({"a.py": DEBTS, "b.py": DEBTS, "c.py": DEBTS, "ruff.toml": own})
    site.take("coder")
    kept = PAID.replace("    return sys", "    else:\n        return sys")
    assert (site.read("a.py"), site.read("b.py"), site.read("c.py")) == (kept, DEBTS, f"import os\n{kept}")


def test_a_configuration_outside_the_repository_does_not_hold(site: Site) -> None:
    (site.root.parent / "ruff.toml").write_text('lint.per-file-ignores = { "*" = ["ALL"] }\n')
    assert site.take("analysis").text.startswith("ruff findings: 4 in 1")


@pytest.mark.parametrize(
    ("declared", "rules"),
    [
        ({"pyproject.toml": '[project]\nrequires-python = ">=3.10"\n'}, ["UP006", "UP031", "UP035", "UP045"]),
        ({"setup.cfg": "[options]\npython_requires = >=3.7\n"}, ["UP031"]),
        ({"setup.py": "setup(python_requires='>=2.7, !=3.0.*, !=3.1.*')\n"}, list[str]()),
        ({"setup.py": "setup(classifiers=['Programming Language :: Python :: 2.7'])\n"}, list[str]()),
        ({}, ["UP006", "UP031", "UP035", "UP045"]),
    ],
    ids=str,
)
def test_rules_suit_the_oldest_python_that_is_declared(make: Make, declared: dict[str, str], rules: list[str]) -> None:
    text = make({"a.py": OLD, **declared}).take("analysis", "--select=UP").text
    assert {line.partition(" ")[0] for line in text.splitlines() if line.startswith("UP")} == {*rules}


@pytest.mark.parametrize(
    "path",
    [
        *("tests/a.py", "pkg/Test/a.py", "testing/a.py", "testdata/a.py", "test_a.py", "a_test.py", "tests.py"),
        *("test.py", "conftest.py", "pkg/conftest.py", "noxfile.py", "setup.py", "sitecustomize.py", "SETUP.py"),
        *("a.egg-info/a.py", "sitecustomize/__init__.py", "__mocks__/a.py", "src/pkg/tests/unit/a.py"),
    ],
)
def test_what_the_project_calls_a_test_is_never_changed(path: str) -> None:
    assert is_test(path) or is_test_configuration(path)
    assert not Checkout(Path(), "").may_change(path)


@pytest.mark.parametrize("path", ["a.py", "src/pkg/attest.py", "pkg/contest.py", "latest/a.py", "pkg/testimony.py"])
def test_sources_may_be_changed(path: str) -> None:
    assert Checkout(Path(), "").may_change(path)
