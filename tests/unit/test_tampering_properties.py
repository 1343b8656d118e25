"""What holds for every change to tests."""

import ast

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.integrity.tampering import UNREADABLE_TEXT, Change, classify

MODERATELY = settings(deadline=None, max_examples=25)

PATHS = st.sampled_from([
    "tests/test_a.py", "tests/conftest.py", "pyproject.toml", "setup.cfg", "pytest.ini", "package.json", "tests/a.json",
    "a.test.js", "tests/json.py", "tests/a.pyc", "noxfile.py", "src/a.py", ".coveragerc", "setup.py",
])  # fmt: skip
FRAGMENTS = st.sampled_from([
    "def test_a():\n    assert f() == 1\n", "import pytest\n", "class TestA:\n    def test_b(self): assert x\n",
    "[pytest]\n", "a = 1\n", "{", "}", "\0", "(" * 300, "-" * 9_000 + "1\n", '"', "'''", "\\", "\ud800",
    "[tool.pytest]\n", '{"jest": 1}',
    "pytestmark = 1\n", "@pytest.fixture\ndef f(): pass\n", "/*", "    return\n", "\r", "\x0c", "# coding: latin-1\n",
])  # fmt: skip
TEXTS = st.one_of(
    st.lists(FRAGMENTS, max_size=6).map("".join), st.text(max_size=60), st.none(), st.just(UNREADABLE_TEXT)
)
TREES = st.dictionaries(PATHS, TEXTS, max_size=4)
READABLE = st.dictionaries(PATHS, TEXTS.filter(lambda text: text != UNREADABLE_TEXT), max_size=4)

NAMES = st.sampled_from(["a", "b", "cart", "total", "result"])
EXPRESSIONS = st.recursive(
    st.one_of(NAMES, st.integers(0, 9).map(str), st.just("'x'")),
    lambda inner: st.one_of(
        st.builds("{}({})".format, NAMES, inner),
        st.builds("({} {} {})".format, inner, st.sampled_from(["==", "+", "in", "and", "or", "<="]), inner),
        st.builds("{}.{}".format, NAMES, NAMES),
    ),
    max_leaves=4,
)
ASSERTS = EXPRESSIONS.map("assert {}".format)
SIMPLE = st.one_of(
    ASSERTS, st.builds("{} = {}".format, NAMES, EXPRESSIONS), st.builds("{}({})".format, NAMES, EXPRESSIONS)
)


def block(head: str, lines: list[str]) -> str:
    """Return lines under a head, indented."""
    return "\n".join([head, *("    " + line for text in lines for line in text.splitlines())])


HEADS = st.sampled_from(["for a in b:", "if cart:", "with total() as result:", "while a:"])
STATEMENTS = st.one_of(SIMPLE, SIMPLE, st.builds(block, HEADS, st.lists(SIMPLE, min_size=1, max_size=3)))


@st.composite
def bodies(draw: st.DrawFn) -> list[str]:
    """Return the lines of a test that checks something."""
    lines = draw(st.lists(STATEMENTS, max_size=4))
    lines.insert(draw(st.integers(0, len(lines))), draw(ASSERTS))
    return lines


def functions(numbers: st.SearchStrategy[int], parameters: str) -> st.SearchStrategy[str]:
    """Return tests with one of these numbers in their name."""
    return st.builds(block, numbers.map(lambda number: f"def test_{number}({parameters}):"), bodies())


METHODS = functions(st.integers(0, 3), "self")
CLASSES = st.builds(block, st.sampled_from(["class TestA:", "class TestB:"]), st.lists(METHODS, min_size=1, max_size=3))
MODULES = st.lists(st.one_of(functions(st.integers(4, 9), ""), CLASSES), min_size=1, max_size=3).map("\n\n".join)


def effective(module: str) -> str:
    """Return the module without definitions that a later one of the same name replaces: no test tool sees those."""
    tree = ast.parse(module)
    scopes = [tree, *(node for node in tree.body if isinstance(node, ast.ClassDef))]
    for scope in scopes:
        last = {getattr(node, "name", ""): node for node in scope.body}
        scope.body = [node for node in scope.body if last[getattr(node, "name", "")] is node]
    return ast.unparse(tree)


def places(tree: ast.Module) -> list[tuple[list[ast.stmt], int]]:
    """Return every list of statements and index at which an assertion stands."""
    return [
        (body, index)
        for node in ast.walk(tree)
        for body in [getattr(node, "body", None)]
        if isinstance(body, list)
        for index, statement in enumerate(body)  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        if isinstance(statement, ast.Assert)
    ]


@MODERATELY
@given(READABLE)
def test_nothing_done_is_nothing_found(tree: dict[str, str | None]) -> None:
    assert classify(tree, tree) == []


@MODERATELY
@given(TREES, TREES)
def test_every_text_gets_an_answer(before: dict[str, str | None], after: dict[str, str | None]) -> None:
    for tampering in classify(before, after):
        assert len(tampering.hunk) <= 3_000
        assert tampering.why


@MODERATELY
@given(MODULES.map(effective), st.data())
def test_removing_any_assertion_blocks(module: str, data: st.DataObject) -> None:
    tree = ast.parse(module)
    body, index = data.draw(st.sampled_from(places(tree)))
    body[index : index + 1] = [] if len(body) > 1 else [ast.Pass()]
    after = ast.unparse(tree)
    found = classify({"tests/test_a.py": module}, {"tests/test_a.py": after})
    assert any(tampering.blocks for tampering in found)


@MODERATELY
@given(MODULES.map(effective), ASSERTS, st.data())
def test_adding_an_assertion_never_blocks(module: str, check: str, data: st.DataObject) -> None:
    tree = ast.parse(module)
    body, index = data.draw(st.sampled_from(places(tree)))
    body.insert(index + data.draw(st.integers(0, 1)), ast.parse(check).body[0])
    found = classify({"tests/test_a.py": module}, {"tests/test_a.py": ast.unparse(tree)})
    assert [tampering.change for tampering in found] == [Change.STRENGTHENED]


@MODERATELY
@given(MODULES.map(effective), MODULES.map(effective))
def test_a_test_that_is_gone_is_always_named(before: str, after: str) -> None:
    found = classify({"tests/test_a.py": before}, {"tests/test_a.py": after})
    kept = {node.name for node in ast.parse(after).body if isinstance(node, ast.FunctionDef)}
    lost = {node.name for node in ast.parse(before).body if isinstance(node, ast.FunctionDef)} - kept
    assert lost <= {tampering.name for tampering in found if tampering.change is Change.DELETED}


@MODERATELY
@given(MODULES)
def test_form_never_blocks(module: str) -> None:
    found = classify({"tests/test_a.py": module}, {"tests/test_a.py": ast.unparse(ast.parse(module)) + "\n# end\n"})
    assert [tampering.change for tampering in found] == [Change.EQUIVALENT]
