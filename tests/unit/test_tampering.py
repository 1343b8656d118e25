"""What a change does to whole files of tests, and how a finding shows it."""

import pytest

from contracts.integrity.tampering import UNREADABLE_TEXT, Change, Tampering, classify

PATH = "tests/test_cart.py"
BEFORE = "def test_total():\n    assert total([3]) == 3\n    assert total([]) == 0\n"
FIRST = "    assert total([3]) == 3\n"


def python(before: str, after: str | None) -> list[Tampering]:
    """Return what becomes of one file."""
    return classify({PATH: before}, {PATH: after})


def changes(found: list[Tampering]) -> set[Change]:
    """Return what was found."""
    return {tampering.change for tampering in found}


def test_the_hunk_shows_the_test_and_is_cut() -> None:
    long = BEFORE + "\n" * 20 + "def test_last():\n    assert f() == '" + "x" * 5_000 + "'\n"
    found = python(long, long.replace(FIRST, "").replace("== 'x", "!= 'x"))
    assert [t.name for t in found] == ["test_total", "test_last"]
    assert found[0].hunk.startswith(f"--- {PATH}\n+++ {PATH}\n@@ -")
    assert "-" + FIRST.rstrip() in found[0].hunk
    assert "xxx" not in found[0].hunk
    assert len(found[1].hunk) == 3_000


def test_the_hunk_of_a_very_large_change_shows_the_lines_in_question() -> None:
    before = "".join(f"def test_{n}():\n    assert f({n}) == 1\n" for n in range(1_100))
    found = python(before, before.replace("== 1", "== 2"))
    assert found[-1].name == "test_1099"
    lines = found[-1].hunk.splitlines()
    assert lines[2:5] == ["@@ -2199,2 +2199,2 @@", "-def test_1099():", "-    assert f(1099) == 1"]
    assert lines[5:] == ["+def test_1099():", "+    assert f(1099) == 2"]


def test_a_deleted_file_is_deleted_and_a_moved_one_is_not() -> None:
    assert changes(python(BEFORE, None)) == {Change.DELETED}
    moved = classify({PATH: BEFORE}, {"tests/unit/test_cart.py": BEFORE})
    assert [(t.path, t.change) for t in moved] == [("tests/unit/test_cart.py", Change.EQUIVALENT)]


@pytest.mark.parametrize("place", ["tests/cart.py", "docs/test_cart.py", "other/tests/test_cart.py", "src/cart.py"])
def test_a_file_that_moved_out_of_sight_is_deleted(place: str) -> None:
    found = classify({PATH: BEFORE}, {place: BEFORE})
    assert (PATH, Change.DELETED) in [(t.path, t.change) for t in found]


def test_a_moved_file_may_be_strengthened_but_not_weakened() -> None:
    place = "tests/unit/test_cart.py"
    stronger = classify({PATH: BEFORE}, {place: BEFORE.replace(FIRST, FIRST * 2)})
    assert [(t.path, t.name, t.change) for t in stronger] == [(place, "test_total", Change.STRENGTHENED)]
    assert Change.DELETED in changes(classify({PATH: BEFORE}, {place: BEFORE.replace(FIRST, "")}))


@pytest.mark.parametrize(
    "text",
    [UNREADABLE_TEXT, "x = (", "a\0b", "\ud800", "-" * 50_000 + "1", "x = 1\n" * 200_000, "x" + ".a" * 50_000],
)
def test_what_cannot_be_read_blocks(text: str) -> None:
    assert all(t.blocks for t in [*python(BEFORE, text), *python(text, BEFORE)])
    assert python(BEFORE, text)
    assert python(text, BEFORE)
    assert all(t.blocks for t in classify({}, {PATH: text}) if text != "x = 1\n" * 200_000)


def test_an_encoding_that_hides_code_in_a_comment_cannot_be_read() -> None:
    assert changes(python(BEFORE, "# coding: utf-7\n" + BEFORE)) == {Change.WEAKENED}
    assert changes(python(BEFORE, "# coding: utf-8\n" + BEFORE)) == {Change.EQUIVALENT}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("\n    x = f()\n    assert g(lambda: x, y)\n", "\n    y = f()\n    assert g(lambda: y, x)\n"),
        ("\n    x = 1\n    assert locals() == {'x': 1}\n", "\n    y = 1\n    assert locals() == {'x': 1}\n"),
        ("\n    y = [x for x in z]\n    assert x\n", "\n    y = [w for w in z]\n    assert w\n"),
        ("\n    @cases(x)\n    def g():\n        x = 1\n", "\n    @cases(y)\n    def g():\n        y = 1\n"),
    ],
)
def test_a_renamed_local_that_something_else_can_see_is_a_change(before: str, after: str) -> None:
    assert changes(python("def test_a():" + before, "def test_a():" + after)) == {Change.WEAKENED}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("def test_a(x):\n    assert x\n", "def test_a(y):\n    assert y\n"),
        ("@a\n@b\ndef test_a():\n    assert f()\n", "@b\n@a\ndef test_a():\n    assert f()\n"),
        ("x = 1\nx = 2\ndef test_a():\n    assert x\n", "x = 2\nx = 1\ndef test_a():\n    assert x\n"),
        ('"""\n>>> f()\n1\n"""\n', '"""\n>>> f()\n2\n"""\n'),
        ('def test_a():\n    """\n    >>> f()\n    1\n    """\n', "def test_a():\n    pass\n"),
    ],
)
def test_order_fixtures_and_examples_count(before: str, after: str) -> None:
    assert changes(python(before, after)) == {Change.WEAKENED}
