"""Whether what was added to a Python module leaves the tests alone that were there before."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Sequence

from contracts.integrity.python_bodies import Objection
from contracts.integrity.python_markers import BUILTIN_FIXTURES, is_fixture, reaches, skips
from contracts.integrity.strictness import UNPROVEN, Change
from contracts.integrity.syntax_shape import Function, names_in, terminal

_DESELECTING = re.compile(
    r"__test__|__init__|__new__|load_tests|collect_ignore(_glob)?|__getattr(ibute)?__|__unittest_.*"
)
_REGISTERING = re.compile(r"pytest_.*")
_SPECIAL = re.compile(
    r"__\w+__|pytestmark|(setup|teardown)(_module|_function|_class|_method)?|(setUp|tearDown)(Class|Module)?"
    r"|async(SetUp|TearDown)"
)
_DECORATORS = frozenset({
    "fixture", "staticmethod", "classmethod", "property", "cached_property", "contextmanager", "asynccontextmanager",
    "dataclass", "lru_cache", "cache", "wraps", "overload", "final", "override", "total_ordering", "runtime_checkable",
})  # fmt: skip


def imports_of(statement: ast.stmt) -> dict[str, str] | None:
    """Return name → origin for each name that an import binds; none when the statement is no import."""
    if isinstance(statement, ast.Import):
        return {alias.asname or alias.name: f"import {alias.name}" for alias in statement.names}
    if isinstance(statement, ast.ImportFrom):
        source = "." * statement.level + (statement.module or "")
        return {
            (alias.asname or alias.name) if alias.name != "*" else f"*{source}": f"from {source} import {alias.name}"
            for alias in statement.names
        }
    return None


def object_to_import(name: str, origin: str, taken: set[str]) -> Objection | None:
    """Return what is wrong with an import that was added; none when it binds one fresh and ordinary name."""
    if name.startswith("*"):
        return Objection(Change.WEAKENED, f"{origin!r} was added and may replace names that the tests use")
    return _object_to_name(name.partition(".")[0], taken)


def object_to_statement(statement: ast.stmt, taken: set[str]) -> Objection | None:
    """Return what is wrong with a statement that was added at the level of a module or of a class.

    Args:
        statement: anything but an import or a test.
        taken: names that the older statements read or bind, so that nothing added may bind them.
    """
    objections = (_object_to_name(name, taken) for name in sorted(_bound(statement)))
    return (
        _object_to_deselection(statement) or next(filter(None, objections), None) or _object_to_kind(statement, taken)
    )


def _object_to_deselection(statement: ast.stmt) -> Objection | None:
    marks = skips([statement])
    if marks and not isinstance(statement, Function | ast.ClassDef):
        return Objection(Change.SKIPPED, f"{min(marks)!r} was added at the level of the module or class")
    attributes = {node.attr for node in ast.walk(statement) if isinstance(node, ast.Attribute)}
    if isinstance(statement, ast.Delete) or "__test__" in attributes:
        return Objection(Change.DELETED, f"{ast.unparse(statement)[:80]!r} was added, which takes tests out of the run")
    return None


def _object_to_kind(statement: ast.stmt, taken: set[str]) -> Objection | None:
    if isinstance(statement, Function):
        return _object_to_function(statement, taken)
    if isinstance(statement, ast.ClassDef):
        return _object_to_running([*statement.decorator_list, *statement.keywords, *statement.body], statement)
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.Pass):
        return _object_to_running([statement], statement)
    if isinstance(statement, ast.If) and terminal(statement.test) == "TYPE_CHECKING" and not statement.orelse:
        return next(filter(None, (_object_to_typing(inner, taken) for inner in statement.body)), None)
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
        return None
    return Objection(Change.WEAKENED, f"a statement was added that runs with the module, so it {UNPROVEN}")


def _object_to_typing(statement: ast.stmt, taken: set[str]) -> Objection | None:
    names = imports_of(statement)
    if names is None:
        return object_to_statement(statement, taken)
    return next(filter(None, (object_to_import(name, origin, taken) for name, origin in names.items())), None)


def _object_to_name(name: str, taken: set[str]) -> Objection | None:
    if _DESELECTING.fullmatch(name):
        return Objection(Change.DELETED, f"{name!r} was added, which takes tests out of the run")
    if _REGISTERING.fullmatch(name):
        return Objection(Change.NEUTERED, f"{name!r} was added, which changes how tests are collected or run")
    if _SPECIAL.fullmatch(name):
        return Objection(Change.WEAKENED, f"{name!r} was added, which acts on the tests around it")
    if name in taken and name.lower().startswith("test"):
        return Objection(Change.DELETED, f"{name!r} was bound to something else")
    if name in taken:
        return Objection(Change.WEAKENED, f"{name!r} was defined again, which replaces what the tests use")
    return None


def _object_to_function(function: Function, taken: set[str]) -> Objection | None:
    running = [*function.decorator_list, *function.args.defaults, *filter(None, function.args.kw_defaults)]
    if is_fixture(function):
        return object_to_fixture(function, taken)
    return _object_to_running(running, function)


def _object_to_running(running: Sequence[ast.AST], statement: ast.stmt) -> Objection | None:
    """Object to what runs while the module is imported, because that happens before every test."""
    decorators: list[ast.expr] = getattr(statement, "decorator_list", [])
    unknown = [terminal(decorator) for decorator in decorators if terminal(decorator) not in _DECORATORS]
    if unknown:
        return Objection(Change.WEAKENED, f"an addition is decorated with {unknown[0]!r}, so it {UNPROVEN}")
    if reaches(running):
        return Objection(Change.WEAKENED, f"an addition reaches into other code, so it {UNPROVEN}")
    return None


def object_to_fixture(function: Function, taken: set[str]) -> Objection | None:
    """Return what is wrong with a fixture that was added; none when only tests that ask for it can notice it."""
    name = function.name
    for decorator in function.decorator_list:
        keywords = decorator.keywords if isinstance(decorator, ast.Call) else []
        for keyword in keywords:
            constant = keyword.value.value if isinstance(keyword.value, ast.Constant) else ...
            if keyword.arg == "name" and isinstance(constant, str):
                name = constant
            elif keyword.arg in {"name", None} or (keyword.arg == "autouse" and constant is not False):
                return Objection(Change.WEAKENED, f"the fixture {function.name!r} acts on tests that do not ask for it")
    if name in taken | BUILTIN_FIXTURES:
        return Objection(Change.WEAKENED, f"the fixture {name!r} replaces one that the tests use")
    running = [*function.decorator_list, *function.args.defaults, *filter(None, function.args.kw_defaults)]
    return _object_to_running(running, function)


def object_to_conftest(statement: ast.stmt, taken: set[str]) -> Objection | None:
    """Return what is wrong with a statement that was added to a conftest; none for a plain fixture.

    Imports are confined to pytest and the standard library: a fixture imported from elsewhere may be an autouse one.
    """
    imported = imports_of(statement)
    if imported is not None:
        module = statement.module if isinstance(statement, ast.ImportFrom) and not statement.level else None
        modules = [alias.name for alias in statement.names] if isinstance(statement, ast.Import) else [module or "."]
        if any(name.split(".")[0] not in sys.stdlib_module_names | {"pytest"} for name in modules):
            return Objection(Change.NEUTERED, "it gained an import from outside pytest and the standard library")
        objections = (object_to_import(name, origin, taken) for name, origin in imported.items())
        return next(filter(None, objections), None)
    if isinstance(statement, Function) and is_fixture(statement) and len(statement.decorator_list) == 1:
        return _object_to_name(statement.name, taken) or object_to_fixture(statement, taken)
    return Objection(Change.NEUTERED, "it gained something other than a plain fixture")


def object_to_new_module(body: Sequence[ast.stmt]) -> Objection | None:
    """Return what is wrong with a module that was added; none when importing it leaves other modules alone."""
    for statement in body:
        names = imports_of(statement) or dict.fromkeys(_bound(statement), "")
        if "pytest_plugins" in names:
            return Objection(Change.NEUTERED, "it registers plugins with the test run")
        if not isinstance(statement, Function | ast.ClassDef | ast.Import | ast.ImportFrom) and reaches([statement]):
            return Objection(Change.NEUTERED, "it reaches into other modules while it is imported")
    return None


def _bound(statement: ast.stmt) -> set[str]:
    if isinstance(statement, Function | ast.ClassDef):
        return {statement.name}
    if isinstance(statement, ast.Assign | ast.AnnAssign | ast.AugAssign):
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        return names_in(targets)
    return set()
