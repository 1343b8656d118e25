"""What a piece of Python says, without how it is written: the form in which two versions of a test are compared."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import cast

UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What reading or comparing hostile source may raise; whoever catches it must assume the worst."""

Function = ast.FunctionDef | ast.AsyncFunctionDef

_COOKIE = re.compile(r"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")
_PLAIN_ENCODINGS = frozenset({"utf-8", "utf8", "ascii", "us-ascii", "utf-8-unix"})
_SILENT = frozenset({"type_comment", "kind", "type_ignores"})
_DOCUMENTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)
_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda, *_COMPREHENSIONS, ast.Global, ast.Nonlocal)
_INTROSPECTION = frozenset({"locals", "globals", "vars", "dir", "eval", "exec"})
_NOTHING: Mapping[str, str] = {}


def parse(text: str) -> ast.Module:
    """Return the syntax tree of a module.

    Raises one of `UNREADABLE` for text that is no Python, nests too deeply, or declares an encoding under which the
    interpreter would read other characters than the ones compared here.
    """
    for line in re.split(r"\r\n?|\n", text, maxsplit=2)[:2]:
        cookie = _COOKIE.match(line)
        if cookie and cookie.group(1).lower() not in _PLAIN_ENCODINGS:
            raise ValueError(f"the module declares the encoding {cookie.group(1)!r}; save it as UTF-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text)


def shape(node: ast.AST) -> str:
    """Return a text that is equal for two nodes iff they mean the same.

    Positions, formatting, comments and docstrings without examples leave no trace; the locals of a function are
    numbered where that is safe, so that renaming one leaves no trace either. Parameters keep their names, because to
    pytest a parameter's name is the fixture that it asks for.
    """
    return _shape(node, _NOTHING)


def shapes(nodes: Sequence[ast.AST]) -> list[str]:
    """Return the shape of each node."""
    return [shape(node) for node in nodes]


def _shape(node: ast.AST, renamed: Mapping[str, str]) -> str:
    if isinstance(node, ast.Name):
        return f"{type(node.ctx).__name__} {renamed.get(node.id, node.id)}"
    inner = _local_numbers(node) if isinstance(node, Function) else renamed
    fields: list[str] = []
    for name, value in ast.iter_fields(node):
        if name in _SILENT:
            continue
        if name == "body" and isinstance(node, _DOCUMENTED):
            value = without_docstring(node.body)  # noqa: PLW2901 - the docstring alone is dropped
        fields.append(f"{name}={_value(cast('object', value), inner if name == 'body' else renamed)}")
    return f"{type(node).__name__}({','.join(fields)})"


def _value(value: object, renamed: Mapping[str, str]) -> str:
    if isinstance(value, ast.AST):
        return _shape(value, renamed)
    if isinstance(value, list):
        return "[" + ";".join(_value(item, renamed) for item in cast("list[object]", value)) + "]"
    return repr(value)


def without_docstring(body: list[ast.stmt]) -> list[ast.stmt]:
    """Return a body without its docstring, unless that holds examples, which may be run as tests."""
    first = body[0] if body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        return body if ">>>" in first.value.value else body[1:]
    return body


def _local_numbers(function: Function) -> dict[str, str]:
    """Return a number for each local; none where a nested scope or introspection could tell the names apart."""
    inside = [node for statement in function.body for node in ast.walk(statement)]
    names = [node for node in inside if isinstance(node, ast.Name)]
    if any(isinstance(node, _SCOPES) for node in inside) or any(name.id in _INTROSPECTION for name in names):
        return {}
    stored = {name.id for name in names if not isinstance(name.ctx, ast.Load)}
    stored -= bound_by_text(inside) | {node.arg for node in ast.walk(function.args) if isinstance(node, ast.arg)}
    order = dict.fromkeys(name.id for name in names if name.id in stored)
    return {name: f"${number}" for number, name in enumerate(order)}


def bound_by_text(nodes: Sequence[ast.AST]) -> set[str]:
    """Return the names that these nodes themselves bind other than by assignment: definitions, imports, captures."""
    return {name.split(".")[0] for node in nodes if (name := _bound_name(node))}


def _bound_name(node: ast.AST) -> str | None:
    if isinstance(node, ast.alias):
        return node.asname or node.name
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.ExceptHandler):
        return node.name
    if isinstance(node, ast.MatchAs | ast.MatchStar):
        return node.name
    return node.rest if isinstance(node, ast.MatchMapping) else None


def names_in(nodes: Sequence[ast.AST], *, attributes: bool = False) -> set[str]:
    """Return every name that the nodes read or bind, parameters included.

    Args:
        nodes: statements or expressions; nested scopes are searched too.
        attributes: also the names after a dot, which matter inside a class.
    """
    inside = [inner for outer in nodes for inner in ast.walk(outer)]
    found = bound_by_text(inside)
    for node in inside:
        if isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif attributes and isinstance(node, ast.Attribute):
            found.add(node.attr)
    return found


def terminal(node: ast.expr | None) -> str:
    """Return the last name of a dotted expression or call: `raises` of `pytest.raises(E)`; empty for anything else."""
    if isinstance(node, ast.Call):
        return terminal(node.func)
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""


def lines_of(node: ast.stmt) -> range:
    """Return the lines of a statement, decorators included, counted from 0."""
    decorators: list[ast.expr] = getattr(node, "decorator_list", [])
    start = min([node.lineno, *(decorator.lineno for decorator in decorators)])
    return range(start - 1, node.end_lineno or node.lineno)
