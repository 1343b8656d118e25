"""The survey and the repair: what is found, fixed, left alone and counted."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.integration.ruff_agent.site import DEBTS, PAID, Site, revision

Make = Callable[[dict[str, str]], Site]
LONG = "".join(
    f"def f{number}(a):\n    if a:\n        return 1\n    else:\n        return 2\n\n\n" for number in range(9)
)


def test_survey_lists_findings_by_worth_with_places_and_changes_nothing(site: Site) -> None:
    text = site.take("analysis").text
    assert text.startswith("ruff findings: 4 in 1 of 1 files; 4 are fixable safely.")
    rules = [line.partition(",")[0] for line in text.splitlines() if "×" in line]
    assert rules == ["E714 ×1", "F401 ×1", "UP032 ×1", "RET505 ×1"]
    assert "- shop/area.py:1: `os` imported but unused" in text
    assert site.status() == []


def test_repair_fixes_sources_and_counts_before_and_after(site: Site) -> None:
    ended = site.take("coder")
    assert site.read("shop/area.py") == PAID
    counts = "ruff findings: 4 before, 0 after; fixed: E714 ×1, F401 ×1, UP032 ×1, RET505 ×1"
    assert ended.text.startswith(f"{counts} (8 changed lines in 1 files).")
    assert ended.reply["commit_message"].startswith("Fix 4 ruff findings of 4 rules\n\n")
    assert ended.reply["no_change_needed"] == ""
    assert "shop/area.py fixed" in ended.stderr


def test_repair_touches_neither_tests_nor_their_configuration_nor_foreign_code(site: Site) -> None:
    site.take("coder")
    assert site.status() == ["M shop/area.py"]


def test_nothing_to_fix_is_said_with_its_reason(make: Make) -> None:
    site = make({"a.py": "def f(x):\n    return x == None\n"})
    reply = site.take("coder").reply
    assert reply["no_change_needed"] == "none of the 1 ruff findings (E711 ×1) may be fixed safely"
    assert site.status() == []


def test_repair_stays_within_its_lines_and_says_what_is_left(make: Make) -> None:
    site = make({f"m{number}.py": DEBTS for number in range(5)})
    text = site.take("coder", "--max-lines=20").text
    assert site.lines() == 16
    assert "ruff findings: 20 before, 12 after" in text
    assert "Left for a later run: 12 fixable findings beyond 20 changed lines." in text


def test_a_file_that_no_run_could_take_whole_is_fixed_rule_by_rule(make: Make) -> None:
    site = make({"a.py": f"import os\n\n\n{LONG}"})
    text = site.take("coder", "--max-lines=10").text
    assert "fixed: F401 ×1 (" in text
    assert 0 < site.lines() <= 10
    assert LONG in site.read("a.py")


def test_no_fix_within_the_lines_is_a_failure_not_a_claim_that_all_is_well(make: Make) -> None:
    site = make({"a.py": LONG})
    ended = site.take("coder", "--max-lines=2")
    assert ended.code == 1
    assert "no fix of 9 findings could be kept within 2 changed lines; raise max_lines" in ended.stderr
    assert site.read("a.py") == LONG


def test_lines_that_the_run_changed_before_count_as_well(make: Make) -> None:
    site = make({"a.py": DEBTS, "b.py": "x = 1\n"})
    site.change({"b.py": "".join(f"x{number} = 1\n" for number in range(18))})
    assert site.take("coder", "--max-lines=20").code == 1
    assert site.read("a.py") == DEBTS


@pytest.mark.parametrize(
    "user",
    [
        "from shop.area import os\n",
        "from .area import (\n    area,\n    os,\n)\n",
        "from shop.area import *\n",
        "from shop import area\n\nprint(area.os.name)\n",
        "import shop.area as place\n\nprint(place.os)\n",
        "def test(mocker):\n    mocker.patch('shop.area.os')\n",
        "from shop import area\n\n\ndef test(monkeypatch):\n    monkeypatch.setattr(area, 'os', None)\n",
        "from shop.area import os; print 'an older Python'\n",
    ],
)
def test_an_unused_import_that_another_file_takes_stays(make: Make, user: str) -> None:
    site = make({"shop/area.py": DEBTS, "tests/test_user.py": user})
    text = site.take("coder").text
    assert site.read("shop/area.py") == f"import os\n{PAID}"
    assert "Left alone: the unused imports of shop/area.py, because other files may take os from it." in text


def test_an_import_that_only_the_fix_makes_unused_stays_when_another_file_takes_it(make: Make) -> None:
    typed = "from typing import List\n\n\ndef f(a: List[int]) -> int:\n    return a[0]\n"
    site = make({"shop/area.py": typed, "shop/user.py": "from shop.area import List\n\nprint(List)\n", "b.py": DEBTS})
    text = site.take("coder").text
    assert (site.read("shop/area.py"), site.read("b.py")) == (typed, PAID)
    assert "Taken back: the fix of shop/area.py, because other files may take List from it." in text


def test_an_unused_import_that_only_another_module_offers_goes(make: Make) -> None:
    site = make({"shop/area.py": DEBTS, "shop/user.py": "from shop.place import os\n\nprint(os.name, 'area')\n"})
    site.take("coder")
    assert site.read("shop/area.py") == PAID


def test_a_file_for_another_python_is_left_alone(make: Make) -> None:
    later = "import os\n\ntype Name = str\n\ndef first[T](a: list[T]) -> T:\n    return a[0]\n"
    site = make({"later.py": later, "pyproject.toml": '[project]\nrequires-python = ">=3.13"\n'})
    ended = site.take("coder")
    assert ended.reply["no_change_needed"]
    assert "Left alone: later.py is no module for the Python that runs this agent." in ended.text
    assert site.read("later.py") == later


def test_a_link_is_not_written_through(make: Make) -> None:
    site = make({"a.py": PAID})
    outside = site.root.parent / "outside.py"
    outside.write_text(DEBTS)
    (site.root / "link.py").symlink_to(outside)
    site.change({})
    assert site.take("coder").reply["no_change_needed"]
    assert outside.read_text() == DEBTS


def test_bytes_that_are_no_text_and_paths_with_odd_signs_do_no_harm(make: Make) -> None:
    site = make({"größe maß.py": DEBTS, "-v.py": DEBTS, "tab\tbed.py": DEBTS})
    (site.root / "latin.py").write_bytes(b"import os\nname = '\xe9'\n")
    site.change({})
    site.take("coder")
    assert [site.read(name) for name in ("größe maß.py", "-v.py", "tab\tbed.py")] == [PAID] * 3
    assert (site.root / "latin.py").read_bytes() == b"import os\nname = '\xe9'\n"


def test_a_file_with_a_grave_remark_is_taken_back_and_the_others_stay(make: Make) -> None:
    site = make({"a.py": DEBTS, "b.py": DEBTS, "c.py": DEBTS})
    site.take("coder")
    site.change({})
    ended = site.take("coder", revision=revision("", ("blocker", "a.py"), ("minor", "b.py"), ("major", "gone.py")))
    assert (site.read("a.py"), site.read("b.py"), site.read("c.py")) == (DEBTS, PAID, PAID)
    assert ended.text == "ruff findings: 0 before, 4 after; taken back: a.py (the review objects to it)."
    assert ended.reply["commit_message"].startswith("Take back the change of a.py\n\n")


def test_a_file_that_the_change_added_goes_when_it_is_taken_back(make: Make) -> None:
    site = make({"a.py": PAID})
    site.change({"new.py": DEBTS})
    site.take("coder", revision=revision("", ("major", "new.py")))
    assert not (site.root / "new.py").exists()


def test_remarks_without_a_changed_file_change_nothing(site: Site) -> None:
    site.take("coder")
    reply = site.take("coder", revision=revision("make it nicer", ("minor", "shop/area.py"), ("major", ""))).reply
    assert "no blocker or major remark names a file" in reply["no_change_needed"]
    assert site.read("shop/area.py") == PAID
