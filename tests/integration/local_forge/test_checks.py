"""Checks of a local forge: once a commit, in a clean clone, in a real sandbox."""

from __future__ import annotations

import pytest

from blocks.local_forge import LocalForge
from contracts.errors import Unavailable
from tests.integration.local_forge.site import (
    Site,
    go,
    read_line,
    script,
    with_checks,
)


def test_no_checks_are_configured(site: Site) -> None:
    assert site.forge.checks("shop", site.tip()) == []


def test_checks_run_once_for_a_commit_in_a_clean_clone_of_it(site: Site) -> None:
    sha = site.change({"b.txt": "the change\n"})
    site.advance({"c.txt": "1\n"})
    unique = ["sh", "-c", "cat b.txt; ls; cat /proc/sys/kernel/random/uuid; git rev-parse HEAD; echo x > a.txt"]
    red = ["sh", "-c", "git status --porcelain; cat /proc/sys/kernel/random/uuid; echo bad >&2; exit 3"]
    forge = with_checks(site, unit=unique, lint=red)
    lint, unit = forge.checks("shop", sha)
    assert (lint.name, lint.status, lint.conclusion) == ("lint", "completed", "failure")
    assert lint.summary.endswith("bad\n")
    assert "a.txt" not in lint.summary
    assert (unit.name, unit.status, unit.conclusion) == ("unit", "completed", "success")
    assert unit.summary.startswith("the change\n")
    assert sha in unit.summary
    assert "c.txt" not in unit.summary
    assert with_checks(site, unit=unique, lint=red).checks("shop", sha) == [lint, unit]
    assert forge.checks("shop", site.tip())[1].conclusion == "success"
    assert forge.checks("shop", site.tip())[1].summary != unit.summary


def test_a_check_with_another_command_is_another_check(site: Site) -> None:
    assert with_checks(site, unit=["false"]).checks("shop", site.tip())[0].conclusion == "failure"
    assert with_checks(site, unit=["true"]).checks("shop", site.tip())[0].conclusion == "success"


def test_a_check_that_takes_too_long_is_timed_out(site: Site) -> None:
    (check,) = with_checks(site, seconds=0.5, slow=["sh", "-c", "echo begun; exec sleep 600"]).checks(
        "shop", site.tip()
    )
    assert (check.status, check.conclusion) == ("completed", "timed_out")


def test_the_summary_is_the_end_of_the_output(site: Site) -> None:
    (check,) = with_checks(site, long=["sh", "-c", "seq 1 100000; echo end; exit 1"]).checks("shop", site.tip())
    assert len(check.summary) == 4_000
    assert check.summary.endswith("100000\nend\n")


def test_a_commit_that_is_not_there_cannot_be_checked(site: Site) -> None:
    for commit_name in ("0" * 39 + "1", "../../x"):
        with pytest.raises(Unavailable, match="push it first"):
            with_checks(site, unit=["true"]).checks("shop", commit_name)


HELD_CHECK = """
from blocks.local_sandbox import LocalSandbox
class Held(LocalSandbox):
    def run(self, command, on_line=None):
        print('running', flush=True); sys.stdin.readline()
        return super().run(command, on_line)
forge = forge.model_copy(update={'check_commands': {'unit': ['true']}, 'sandbox': Held()})
print(forge.checks('shop', sys.argv[1] if sys.argv[1:] else SHA)[0].conclusion, flush=True)
"""


def test_a_check_is_in_progress_elsewhere_and_runs_again_after_a_crash(site: Site) -> None:
    forge = with_checks(site, unit=["true"])
    with script(site, f"SHA = {site.tip()!r}\n{HELD_CHECK}") as other:
        assert read_line(other) == "ready"
        go(other)
        assert read_line(other) == "running"
        assert [check.status for check in forge.checks("shop", site.tip())] == ["in_progress"]
        other.kill()
        other.wait()
    assert [check.conclusion for check in forge.checks("shop", site.tip())] == ["success"]


def test_another_process_uses_the_recorded_result(site: Site) -> None:
    with script(site, f"SHA = {site.tip()!r}\n{HELD_CHECK}") as other:
        go(other)
        assert [read_line(other), read_line(other)] == ["ready", "running"]
        go(other)
        assert read_line(other) == "success"
        assert other.wait() == 0
    never = LocalForge(root=site.forge.root, check_commands={"unit": ["true"]}, check_seconds=0.001)
    assert [check.conclusion for check in never.checks("shop", site.tip())] == ["success"]
