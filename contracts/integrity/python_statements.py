"""Whether the statements of a test are all still there, and what stands between them."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from contracts.integrity.python_markers import is_assertion, is_expecting, is_swallowing, reaches
from contracts.integrity.strictness import UNPROVEN
from contracts.integrity.syntax_shape import names_in, shape, shapes, terminal

_BLOCKS = (ast.With, ast.AsyncWith, ast.For, ast.AsyncFor, ast.While, ast.If)
_BODIES = frozenset({"body", "orelse"})
_LEAVING = (ast.Return, ast.Raise, ast.Break, ast.Continue)
_SIGNS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Is: "is",
    ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip


@dataclass(frozen=True)
class Gap:
    """Why statements are not all kept."""

    why: str
    leaves: bool = False
    """Whether the test is left before its old statements are reached."""


def missing(
    before: Sequence[ast.stmt], after: Sequence[ast.stmt], taken: set[str], *, last: bool = False
) -> Gap | None:
    """Return why `before` is not contained in `after`; none when it is.

    Args:
        before: the statements that must all be found, in order and at the same nesting.
        after: the statements to find them in.
        taken: names that the test uses, which nothing inserted may bind.
        last: the block ends the test, so that what follows its old statements cannot touch them.
    """
    found = 0
    gap: Gap | None = None
    for statement in after:
        if found < len(before) and _kept(before[found], statement, taken):
            found += 1
        elif found < len(before) or not last:
            gap = gap or _inserted(statement, taken)
    if found < len(before):
        return gap if gap and gap.leaves else Gap(_explanation(before, after))
    return gap


def _kept(before: ast.stmt, after: ast.stmt, taken: set[str]) -> bool:
    if shape(before) == shape(after):
        return True
    if isinstance(before, ast.Assert) and isinstance(after, ast.Assert):
        return _demands_as_much(before, after)
    if type(before) is not type(after) or not isinstance(before, _BLOCKS) or is_swallowing(before):
        return False
    for (name, old), (_, new) in zip(ast.iter_fields(before), ast.iter_fields(after), strict=True):
        if name in _BODIES:
            if missing(cast("list[ast.stmt]", old), cast("list[ast.stmt]", new), taken):
                return False
        elif _header(old) != _header(new):
            return False
    return True


def _header(value: object) -> list[str]:
    nodes = cast("list[object]", value) if isinstance(value, list) else [value]
    return [shape(node) if isinstance(node, ast.AST) else repr(node) for node in nodes]


def _demands_as_much(before: ast.Assert, after: ast.Assert) -> bool:
    """Return whether the new assertion implies the old one: the same condition, or that condition and others."""
    if reaches([after]) or (after.msg and any(isinstance(node, ast.Call) for node in ast.walk(after.msg))):
        return False
    conditions = [after.test]
    if isinstance(after.test, ast.BoolOp) and isinstance(after.test.op, ast.And):
        conditions += after.test.values
    return shape(before.test) in shapes(conditions)


def _inserted(statement: ast.stmt, taken: set[str]) -> Gap | None:
    """Return what is wrong with a statement that old ones follow; none when it cannot touch them."""
    if any(isinstance(node, _LEAVING) for node in ast.walk(statement)):
        return Gap("it may be left before everything that it checked is reached", leaves=True)
    if reaches([statement]):
        return Gap(f"an inserted statement reaches into other code, so it {UNPROVEN}")
    if isinstance(statement, ast.Assert | ast.Pass) or _is_harmless_expression(statement):
        return None
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Import | ast.ImportFrom):
        return _rebinding(statement, taken)
    if isinstance(statement, ast.For | ast.If) or is_expecting(statement):
        return _rebinding(statement, taken) or _inserted_block(statement, taken)
    return Gap(f"a statement was put before what it checked, so it {UNPROVEN}")


def _is_harmless_expression(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and (is_assertion(statement) or isinstance(statement.value, ast.Constant))


def _rebinding(statement: ast.stmt, taken: set[str]) -> Gap | None:
    stored = {
        node.id for node in ast.walk(statement) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    }
    if isinstance(statement, ast.Import | ast.ImportFrom):
        stored = names_in([statement])
    clash = sorted((stored & taken) | (stored & {"*"}))
    return Gap(f"an inserted statement binds {clash[0]!r} again, so it {UNPROVEN}") if clash else None


def _inserted_block(statement: ast.stmt, taken: set[str]) -> Gap | None:
    expecting = is_expecting(statement)
    for field in ("body", "orelse"):
        for inner in cast("list[ast.stmt]", getattr(statement, field, [])):
            gap = None if expecting and isinstance(inner, ast.Expr) else _inserted(inner, taken)
            if gap:
                return gap
    return None


def _explanation(before: Sequence[ast.stmt], after: Sequence[ast.stmt]) -> str:
    old, new = _assertions(before), _assertions(after)
    if len(new) < len(old):
        return f"it checks {len(new)} times where it checked {len(old)} times"
    known, present = set(shapes(old)), Counter(shapes(new))
    lost = [node for node in old if not present[shape(node)]]
    gained = [node for node in new if shape(node) not in known]
    if lost and gained:
        return _loosening(lost[0], gained[0])
    if not old or lost:
        return f"statements were removed or changed, so it {UNPROVEN}"
    return "what it checked now stands under a condition, in a try, behind other values or in another order"


def _assertions(statements: Sequence[ast.stmt]) -> list[ast.stmt]:
    nodes = (node for statement in statements for node in ast.walk(statement))
    found = [node for node in nodes if isinstance(node, ast.stmt) and is_assertion(node)]
    return sorted(found, key=lambda node: (node.lineno, node.col_offset))


def _loosening(lost: ast.stmt, gained: ast.stmt) -> str:
    if isinstance(lost, ast.Assert) and isinstance(gained, ast.Assert):
        if _cannot_fail(gained.test):
            return "an assertion was replaced by one that cannot fail"
        old, new = lost.test, gained.test
        if isinstance(old, ast.Compare) and isinstance(new, ast.Compare):
            signs = [" ".join(_SIGNS[type(sign)] for sign in test.ops) for test in (old, new)]
            changed = f"a comparison was changed from {signs[0]!r} to {signs[1]!r}"
            return changed if signs[0] != signs[1] else f"an expected value was changed, so it {UNPROVEN}"
    if isinstance(lost, ast.Expr) and isinstance(gained, ast.Expr):
        return f"{terminal(lost.value)!r} was changed or replaced by {terminal(gained.value)!r}"
    kind = "expected exception" if is_expecting(lost) else "assertion"
    return f"an {kind} was changed, so it {UNPROVEN}"


def _cannot_fail(test: ast.expr) -> bool:
    if isinstance(test, ast.Constant):
        return bool(test.value)
    if isinstance(test, ast.Tuple | ast.List):
        return bool(test.elts)
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.Or):
        return any(_cannot_fail(value) for value in test.values)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return isinstance(test.operand, ast.Constant) and not test.operand.value
    return isinstance(test, ast.Compare) and {shape(test.left)} == set(shapes(test.comparators))
