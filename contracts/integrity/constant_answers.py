"""Whether a class answers a comparison with the same thing whatever it is compared with."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence

from contracts.integrity.syntax_shape import Function, shape

COMPARISONS = frozenset({
    "__bool__", "__contains__", "__eq__", "__ge__", "__gt__", "__instancecheck__", "__le__", "__lt__", "__ne__",
    "__subclasscheck__",
})  # fmt: skip
"""The methods by which a value answers what a test asserts of it."""

_Callable = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


def constant_answers(tree: ast.Module) -> Iterator[tuple[str, ast.AST]]:
    """Return name and node of each comparison whose answer does not depend on what it compares.

    Its answer is one constant, or does not read the other side at all. `NotImplemented` and an exception are no
    answers, and two different constants are a decision.
    """
    functions: dict[str, list[_Callable]] = {}
    for node in ast.walk(tree):
        if isinstance(node, Function):
            functions.setdefault(node.name, []).append(node)
    for node in ast.walk(tree):
        for name, value in _definitions(node):
            known = functions.get(value.id, []) if isinstance(value, ast.Name) else [value]
            if any(_is_constant(name, one) for one in known if isinstance(one, _Callable)):
                yield name, value


def _definitions(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """Return name and function of each comparison that a node defines: in a class, or in the dictionary of one."""
    if isinstance(node, Function) and node.name in COMPARISONS:
        yield node.name, node
    elif isinstance(node, ast.Assign):
        for target in node.targets:
            name = target.id if isinstance(target, ast.Name) else getattr(target, "attr", "")
            if name in COMPARISONS:
                yield name, node.value
    elif isinstance(node, ast.Dict):
        for key, value in zip(node.keys, node.values, strict=True):
            if isinstance(key, ast.Constant) and isinstance(key.value, str) and key.value in COMPARISONS:
                yield key.value, value
    elif isinstance(node, ast.keyword) and node.arg in COMPARISONS:
        yield node.arg, node.value


def _is_constant(name: str, function: _Callable) -> bool:
    answers = [answer for answer in _answers(function) if not _is_no_answer(answer)]
    if not answers:
        return False
    if name != "__bool__" and not _reads_other_side(function):
        return True
    return len({_fixed(answer) for answer in answers}) == 1 and _fixed(answers[0]) is not None


def _answers(function: _Callable) -> list[ast.expr]:
    if isinstance(function, ast.Lambda):
        return [function.body]
    found: list[ast.expr] = []
    left: list[ast.AST] = [*function.body]
    while left:
        node = left.pop()
        if isinstance(node, ast.Return):
            found.append(node.value or ast.Constant(None))
        elif not isinstance(node, _Callable | ast.ClassDef):
            left += ast.iter_child_nodes(node)
    return found


def _is_no_answer(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id == "NotImplemented"


def _reads_other_side(function: _Callable) -> bool:
    arguments = function.args
    names = [*arguments.posonlyargs, *arguments.args, arguments.vararg, *arguments.kwonlyargs, arguments.kwarg]
    others = {one.arg for one in names[1:] if one}
    body: Sequence[ast.AST] = [function.body] if isinstance(function, ast.Lambda) else function.body
    inside = (node for statement in body for node in ast.walk(statement))
    return any(isinstance(node, ast.Name) and node.id in others for node in inside)


def _fixed(node: ast.expr) -> object:
    """Return what an expression always is, as text; none when that depends on something."""
    if isinstance(node, ast.Constant):
        return repr(node.value)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not) and isinstance(node.operand, ast.Constant):
        return repr(not node.operand.value)
    if isinstance(node, ast.BoolOp):
        decided = isinstance(node.op, ast.Or)
        constants = [value.value for value in node.values if isinstance(value, ast.Constant)]
        return repr(decided) if any(bool(value) is decided for value in constants) else None
    if isinstance(node, ast.Compare) and {shape(node.left)} == {shape(value) for value in node.comparators}:
        return repr(isinstance(node.ops[0], ast.Eq | ast.Is | ast.LtE | ast.GtE))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "bool" and node.args:
        first = node.args[0]
        return repr(bool(first.value)) if isinstance(first, ast.Constant) else None
    return None
