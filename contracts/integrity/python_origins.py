"""Where the names of a Python module come from: what it imported, and under which name."""

from __future__ import annotations

import ast

BUILTINS = frozenset({
    "__builtins__", "__import__", "compile", "delattr", "eval", "exec", "exit", "getattr", "object", "open", "quit",
    "setattr", "type", "vars",
})  # fmt: skip
"""Built-in names that are followed like imported ones."""

_IMPORTING = frozenset({"__import__", "importlib.import_module", "importlib.__import__"})
_PASSES = 2
_MOST = 32


class Origins:
    """The dotted names that each name of a module may stand for.

    A name that is bound in several ways stands for all of them, because which one holds at a given line is not asked.
    Raises `ValueError` for a module in which one name stands for more than 32.
    """

    def __init__(self, tree: ast.Module) -> None:
        self._names: dict[str, set[str]] = {}
        nodes = list(ast.walk(tree))
        for node in nodes:
            if isinstance(node, ast.Import):
                for alias in node.names:
                    origin = imported(node, alias, whole=bool(alias.asname))
                    self._bind(alias.asname or origin, origin)
            elif isinstance(node, ast.ImportFrom):
                for alias in node.names:
                    if alias.name != "*":
                        self._bind(alias.asname or alias.name, imported(node, alias))
        for node in nodes * _PASSES:
            self._bind_alias(node)

    def of(self, node: ast.AST) -> set[str]:
        """Return the dotted names that an expression may stand for; empty for what was neither imported nor built in.

        `os.path` of `import os` is os.path, `o.path` of `import os as o` too, and so are `getattr(os, "path")`,
        `__import__("os").path` and `sys.modules["os"].path`. A relative import begins with a dot.
        """
        if isinstance(node, ast.Name):
            return self._names.get(node.id, set[str]()) | ({node.id} & BUILTINS)
        if isinstance(node, ast.Attribute):
            return _below(self.of(node.value), node.attr)
        if isinstance(node, ast.Call):
            return self._of_call(node)
        if isinstance(node, ast.Subscript) and "sys.modules" in self.of(node.value):
            key = text_of(node.slice)
            return {key} if key else set()
        return set()

    def _of_call(self, node: ast.Call) -> set[str]:
        called = self.of(node.func) if isinstance(node.func, ast.Name | ast.Attribute) else set[str]()
        if called & _IMPORTING and node.args and (name := text_of(node.args[0])):
            return {name}
        if "getattr" in called and len(node.args) > 1 and (name := text_of(node.args[1])):
            return _below(self.of(node.args[0]), name)
        return set()

    def _bind(self, name: str, origin: str) -> None:
        origins = self._names.setdefault(name, set())
        origins.add(origin)
        if len(origins) > _MOST:
            raise ValueError(f"{name!r} is bound to more than {_MOST} imports; give each a name of its own")

    def _bind_alias(self, node: ast.AST) -> None:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = node.value if isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) else None
        for target in targets:
            pairs = [(target, value)]
            if isinstance(target, ast.Tuple | ast.List) and isinstance(value, ast.Tuple | ast.List):
                pairs = [*zip(target.elts, value.elts, strict=False)]
            for name, source in pairs:
                if isinstance(name, ast.Name) and source is not None:
                    for origin in self.of(source) - self.of(name):
                        if not origin.startswith(tuple(f"{known}." for known in self.of(name))):
                            self._bind(name.id, origin)


def _below(owners: set[str], name: str) -> set[str]:
    return {name if owner in {"builtins", "__builtins__"} else f"{owner}.{name}" for owner in owners}


def imported(node: ast.Import | ast.ImportFrom, alias: ast.alias, *, whole: bool = True) -> str:
    """Return the dotted name of what an import names, or of its topmost package."""
    if isinstance(node, ast.Import):
        return alias.name if whole else alias.name.split(".")[0]
    module = node.module or ""
    if not node.level and module == "builtins":
        return alias.name
    return "." * node.level + (f"{module}.{alias.name}" if module else alias.name)


def text_of(node: ast.AST | None, depth: int = 40) -> str | None:
    """Return the text that an expression is known to be: a constant, added constants, or the parts of an f-string.

    Args:
        node: the expression.
        depth: additions that are followed.

    What is not known of an f-string is left out; none when nothing is known. Bytes are read as Latin-1.
    """
    if isinstance(node, ast.Constant):
        value = node.value.decode("latin-1") if isinstance(node.value, bytes) else node.value
        return value if isinstance(value, str) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and depth:
        left, right = text_of(node.left, depth - 1), text_of(node.right, depth - 1)
        return None if left is None or right is None else left + right
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or "" for part in node.values)
    if isinstance(node, ast.FormattedValue):
        return text_of(node.value)
    return None
