"""Whether one Python test still checks everything that it checked before."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from contracts.integrity.python_markers import OBSERVING_FIXTURES, is_skip_mark, reaches, skips
from contracts.integrity.python_statements import missing
from contracts.integrity.strictness import UNPROVEN, Change, Judgement
from contracts.integrity.syntax_shape import (
    Function,
    bound_by_text,
    lines_of,
    names_in,
    shape,
    shapes,
    terminal,
    without_docstring,
)

Decorated = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef

_PARAMETERS = ("argnames", "argvalues", "indirect", "ids", "scope")


@dataclass(frozen=True)
class Objection:
    """What is wrong with a change."""

    change: Change
    why: str


def judge_test(name: str, before: Function, after: Function) -> Judgement | None:
    """Return what became of a test; none when both versions mean the same.

    A test is strengthened when every statement that it had is still there, in order and at the same nesting, and
    whatever was put between them can neither skip nor change them; anything else is weakened.
    """
    if shape(before) == shape(after):
        return None
    objection = _objection(before, after)
    change, why = (objection.change, objection.why) if objection else (Change.STRENGTHENED, "it keeps all it checked")
    return Judgement(change, f"{name!r}: {why}", name, lines_of(before), lines_of(after))


def _objection(before: Function, after: Function) -> Objection | None:
    return _left_out(before, after) or judge_decorators(before, after) or _changed_body(before, after)


def _left_out(before: Function, after: Function) -> Objection | None:
    if type(before) is not type(after):
        return Objection(Change.SKIPPED, "it changed between a plain and an async function, which may not be awaited")
    if added := skips([after]) - skips([before]):
        return Objection(Change.SKIPPED, f"it is now left out or expected to fail by {min(added)!r}")
    if _yields(after) and not _yields(before):
        return Objection(Change.SKIPPED, "it became a generator, whose body is not run")
    return None


def _changed_body(before: Function, after: Function) -> Objection | None:
    if not _asks_for_as_much(before.args, after.args):
        return Objection(Change.WEAKENED, f"its parameters changed, so it {UNPROVEN}")
    if hidden := sorted(_free(before) & _bound(after)):
        return Objection(Change.WEAKENED, f"{hidden[0]!r} became a local, so it {UNPROVEN}")
    old, new = without_docstring(before.body), without_docstring(after.body)
    gap = missing(old, new, names_in([before]), last=True)
    return Objection(Change.SKIPPED if gap.leaves else Change.WEAKENED, gap.why) if gap else None


def judge_decorators(before: Decorated, after: Decorated) -> Objection | None:
    """Return what is wrong with the decorators of the new version; none when they are at least as strict.

    More cases of a parametrisation and one skip mark less are at least as strict; every other difference is not.
    """
    rest = list(after.decorator_list)
    positions: list[int] = []
    for old in before.decorator_list:
        kept = next((new for new in rest if shape(old) == shape(new) or _has_more_cases(old, new)), None)
        if kept is not None:
            rest.remove(kept)
            positions.append(after.decorator_list.index(kept))
        elif terminal(old) == "parametrize":
            return Objection(Change.WEAKENED, "cases of its parametrisation were removed or changed")
        elif not is_skip_mark(old):
            return Objection(Change.WEAKENED, f"its decorator {terminal(old)!r} is gone or changed")
    for new in rest:
        change = Change.SKIPPED if is_skip_mark(new) else Change.WEAKENED
        return Objection(change, f"it gained or changed the decorator {terminal(new)!r}")
    if positions != sorted(positions):
        return Objection(Change.WEAKENED, f"the order of its decorators changed, so it {UNPROVEN}")
    return None


def _has_more_cases(before: ast.expr, after: ast.expr) -> bool:
    old, new = _parametrisation(before), _parametrisation(after)
    if old is None or new is None or reaches([after]):
        return False
    if any(_differ(old.get(key), new.get(key)) for key in ("argnames", "indirect", "scope")):
        return False
    cases, now = old.get("argvalues"), new.get("argvalues")
    if not isinstance(cases, ast.List | ast.Tuple) or not isinstance(now, ast.List | ast.Tuple):
        return False
    return Counter(shapes(cases.elts)) <= Counter(shapes(now.elts))


def _parametrisation(decorator: ast.expr) -> dict[str, ast.expr] | None:
    if not isinstance(decorator, ast.Call) or terminal(decorator) != "parametrize":
        return None
    named = {keyword.arg: keyword.value for keyword in decorator.keywords if keyword.arg}
    if len(named) < len(decorator.keywords) or len(decorator.args) > len(_PARAMETERS):
        return None
    return dict(zip(_PARAMETERS, decorator.args, strict=False)) | named


def _differ(before: ast.expr | None, after: ast.expr | None) -> bool:
    return (before and shape(before)) != (after and shape(after))


def _asks_for_as_much(before: ast.arguments, after: ast.arguments) -> bool:
    old, new = _names(before.args), _names(after.args)
    kept = [name for name in new if name in old or name not in OBSERVING_FIXTURES]
    if before.defaults or after.defaults:
        kept = new
    fields = ("posonlyargs", "kwonlyargs", "defaults", "kw_defaults")
    same = all(_values(getattr(before, field)) == _values(getattr(after, field)) for field in fields)
    return same and old == kept and _names([before.vararg, before.kwarg]) == _names([after.vararg, after.kwarg])


def _names(arguments: Sequence[ast.arg | None]) -> list[str]:
    return [argument.arg if argument else "" for argument in arguments]


def _values(nodes: Sequence[ast.AST | None]) -> list[str]:
    return [shape(node) if node else "" for node in nodes]


def _free(function: Function) -> set[str]:
    return names_in(function.body) - _bound(function)


def _bound(function: Function) -> set[str]:
    inside = [node for statement in function.body for node in ast.walk(statement)]
    stored = {node.id for node in inside if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)}
    return stored | bound_by_text(inside) | set(_names(function.args.args))


def _yields(function: Function) -> bool:
    return any(isinstance(node, ast.Yield | ast.YieldFrom) for node in ast.walk(function))
