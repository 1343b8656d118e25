"""The grader, the assessor and the fixer: what they say of a change, and what they take back."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from contracts.companion import Round, decide, read_verdict
from contracts.merger import Ceilings, read_assessment
from contracts.rules import Advance, Rework
from tests.integration.ruff_agent.site import DEBTS, PAID, Ended, Site, revision

Make = Callable[[dict[str, str]], Site]


def remarks(ended: Ended) -> list[tuple[str, str]]:
    verdict = read_verdict(ended.structured)
    return [(comment.severity, comment.file) for comment in verdict.comments]


def test_fewer_findings_and_nothing_worse_is_the_best_rating(site: Site) -> None:
    site.take("coder")
    ended = site.take("reviewer")
    assert ended.structured == {
        "rating": 1.0,
        "summary": "ruff findings in 1 changed files: 4 before, 0 after; "
        "removed: E714 ×1, F401 ×1, UP032 ×1, RET505 ×1.",
        "comments": [],
    }
    assert isinstance(decide([Round(verdict=read_verdict(ended.structured))], 3, 0.8, "coder"), Advance)


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"shop/area.py": DEBTS + "import re\n"}, [("blocker", "shop/area.py")]),
        ({"shop/area.py": PAID + "def broken(:\n"}, [("blocker", "shop/area.py")]),
        ({"shop/area.py": PAID + "def broken():\n    return\n  x = 1\n"}, [("blocker", "shop/area.py")]),
        ({"shop/area.py": None}, [("blocker", "shop/area.py")]),
        ({"shop/new.py": "import os\n"}, [("blocker", "shop/new.py")]),
        ({"shop/area.py": PAID, "tests/test_area.py": PAID}, [("major", "tests/test_area.py")]),
        ({"shop/area.py": PAID, "README.md": "hello\n"}, [("major", "README.md")]),
        ({"shop/area.py": PAID, "shop/_vendor/area.py": PAID}, [("major", "shop/_vendor/area.py")]),
        ({"shop/area.py": f"import re\n{PAID}"}, []),
        ({"shop/area.py": PAID + "import re\n\nx = 'a'.encode('utf-8')\n"}, [("minor", "shop/area.py")]),
        ({"shop/area.py": f"# a remark\n{DEBTS}"}, [("major", "")]),
    ],
    ids=str,
)
def test_what_is_wrong_with_a_change_is_remarked(
    site: Site, files: dict[str, str | None], expected: list[tuple[str, str]]
) -> None:
    site.change(files)
    ended = site.take("reviewer")
    assert remarks(ended) == expected
    if expected and expected[0][0] != "minor":
        rule = decide([Round(verdict=read_verdict(ended.structured))], 3, 0.8, "coder")
        assert isinstance(rule, Rework)


def test_the_claim_that_nothing_needs_to_change_is_held_against_the_findings(site: Site, make: Make) -> None:
    assert remarks(site.take("reviewer")) == [("major", "shop/area.py")]
    site.change({"shop/area.py": "def f(x):\n    return x == None\n"})
    site.base = site.git("rev-parse", "HEAD")
    ended = site.take("reviewer")
    assert ended.structured["rating"] == 1.0
    assert ended.text == "Nothing was changed; 0 of 1 ruff findings may be fixed safely."


def test_a_repair_is_assessed_below_the_ceilings_with_its_reasons(make: Make) -> None:
    site = make({f"shop/m{number}.py": DEBTS if number < 5 else PAID for number in range(20)})
    site.take("coder")
    found = read_assessment(site.take("merger").structured)
    assert found is not None
    most = Ceilings()
    assert 0 < found.complexity <= most.complexity
    assert 0 < found.risk <= most.risk
    assert 0 < found.impact <= most.impact
    assert found.rationale.startswith("Only safe fixes of ruff: E714 ×5, F401 ×5, UP032 ×5, RET505 ×5. 40 changed")
    assert "25% of the source files" in found.rationale


@pytest.mark.parametrize(
    "files",
    [
        {"shop/area.py": PAID, "README.md": "hello\n"},
        {"shop/area.py": PAID, "shop/new.py": "x = 1\n"},
        {"shop/area.py": None},
        {},
    ],
    ids=str,
)
def test_what_ruff_cannot_explain_is_rated_highest(site: Site, files: dict[str, str | None]) -> None:
    site.change(files)
    found = read_assessment(site.take("merger").structured)
    assert found is not None
    assert (found.complexity, found.risk, found.impact) == (1.0, 1.0, 1.0)
    assert found.rationale


@pytest.mark.parametrize("kind", ["fixer", "ci-fixer"])
def test_the_file_that_a_traceback_names_is_taken_back(make: Make, kind: str) -> None:
    site = make({"shop/area.py": DEBTS, "area.py": DEBTS, "shop/price.py": DEBTS})
    site.take("coder")
    site.change({})
    report = (
        "Red: tests.test_area::test_area\n"
        'Traceback:\n  File "/somewhere/suite-1/sealed/shop/area.py", line 3, in area\n'
        "tests/test_area.py:8: NameError\nelsewhere/overprice.py:1: in f"
    )
    ended = site.take(kind, revision=revision(report))
    assert (site.read("shop/area.py"), site.read("area.py"), site.read("shop/price.py")) == (DEBTS, PAID, PAID)
    assert ended.text == "ruff findings: 0 before, 4 after; taken back: shop/area.py (the failing report names it)."


def test_without_a_name_the_file_that_lost_most_is_taken_back(make: Make) -> None:
    twice = "import os\nimport re\n\n\ndef f(a):\n    return a\n"
    site = make({"a.py": DEBTS, "b.py": twice})
    site.take("coder")
    site.change({})
    site.take("fixer", revision=revision("Red: tests.test_area::test_area\nassert 1 == 2"))
    assert (site.read("a.py"), site.read("b.py")) == (PAID, twice)


def test_a_fixer_never_touches_tests(site: Site) -> None:
    site.change({"tests/test_area.py": PAID, "conftest.py": PAID})
    reply = site.take("fixer", revision=revision("tests/test_area.py:3: AssertionError\nconftest.py:1: error")).reply
    assert "no source file differs from the base" in reply["no_change_needed"]
    assert site.status() == []
    assert site.read("tests/test_area.py") == PAID
