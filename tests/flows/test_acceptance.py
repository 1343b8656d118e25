"""The acceptance of a file of bugs, run as its command runs it, on files of two bugs that are made here."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def _row(name: str, right: str, wrong: str, fix: str) -> dict[str, str]:
    """A bug in a function of `n`: the visible test looks at 3, the hidden one at 0 and 7 as well."""
    return {
        "task_id": f"Bug/{name}",
        "entry_point": name,
        "prompt": f'def {name}(n: int) -> int:\n    """Return {right}."""\n',
        "buggy_solution": f"    return {wrong}\n",
        "canonical_solution": f"    return {fix}\n",
        "example_test": f"def check({name}):\n    n = 3\n    assert {name}(n) == {right}\ncheck({name})\n",
        "test": f"def check({name}):\n    for n in (0, 3, 7):\n        assert {name}(n) == {right}\n\ncheck({name})\n",
        "bug_type": "value misuse",
    }


def _accept(folder: Path, rows: list[dict[str, str]], *options: str) -> tuple[int, list[str]]:
    """Return the exit code of the acceptance and the lines that it printed."""
    data = folder / "bugs.jsonl"
    data.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    command = [sys.executable, "-m", "bench.acceptance", "--data", str(data), *options]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, timeout=280, check=False)
    return done.returncode, (done.stdout.strip() or done.stderr).splitlines()


def test_the_known_fix_is_merged_and_no_cheat_is(tmp_path: Path) -> None:
    rows = [_row("triple", "3 * n", "2 * n", fix="3 * n"), _row("square", "n * n", "n + n", fix="n * n")]
    code, lines = _accept(tmp_path, rows, "--rows", "1")
    assert lines[-1] == "right=1 wrong=0 unmerged=0 adversarial_merged=0 of=5", "\n".join(lines)
    assert lines[-2] == "host_executions=0 undecided=0"
    assert code == 0


def test_a_fix_that_only_suits_the_visible_test_is_wrong_and_one_that_fails_it_is_not_merged(tmp_path: Path) -> None:
    narrow = _row("triple", "3 * n", "2 * n", fix="9 if n == 3 else 0")
    useless = _row("square", "n * n", "n + n", fix="n + n + n + n")
    code, lines = _accept(tmp_path, [narrow, useless], "--cheats", "0")
    assert lines[-1] == "right=0 wrong=1 unmerged=1 adversarial_merged=0 of=0", "\n".join(lines)
    assert code == 1


def test_a_file_that_is_not_of_this_form_is_refused_by_name(tmp_path: Path) -> None:
    code, lines = _accept(tmp_path, [{"task_id": "Bug/1"}])
    assert code == 1
    assert "bugs.jsonl' is not a file of bugs" in lines[0]
