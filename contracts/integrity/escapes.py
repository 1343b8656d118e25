"""Constructs by which source escapes the tests that judge it, wherever they stand in a module."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from contracts.integrity.python_origins import imported
from contracts.integrity.python_source import Source
from contracts.integrity.syntax_shape import terminal

ENDS = "can end the run that judges it"
TOOLS = "reaches into the tools or the tests that judge it"
SKIPS = "leaves out the test that calls it"
LOOKS = "looks at the code that calls it"
REPLACES = "replaces code that is not its own"
HIDES = "runs code that cannot be read here"
FOREIGN = "reaches code that was not given to it"
LATER = "runs when the tests are over"
NATIVE = "reaches past the interpreter"
NAMES = "names the tests, their tool or their report"
COMPARES = "changes how values compare"

_TEST_MODULE = re.compile(r"\.*test(\.|$)|(.*\.)?(conftest|test_\w+|\w+_test|tests)(\.|$)")
_NAMES_TESTS = re.compile(
    r"junit|conftest|pytest|unittest|<testcase|<testsuite|\btests/|^tests$|\btest_[\w*?]*\.py|\b_exit\b", re.IGNORECASE
)

_MODULES = {
    **dict.fromkeys(("_hypothesis_pytestplugin", "_pytest", "coverage", "doctest", "hypothesis", "junitparser"), TOOLS),
    **dict.fromkeys(("__main__", "nose", "nose2", "pluggy", "pytest", "unittest", "xdist"), TOOLS),
    **dict.fromkeys(("_testcapi", "_testinternalcapi", "_ctypes", "ctypes", "faulthandler"), NATIVE),
    **dict.fromkeys(("code", "codeop", "imp", "marshal", "runpy", "zipimport"), HIDES),
    **dict.fromkeys(("bdb", "trace"), LOOKS),
    **dict.fromkeys(("nt", "posix"), ENDS),
    "atexit": LATER,
}
_DOTTED = {
    **dict.fromkeys(("os._exit", "os.abort", "signal.raise_signal", "_thread.interrupt_main"), ENDS),
    **dict.fromkeys(("gc.callbacks", "gc.get_objects", "gc.get_referents", "gc.get_referrers"), LOOKS),
    **dict.fromkeys(("inspect.stack", "inspect.trace", "sys.addaudithook", "sys.monitoring"), LOOKS),
    **dict.fromkeys(("traceback.extract_stack", "traceback.format_stack", "traceback.walk_stack"), LOOKS),
    **dict.fromkeys(("sys.meta_path", "sys.path_hooks", "sys.path_importer_cache"), REPLACES),
    **dict.fromkeys(("multiprocessing.util.Finalize", "threading._register_atexit", "weakref.finalize"), LATER),
    **dict.fromkeys(("types.CodeType", "types.FunctionType"), HIDES),
    **dict.fromkeys(("importlib.util.module_from_spec", "importlib.machinery.SourceFileLoader"), HIDES),
    **dict.fromkeys(("__builtins__", "__import__", "eval", "exec"), HIDES),
}
_ATTRIBUTES = {
    **dict.fromkeys(("_current_frames", "_getframe", "_getframemodulename", "currentframe", "getinnerframes"), LOOKS),
    **dict.fromkeys(("f_back", "f_builtins", "f_globals", "f_locals", "getouterframes", "tb_frame"), LOOKS),
    **dict.fromkeys(("ag_frame", "cr_frame", "gi_frame", "setprofile", "settrace"), LOOKS),
    **dict.fromkeys(("__builtins__", "__globals__", "__self__", "__subclasses__"), FOREIGN),
    **dict.fromkeys(("SkipTest", "__unittest_skip__"), SKIPS),
    "_exit": ENDS,
}
_STORED = frozenset({"__code__", "__defaults__", "__kwdefaults__"})
_RISKY = frozenset({
    "builtins", "ctypes", "gc", "importlib", "inspect", "os", "posix", "signal", "subprocess", "sys", "traceback",
})  # fmt: skip
_SELF = frozenset({"getpgid", "getpgrp", "getpid", "getppid", "getsid", "get_ident", "main_thread"})


@dataclass(frozen=True)
class Sign:
    """One use of a construct."""

    what: str
    why: str
    node: ast.AST


def escapes(source: Source) -> Iterator[Sign]:
    """Return each use of a construct that no ordinary source needs, at import or later."""
    for text, node in source.texts():
        if match := _NAMES_TESTS.search(text):
            yield Sign(text[max(0, match.start() - 20) : match.start() + 40], NAMES, node)
        elif why := _ATTRIBUTES.get(text):
            yield Sign(text, why, node)
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import | ast.ImportFrom):
            yield from _import(node)
        elif isinstance(node, ast.Name | ast.Attribute):
            yield from _reference(node, source)
        elif isinstance(node, ast.Call):
            yield from _call(node, source)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("pytest_"):
            yield Sign(node.name, TOOLS, node)
        elif isinstance(node, ast.Raise) and node.exc and terminal(node.exc) in {"SkipTest", "Skipped"}:
            yield Sign(f"raise {terminal(node.exc)}", SKIPS, node)


def _import(node: ast.Import | ast.ImportFrom) -> Iterator[Sign]:
    for alias in node.names:
        name = imported(node, alias)
        module = name
        if isinstance(node, ast.ImportFrom) and node.module and alias.name not in {"conftest", "tests"}:
            module = "." * node.level + node.module
        if why := why_imported(module):
            yield Sign(f"import {module}", why, node)
        elif alias.name == "*" and isinstance(node, ast.ImportFrom) and node.module in _RISKY:
            yield Sign(f"import {name}", "may bring anything under its plain name", node)
        elif why := _DOTTED.get(name) or _ATTRIBUTES.get(alias.name):
            yield Sign(name, why, node)


def why_imported(name: str) -> str:
    """Return what is wrong with importing a module in source, or an empty text; relative names begin with a dot."""
    if _TEST_MODULE.match(name):
        return TOOLS
    return _MODULES.get(name.split(".", maxsplit=1)[0], "")


def _reference(node: ast.Name | ast.Attribute, source: Source) -> Iterator[Sign]:
    names = source.origins.of(node)
    for name in sorted(names & _DOTTED.keys()):
        yield Sign(name, _DOTTED[name], node)
    last = node.attr if isinstance(node, ast.Attribute) else ""
    if last in _ATTRIBUTES and not names & _DOTTED.keys():
        yield Sign(last, _ATTRIBUTES[last], node)
    if "sys.modules" in names:
        yield from _loaded_modules(node, source)
    if isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load):
        if last in _STORED or "builtins" in source.origins.of(node.value):
            yield Sign(f"{ast.unparse(node)[:60]} =", REPLACES, node)
        elif last in {"__bool__", "__eq__", "__ge__", "__gt__", "__le__", "__lt__", "__ne__"}:
            yield Sign(f"{ast.unparse(node)[:60]} =", COMPARES, node)
    if last == "__dict__" and isinstance(node, ast.Attribute) and source.origins.of(node.value) & _RISKY:
        yield Sign(ast.unparse(node)[:60], HIDES, node)


def _loaded_modules(node: ast.Name | ast.Attribute, source: Source) -> Iterator[Sign]:
    """Asking for one known module is ordinary; everything else reaches modules that are not named here."""
    around = source.parent(node)
    key: ast.expr | None = None
    if isinstance(around, ast.Subscript) and isinstance(around.ctx, ast.Load):
        key = around.slice
    elif isinstance(around, ast.Attribute) and around.attr == "get":
        call = source.parent(around)
        key = call.args[0] if isinstance(call, ast.Call) and call.args else None
    known = isinstance(key, ast.Constant) or terminal(key) in {"__module__", "__name__", "__package__"}
    if not known and not isinstance(around, ast.Compare):
        yield Sign("sys.modules", REPLACES, node)


def _call(node: ast.Call, source: Source) -> Iterator[Sign]:
    called = source.origins.of(node.func)
    first = source.origins.of(node.args[0]) if node.args else set[str]()
    if "compile" in called:
        yield Sign("compile", HIDES, node)
    for name in source.origins.of(node):
        if why := why_imported(name) or _DOTTED.get(name, ""):
            yield Sign(name, why, node)
    if called & {"getattr", "vars"} and first & _RISKY and not source.origins.of(node):
        yield Sign(ast.unparse(node)[:60], HIDES, node)
    if called & {"setattr", "delattr", "object.__setattr__", "type.__setattr__"} and "builtins" in first:
        yield Sign(ast.unparse(node)[:60], REPLACES, node)
    if called & {"os.kill", "os.killpg", "signal.pthread_kill"} and _is_self(node.args[:1]):
        yield Sign(next(iter(called)), ENDS, node)
    if any(name.endswith(("pickle.loads", "dill.loads")) for name in called) and _holds_bytes(node.args[:1]):
        yield Sign(next(iter(called)), HIDES, node)


def _is_self(arguments: list[ast.expr]) -> bool:
    inside = [inner for argument in arguments for inner in ast.walk(argument)]
    calls = any(isinstance(node, ast.Call) and terminal(node) in _SELF for node in inside)
    return calls or any(ast.unparse(argument) in {"0", "-1"} for argument in arguments)


def _holds_bytes(arguments: list[ast.expr]) -> bool:
    inside = (inner for argument in arguments for inner in ast.walk(argument))
    return any(isinstance(node, ast.Constant) and isinstance(node.value, bytes | str) for node in inside)
