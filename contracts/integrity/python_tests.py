"""What a change does to the tests of one Python module, by its syntax tree."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from contracts.integrity.python_additions import (
    imports_of,
    object_to_import,
    object_to_new_module,
    object_to_statement,
)
from contracts.integrity.python_bodies import Objection, judge_decorators, judge_test
from contracts.integrity.python_markers import TEST_CASE_MACHINERY, is_fixture
from contracts.integrity.strictness import UNPROVEN, Change, Judgement
from contracts.integrity.syntax_shape import (
    UNREADABLE,
    Function,
    lines_of,
    names_in,
    parse,
    shape,
    shapes,
    without_docstring,
)

_BASES = frozenset({"object", "ABC", "Protocol", "Generic"})


_Scoped = ast.Module | ast.ClassDef
_Classes = Mapping[str, ast.ClassDef]


@dataclass
class _Scope:
    """The statements of a module or class, sorted by what they mean to a test run."""

    prefix: str = ""
    imports: dict[str, str] = field(default_factory=dict[str, str])
    tests: dict[str, Function] = field(default_factory=dict[str, Function])
    classes: dict[str, ast.ClassDef] = field(default_factory=dict[str, ast.ClassDef])
    rest: list[ast.stmt] = field(default_factory=list[ast.stmt])


def compare(before: str, after: str) -> list[Judgement]:
    """Return what a change does to a test module; empty when both versions mean the same.

    Unreadable on either side blocks: what cannot be compared could not be shown to be at least as strict.
    """
    try:
        old, new = parse(before), parse(after)
        classes = {node.name: node for node in old.body if isinstance(node, ast.ClassDef)}
        return _compare_scopes(old, new, "", classes)
    except UNREADABLE:
        return [Judgement(Change.WEAKENED, f"the module cannot be read as Python, so it {UNPROVEN}")]


def added(text: str) -> list[Judgement]:
    """Return what a new test module brings: one judgement for each of its tests, or one for itself when it has none."""
    try:
        module = parse(text)
        if objection := object_to_new_module(module.body):
            return [Judgement(objection.change, objection.why)]
        tests = list(_tests_below(_scope(module.body)))
    except UNREADABLE:
        return [Judgement(Change.WEAKENED, f"the new module cannot be read as Python, so it {UNPROVEN}")]
    return tests or [Judgement(Change.ADDED, "a module without tests was added")]


def compare_statements(
    before: ast.Module, after: ast.Module, objecting: Callable[[ast.stmt], Objection | None]
) -> Objection | None:
    """Return what is wrong with a module of which every statement counts, such as a conftest.

    Args:
        before: the old module.
        after: the new module; every old statement must be in it, in the same order.
        objecting: judges each statement that was added.
    """
    old, new = without_docstring(before.body), without_docstring(after.body)
    objection, extra = _match(old, new)
    return objection or next(filter(None, (objecting(statement) for statement in extra)), None)


def _match(old: Sequence[ast.stmt], new: Sequence[ast.stmt]) -> tuple[Objection | None, list[ast.stmt]]:
    """Return whether the old statements are all in the new ones in order, and the new ones that are not old."""
    known, wanted = shapes(old), Counter(shapes(old))
    extra: list[ast.stmt] = []
    common: list[str] = []
    for statement in new:
        found = shape(statement)
        wanted[found] -= 1
        if wanted[found] >= 0:
            common.append(found)
        else:
            extra.append(statement)
    if len(common) < len(known):
        lost = next(statement for statement, text in zip(old, known, strict=True) if wanted[text] > 0)
        return Objection(Change.WEAKENED, f"{_title(lost)} is gone or changed, so it {UNPROVEN}"), extra
    if common != known:
        return Objection(Change.WEAKENED, f"statements changed their order, so it {UNPROVEN}"), extra
    return None, extra


def _title(statement: ast.stmt) -> str:
    if isinstance(statement, Function | ast.ClassDef):
        return repr(statement.name)
    return f"the statement {ast.unparse(statement).splitlines()[0][:60]!r}"


def _scope(body: Sequence[ast.stmt], prefix: str = "") -> _Scope:
    scope = _Scope(prefix)
    for statement in without_docstring(list(body)):
        imported = imports_of(statement)
        if imported is not None:
            scope.imports |= imported
        elif isinstance(statement, Function) and statement.name.startswith("test") and not is_fixture(statement):
            scope.tests[prefix + statement.name] = statement
        elif isinstance(statement, ast.ClassDef) and _holds_tests(statement):
            scope.classes[prefix + statement.name] = statement
        else:
            scope.rest.append(statement)
    return scope


def _holds_tests(node: ast.ClassDef) -> bool:
    inside = (inner for inner in ast.walk(node) if isinstance(inner, Function))
    return node.name.startswith("Test") or any(function.name.startswith("test") for function in inside)


def _compare_scopes(before: _Scoped, after: _Scoped, name: str, known: _Classes) -> list[Judgement]:
    prefix = f"{name}." if name else ""
    old, new = _scope(before.body, prefix), _scope(after.body, prefix)
    taken = names_in(before.body, attributes=bool(name))
    if name:
        taken |= TEST_CASE_MACHINERY
    found = [*_imports(old, new, taken), *_rest(old, new, taken)]
    for test, function in old.tests.items():
        now = new.tests.get(test)
        judgement = judge_test(test, function, now) if now else _gone(test, function)
        found += [judgement] if judgement else []
    for group, node in old.classes.items():
        now = new.classes.get(group)
        found += _compare_classes(group, node, now, known) if now else _class_gone(group, node)
    bases = after.bases if isinstance(after, ast.ClassDef) else []
    inherited, unknown = _inherited(bases, known)
    return found + list(_new_tests(old, new, taken | inherited, unknown))


def _compare_classes(name: str, before: ast.ClassDef, after: ast.ClassDef, known: _Classes) -> list[Judgement]:
    spans = (lines_of(before), lines_of(after))
    if _heads(before) != _heads(after):
        return [Judgement(Change.WEAKENED, f"{name!r}: its bases changed, so it {UNPROVEN}", name, *spans)]
    objection = judge_decorators(before, after)
    found = [Judgement(objection.change, f"{name!r}: {objection.why}", name, *spans)] if objection else []
    return found + _compare_scopes(before, after, name, known)


def _heads(node: ast.ClassDef) -> list[str]:
    return [*shapes(node.bases), *shapes(node.keywords)]


def _imports(old: _Scope, new: _Scope, taken: set[str]) -> Iterator[Judgement]:
    for name, origin in old.imports.items():
        if new.imports.get(name) != origin:
            yield Judgement(Change.WEAKENED, f"{origin!r} is gone or changed, so the module {UNPROVEN}")
    packages = {name.split(".")[0] for name, origin in old.imports.items() if origin == f"import {name}"}
    for name, origin in new.imports.items():
        others = taken - packages if origin == f"import {name}" else taken
        objection = object_to_import(name, origin, others) if name not in old.imports else None
        if objection:
            yield Judgement(objection.change, objection.why)


def _rest(old: _Scope, new: _Scope, taken: set[str]) -> Iterator[Judgement]:
    name = old.prefix.rstrip(".")
    objection, extra = _match(old.rest, new.rest)
    if objection:
        yield Judgement(objection.change, objection.why, name)
    for statement in extra:
        if objection := object_to_statement(statement, taken):
            yield Judgement(objection.change, objection.why, name, None, lines_of(statement))


def _gone(name: str, node: ast.stmt) -> Judgement:
    return Judgement(Change.DELETED, f"{name!r} is gone or no longer collected", name, lines_of(node))


def _class_gone(name: str, node: ast.ClassDef) -> list[Judgement]:
    scope = _scope(node.body, f"{name}.")
    return [_gone(test, function) for test, function in scope.tests.items()] or [_gone(name, node)]


def _new_tests(old: _Scope, new: _Scope, taken: set[str], unknown: Sequence[str]) -> Iterator[Judgement]:
    for name, node in [*new.tests.items(), *new.classes.items()]:
        if name in (old.classes if isinstance(node, ast.ClassDef) else old.tests):
            continue
        if node.name in taken:
            why = f"{name!r} replaces something of the same name"
            yield Judgement(Change.WEAKENED, why, name, None, lines_of(node))
        elif isinstance(node, ast.ClassDef):
            yield from _tests_below(_scope(node.body, f"{name}."))
        elif unknown:
            why = f"{name!r} may replace a test that its class inherits from {unknown[0]!r}"
            yield Judgement(Change.WEAKENED, why, name, None, lines_of(node))
        else:
            yield Judgement(Change.ADDED, f"{name!r} was added", name, None, lines_of(node))


def _inherited(bases: Sequence[ast.expr], known: _Classes) -> tuple[set[str], list[str]]:
    """Return the names that a class inherits inside its module, and the bases of which nothing is known."""
    names: set[str] = set()
    unknown: list[str] = []
    left, seen = [ast.unparse(base) for base in bases], set[str]()
    while left:
        title = left.pop()
        if title in known and title not in seen:
            names |= names_in(known[title].body)
            left += [ast.unparse(base) for base in known[title].bases]
        elif title not in known and not _is_plain(title):
            unknown.append(title)
        seen.add(title)
    return names, unknown


def _is_plain(base: str) -> bool:
    title = base.partition("[")[0].rpartition(".")[2]
    return title in _BASES or title.endswith("TestCase")


def _tests_below(scope: _Scope) -> Iterator[Judgement]:
    for name, node in scope.tests.items():
        yield Judgement(Change.ADDED, f"{name!r} was added", name, None, lines_of(node))
    for name, node in scope.classes.items():
        yield from _tests_below(_scope(node.body, f"{name}."))
