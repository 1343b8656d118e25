"""Signs in Python source that a test is left out, checks something, or reaches into code that is not its own."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence

from contracts.integrity.syntax_shape import terminal

BUILTIN_FIXTURES = frozenset({
    "anyio_backend", "benchmark", "cache", "capfd", "capfdbinary", "caplog", "capsys", "capsysbinary",
    "capteesys", "doctest_namespace", "event_loop", "event_loop_policy", "mocker", "monkeypatch",
    "pytestconfig", "pytester", "record_property", "record_testsuite_property", "record_xml_attribute",
    "recwarn", "request", "subtests", "testdir", "tmp_path", "tmp_path_factory", "tmpdir", "tmpdir_factory",
    "worker_id",
})  # fmt: skip
"""Fixtures of pytest and of its best known plugins; a fixture of such a name replaces them."""

OBSERVING_FIXTURES = frozenset({
    "capfd", "capfdbinary", "caplog", "capsys", "capsysbinary", "recwarn", "request", "subtests", "tmp_path",
    "tmp_path_factory", "tmpdir",
})  # fmt: skip
"""Fixtures that a test may ask for in addition without any effect on what it already checks."""

TEST_CASE_MACHINERY: frozenset[str] = frozenset({
    "_callCleanup", "_callSetUp", "_callTearDown", "_callTestMethod", "addClassCleanup", "addCleanup",
    "addTypeEqualityFunc", "countTestCases", "debug", "defaultTestResult", "doClassCleanups", "doCleanups",
    "enterContext", "fail", "failureException", "id", "run", "runTest", "shortDescription", "skipTest",
    "subTest",
})  # fmt: skip
"""Names by which `unittest.TestCase` runs a test; a class that defines one replaces that part of the run."""

_SKIPS = frozenset({
    "SkipTest", "_exit", "expectedFailure", "importorskip", "skipIf", "skipTest", "skipUnless", "skipif",
    "xfail",
})  # fmt: skip
_SKIPS_BY_OWNER = frozenset({"skip", "exit", "abort"})
_OWNERS = frozenset({"pytest", "mark", "unittest", "os", "nose"})
_SKIPS_BY_NAME = _SKIPS | {"skip"}

_EXPECTING = frozenset({
    "RaisesGroup", "assertLogs", "assertNoLogs", "assertRaises", "assertRaisesRegex", "assertWarns",
    "assertWarnsRegex", "deprecated_call", "raises", "warns",
})  # fmt: skip
_SWALLOWING = _EXPECTING | {"suppress", "move_on_after"}

_REACHING = frozenset({
    "MonkeyPatch", "__builtins__", "__class__", "__code__", "__delattr__", "__dict__", "__globals__",
    "__import__", "__setattr__", "_pytest", "builtins", "ctypes", "delattr", "eval", "exec", "globals",
    "import_module", "locals", "monkeypatch", "pluggy", "pluginmanager", "setattr", "setprofile", "settrace",
    "vars",
})  # fmt: skip
_REACHING_BY_OWNER = {"patch": frozenset({"mock", "mocker", "unittest"}), "modules": frozenset({"sys"})}


def skips(nodes: Sequence[ast.AST]) -> Counter[str]:
    """Return how often each way to leave a test out is used: marks, decorators, calls and exceptions."""
    found: Counter[str] = Counter()
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        if isinstance(node, ast.Attribute):
            owned = node.attr in _SKIPS_BY_OWNER and terminal(node.value) in _OWNERS
            found.update([node.attr] if owned or node.attr in _SKIPS else [])
        elif isinstance(node, ast.Call):
            found.update(_plain_skip(node.func))
        elif isinstance(node, ast.Raise) and node.exc is not None:
            found.update(_plain_skip(node.exc))
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            found.update(name for decorator in node.decorator_list for name in _plain_skip(decorator))
    return found


def _plain_skip(node: ast.expr) -> list[str]:
    return [node.id] if isinstance(node, ast.Name) and node.id in _SKIPS_BY_NAME else []


def is_skip_mark(decorator: ast.expr) -> bool:
    """Return whether a decorator leaves its test out or expects it to fail."""
    return bool(skips([decorator]) or _plain_skip(decorator))


def is_fixture(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Return whether a function is a fixture, by its decorators."""
    return any(terminal(decorator) in {"fixture", "yield_fixture"} for decorator in function.decorator_list)


def is_expecting(statement: ast.stmt) -> bool:
    """Return whether a statement is a `with` that expects an exception, a warning or a log record."""
    return isinstance(statement, ast.With | ast.AsyncWith) and any(
        terminal(item.context_expr) in _EXPECTING for item in statement.items
    )


def is_swallowing(statement: ast.stmt) -> bool:
    """Return whether a statement may swallow the failure of an assertion inside it."""
    if isinstance(statement, ast.With | ast.AsyncWith):
        return any(terminal(item.context_expr) in _SWALLOWING for item in statement.items)
    return isinstance(statement, ast.Try | ast.TryStar)


def is_assertion(node: ast.AST) -> bool:
    """Return whether a node checks something: `assert`, `self.assert…`, `mock.assert_…`, `with pytest.raises`."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Call | ast.Await) and _asserting_call(node.value)
    return isinstance(node, ast.Assert) or (isinstance(node, ast.stmt) and is_expecting(node))


def _asserting_call(node: ast.Call | ast.Await) -> bool:
    name = terminal(node.value if isinstance(node, ast.Await) else node)
    return name.startswith(("assert", "fail")) or name == "raises"


def reaches(nodes: Sequence[ast.AST]) -> bool:
    """Return whether the nodes may change something other than their own names when they run."""
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        if isinstance(node, ast.NamedExpr | ast.Global | ast.Nonlocal):
            return True
        if isinstance(node, ast.Attribute | ast.Subscript) and not isinstance(node.ctx, ast.Load):
            return True
        if isinstance(node, ast.Name) and (node.id in _REACHING or node.id == "patch"):
            return True
        if isinstance(node, ast.Attribute) and _reaching_attribute(node):
            return True
    return False


def _reaching_attribute(node: ast.Attribute) -> bool:
    return node.attr in _REACHING or terminal(node.value) in _REACHING_BY_OWNER.get(node.attr, frozenset())
