"""Constructs by which source escapes its tests when they run while it is imported, and that are ordinary elsewhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from contracts.integrity.escapes import ENDS, HIDES, REPLACES, Sign
from contracts.integrity.python_origins import BUILTINS, text_of
from contracts.integrity.python_source import Source
from contracts.integrity.syntax_shape import terminal

_STARTS = "starts other work while it is imported"
_WRITES = "writes files while it is imported"
_SEES = "looks at how the test run was started"

_ENDING = frozenset({
    "exit", "os.close", "os.closerange", "os.dup2", "os.fork", "os.forkpty", "os.kill", "os.killpg", "quit",
    "signal.alarm", "signal.setitimer", "signal.signal", "sys.exit",
})  # fmt: skip
_RAISED = frozenset({"GeneratorExit", "KeyboardInterrupt", "SystemExit"})
_STARTING = frozenset({
    "_thread.start_new_thread", "asyncio.create_subprocess_exec", "asyncio.create_subprocess_shell",
    "multiprocessing.Process", "os.popen", "os.startfile", "os.system", "pty.spawn", "subprocess.Popen",
    "subprocess.call", "subprocess.check_call", "subprocess.check_output", "subprocess.getoutput",
    "subprocess.getstatusoutput", "subprocess.run", "threading.Thread", "threading.Timer",
})  # fmt: skip
_STARTING_PREFIXES = ("os.exec", "os.posix_spawn", "os.spawn")
_HIDING = ("dill.load", "dill.loads", "pickle.load", "pickle.loads", "shelve.open")
_IMPORTING = frozenset({"importlib.import_module", "importlib.__import__", "importlib.util.spec_from_file_location"})
_OPENING = frozenset({"bz2.open", "codecs.open", "gzip.open", "io.FileIO", "io.open", "lzma.open", "open", "os.fdopen"})
_WRITING = frozenset({
    "os.chdir", "os.chmod", "os.link", "os.open", "os.remove", "os.rename", "os.replace", "os.rmdir", "os.symlink",
    "os.truncate", "os.unlink", "os.write", "shutil.copy", "shutil.copy2", "shutil.copyfile", "shutil.copytree",
    "shutil.move", "shutil.rmtree",
})  # fmt: skip
_PATH_WRITING = frozenset({"hardlink_to", "symlink_to", "touch", "unlink", "write_bytes", "write_text"})
_PATH_CHANGES = frozenset({"append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"})
_SETTING = frozenset({"delattr", "object.__setattr__", "setattr", "type.__setattr__"})


def import_escapes(source: Source) -> Iterator[Sign]:
    """Return each use of a construct that ordinary source has inside functions only, where it runs at import."""
    for node in ast.walk(source.tree):
        if not source.runs_at_import(node):
            continue
        if isinstance(node, ast.Call):
            yield from _call(node, source)
        elif isinstance(node, ast.Raise) and terminal(node.exc) in _RAISED and not source.is_program:
            yield Sign(f"raise {terminal(node.exc)}", ENDS, node)
        elif isinstance(node, ast.Name | ast.Attribute):
            yield from _reference(node, source)
        elif isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            yield from _entry(node, source)


def _call(node: ast.Call, source: Source) -> Iterator[Sign]:
    called = source.origins.of(node.func)
    first = source.origins.of(node.args[0]) if node.args else set[str]()
    for name in sorted(called | _handed_on(node, source)):
        if name in _ENDING and not (source.is_program and name in {"sys.exit", "exit", "quit"}):
            yield Sign(name, ENDS, node)
        elif name in _STARTING or name.startswith(_STARTING_PREFIXES):
            yield Sign(name, _STARTS, node)
        elif name in _HIDING or (name in _IMPORTING and not source.origins.of(node)):
            yield Sign(name, HIDES, node)
        elif name in _WRITING or (name in _OPENING and not _only_reads(node, 1)):
            yield Sign(name, _WRITES, node)
        elif name == "site.addsitedir" or (name in _SETTING and _are_foreign(first)):
            yield Sign(ast.unparse(node)[:60], REPLACES, node)
    method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if not called and (method in _PATH_WRITING or (method == "open" and not _only_reads(node, 0))):
        yield Sign(method, _WRITES, node)


def _handed_on(node: ast.Call, source: Source) -> set[str]:
    """Return what a call of an unknown or built-in function is given, which it may call in turn."""
    if not isinstance(node.func, ast.Name) or source.origins.of(node.func):
        return set()
    return {name for argument in node.args for name in source.origins.of(argument)}


def _only_reads(node: ast.Call, place: int) -> bool:
    """Return whether a call of `open` is known to read, by its mode at this place among the arguments."""
    named = [keyword.value for keyword in node.keywords if keyword.arg == "mode"]
    unknown = any(keyword.arg is None for keyword in node.keywords) or any(
        isinstance(argument, ast.Starred) for argument in node.args
    )
    modes = [*node.args[place : place + 1], *named]
    texts = [text_of(mode) for mode in modes]
    return not unknown and all(text is not None and not set(text) & set("wax+") for text in texts)


def _reference(node: ast.Name | ast.Attribute, source: Source) -> Iterator[Sign]:
    names = source.origins.of(node)
    if names & {"sys.argv", "sys.orig_argv"} and not source.is_program:
        yield Sign("sys.argv", _SEES, node)
    around = source.parent(node)
    if "sys.path" in names and (
        not isinstance(node.ctx, ast.Load) or (isinstance(around, ast.Attribute) and around.attr in _PATH_CHANGES)
    ):
        yield Sign("sys.path", "changes which modules are imported", node)
    elif isinstance(node, ast.Attribute):
        if not isinstance(node.ctx, ast.Load) and _are_foreign(source.origins.of(node.value)):
            yield Sign(f"{ast.unparse(node)[:60]} =", REPLACES, node)
        elif node.attr == "__dict__" and _are_foreign(source.origins.of(node.value)):
            yield Sign(ast.unparse(node)[:60], REPLACES, node)


def _entry(node: ast.Subscript, source: Source) -> Iterator[Sign]:
    if "sys.path" in source.origins.of(node.value):
        yield Sign("sys.path", "changes which modules are imported", node)
    elif isinstance(node.value, ast.Call) and "vars" in source.origins.of(node.value.func):
        yield Sign(ast.unparse(node)[:60], REPLACES, node)


def _are_foreign(names: set[str]) -> bool:
    """Return whether any name was imported from outside the package; built-in names are not imported."""
    return any(name.split(".")[0] not in {"", *BUILTINS} for name in names)
