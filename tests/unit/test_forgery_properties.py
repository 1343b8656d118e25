"""What holds for every change to source."""

import ast

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.integrity.forgery import forgeries
from contracts.integrity.tampering import UNREADABLE_TEXT

MODERATELY = settings(deadline=None, max_examples=60)

PATHS = st.sampled_from(["a.py", "src/b.py", "setup.py", "__main__.py", "a.pyc", "x.pth", "tests/test_a.py", "a.md"])
FRAGMENTS = st.sampled_from([
    "import os as o\n", "from os import *\n", "o._exit(0)\n", "class A(type):\n    def __eq__(self, *a): return 1\n",
    "def f(g=lambda: f()): g(f)\n", "f(f)\n", "@f\n", "import sys\n", "sys.modules[sys] = sys\n", "x = x.x = sys.x\n",
    "exec\n", "getattr(sys, 'a' + 'b' + f'{x}')\n", "if __name__ == '__main__':\n", "    sys.exit()\n", "raise\n",
    "open(*a, **b)\n", "type('A', (), {**a, '__eq__': f})\n", "(" * 300, "-" * 9_000 + "1\n", "\0", "\ud800", "'''",
    "\r", "\x0c", "# coding: latin-1\n", "\ufeff", "def f(self, other): return self == other\n",
])  # fmt: skip
TEXTS = st.one_of(
    st.lists(FRAGMENTS, max_size=6).map("".join), st.text(max_size=60), st.none(), st.just(UNREADABLE_TEXT)
)
READABLE = TEXTS.filter(lambda text: text != UNREADABLE_TEXT)
TREES = st.dictionaries(PATHS, TEXTS, max_size=4)


@given(TREES, TREES)
@MODERATELY
def test_every_text_is_judged_and_everything_found_blocks(before: dict[str, str | None], after: dict[str, str | None]):
    found = forgeries(before, after)
    assert all(one.blocks and one.why and after[one.path] is not None for one in found)
    assert [one.path for one in found] == sorted(one.path for one in found)


@given(st.dictionaries(PATHS, READABLE, max_size=4))
@MODERATELY
def test_nothing_is_found_where_nothing_changed(tree: dict[str, str | None]):
    assert forgeries(tree, tree) == []


@given(st.lists(FRAGMENTS, max_size=8).map("".join))
@MODERATELY
def test_an_empty_function_changes_nothing(text: str):
    added = f"{text}\n\ndef _added():\n    pass\n"
    try:
        assert ast.parse(text)
        assert ast.parse(added)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    if "coding" not in text:
        assert forgeries({"a.py": f"{text}\n"}, {"a.py": added}) == []


def test_deep_and_wide_sources_end() -> None:
    chain = "import os\n" + "".join(f"x = x.a{n}; x = os.b{n}\n" for n in range(400))
    calls = "".join(f"def f{n}():\n    f{n + 1}()\n    f{n}()\n" for n in range(2_000)) + "f0()\n"
    texts = "a = " + " + ".join(["'x'"] * 500) + "\n"
    for text in (chain, calls, texts, "x" + ".a" * 2_000, "f(" * 150 + ")" * 150, "a = [" * 150 + "]" * 150):
        forgeries({}, {"a.py": text})
