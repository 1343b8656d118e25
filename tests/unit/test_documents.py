"""The documents are complete, and what they name is there."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from contracts.failure import FailureKind
from contracts.kinds import KINDS

ROOT = Path(__file__).parents[2]
PACKAGES = {place.parent.name for place in ROOT.glob("*/__init__.py")}
ROOMS = PACKAGES | {"tests", "docs"}
GUIDE = ROOT / "AGENTS.md"
OPERATIONS = (ROOT / "docs/operations.md").read_text("utf-8")
RECORDS = sorted((ROOT / "docs/adr").glob("[0-9]*.md"))
GUIDES = [GUIDE, *sorted((ROOT / "docs").rglob("*.md"))]

_FENCED = re.compile(r"^(```+).*?^\1$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`([^`\n]+)`")
_FILE = re.compile(
    r"(?<![\w$<>/~.…-])((?:[\w.-]+/)+[\w.-]+\.(?:py|md|yaml|yml|toml|json|jsonl|lock|sh|txt))(?:::(\w+))?(?![\w/])"
)
_PLACE = re.compile(rf"(?:{'|'.join(sorted(ROOMS))})/[\w./-]*")
_DEFINED = re.compile(r"`(\w+)` in\s+`([\w./-]+\.py)`")
_LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)\s]*)?\)")
_MACHINE = re.compile(r"(?<![\w.~}>*-])/(?:work|root|Users/\w+|home/\w+)(?![\w-])")


def prose(path: Path) -> str:
    return _FENCED.sub("", path.read_text("utf-8"))


def rows(heading: str) -> dict[str, str]:
    """Return the rows of a section of the operations page, by the name in their first cell."""
    section = OPERATIONS.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    return {row[1]: row[2] for row in re.finditer(r"^\| `([^`]+)` \|(.*)\|$", section, re.MULTILINE)}


def tracked(pattern: str) -> list[Path]:
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", pattern]
    named = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [ROOT / name for name in named if name and (ROOT / name).is_file()]


def test_every_record_is_in_the_index_with_its_number() -> None:
    index = prose(ROOT / "docs/adr/README.md")
    assert re.findall(r"^\| \[(\d{4})\]\((.+?)\)", index, re.MULTILINE) == [(one.name[:4], one.name) for one in RECORDS]
    assert [one.name[:4] for one in RECORDS] == [f"{number:04}" for number in range(1, len(RECORDS) + 1)]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.stem)
def test_every_record_has_its_parts(record: Path) -> None:
    parts = re.findall(r"^## (.+)$", record.read_text("utf-8"), re.MULTILINE)
    assert parts == ["Status", "Context", "Decision", "Consequences", "Alternatives considered"]
    assert record.read_text("utf-8").startswith(f"# {record.name[:4]}: ")


def test_the_guide_names_every_room_and_stays_short() -> None:
    lines = GUIDE.read_text("utf-8").splitlines()
    assert len(lines) <= 100
    assert {line.split("/")[0] for line in lines if re.match(r"[a-z]+/ ", line)} >= ROOMS


def test_every_failure_says_when_it_happens_and_what_then() -> None:
    found = rows("How a run ends")
    assert list(found) == [kind.value for kind in FailureKind]
    assert all(cell.strip() for row in found.values() for cell in row.split("|"))


def test_the_failures_that_nothing_raises_are_named() -> None:
    sources = [path for room in PACKAGES for path in (ROOT / room).rglob("*.py") if path.name != "failure.py"]
    raised = {name for path in sources for name in re.findall(r"FailureKind\.([A-Z_]+)", path.read_text("utf-8"))}
    sentence = re.search(r"^No code raises (.+)\.$", OPERATIONS, re.MULTILINE)
    named = set(_SPAN.findall(sentence[1])) if sentence else set[str]()
    assert named == {kind.value for kind in FailureKind if kind.name not in raised}


def test_every_kind_of_step_is_explained() -> None:
    section = OPERATIONS.split("\n## Steps in the timeline\n")[1]
    firsts = re.findall(r"^\| (`.+?) \|", section, re.MULTILINE)
    assert sorted(name for first in firsts for name in _SPAN.findall(first)) == sorted(KINDS)


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_names_is_there(page: Path) -> None:
    spans = _SPAN.findall(prose(page))
    files = [found for span in spans for found in _FILE.findall(span)]
    places = [span for span in spans if _PLACE.fullmatch(span)]
    gone = {name for name in [*(name for name, _ in files), *places] if not (ROOT / name).exists()}
    assert gone == set()
    tests = {(name, test) for name, test in files if test}
    assert {one for one in tests if f"def {one[1]}(" not in (ROOT / one[0]).read_text("utf-8")} == set()


@pytest.mark.parametrize("page", GUIDES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_says_to_stand_in_a_file_stands_there(page: Path) -> None:
    named = [(name, (ROOT / file).read_text("utf-8")) for name, file in _DEFINED.findall(prose(page))]
    assert [name for name, text in named if not re.search(rf"\b{name}\b", text)] == []


def test_every_link_between_pages_leads_somewhere() -> None:
    links = [(page, link) for page in tracked("*.md") for link in _LINK.findall(prose(page))]
    assert [f"{page.name}: {link}" for page, link in links if not (page.parent / link).exists()] == []


def test_no_page_names_a_place_on_somebodys_machine() -> None:
    pages = tracked("*.md")
    assert GUIDE in pages
    lines = [(page, line) for page in pages for line in page.read_text("utf-8").splitlines()]
    assert [f"{page.name}: {line}" for page, line in lines if _MACHINE.search(line)] == []
