"""A Python module, read once for everything that is asked about its single nodes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from contracts.integrity.import_level import import_level
from contracts.integrity.python_origins import Origins, text_of
from contracts.integrity.syntax_shape import parse

_DOCUMENTED = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Module)


class Source:
    """The nodes of a module with their place: what is around them, and whether they run while it is imported.

    Args:
        path: path in the repository.
        text: the source; raises one of `UNREADABLE` when it is no Python or not written as UTF-8.
    """

    def __init__(self, path: str, text: str) -> None:
        self.tree = parse(text)
        self.origins = Origins(self.tree)
        self.is_program = PurePosixPath(path).name == "__main__.py"
        self._running = import_level(self.tree, self.origins)
        self._parents = {id(child): node for node in ast.walk(self.tree) for child in ast.iter_child_nodes(node)}
        self._silent = set(self._find_silent())

    def parent(self, node: ast.AST) -> ast.AST | None:
        """Return the node around a node; none for the module."""
        return self._parents.get(id(node))

    def runs_at_import(self, node: ast.AST) -> bool:
        """Return whether a node runs while the module is imported."""
        return id(node) in self._running

    def statement(self, node: ast.AST) -> ast.stmt | None:
        """Return the statement that a node stands in; none for the module."""
        around: ast.AST | None = node
        while around is not None and not isinstance(around, ast.stmt):
            around = self.parent(around)
        return around

    def texts(self) -> Iterator[tuple[str, ast.AST]]:
        """Return each text that the module holds and its node, put together where it is written in parts.

        Texts that stand as a statement are left out, docstrings too unless the module reads one.
        """
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Constant | ast.BinOp | ast.JoinedStr) and id(node) not in self._silent:
                inner = isinstance(self.parent(node), ast.BinOp | ast.JoinedStr) and text_of(self.parent(node))
                text = "" if inner else text_of(node)
                if text:
                    yield text, node

    def _find_silent(self) -> Iterator[int]:
        nodes = list(ast.walk(self.tree))
        read = any("__doc__" in (getattr(node, "id", ""), getattr(node, "attr", "")) for node in nodes)
        documented = [node for node in nodes if isinstance(node, _DOCUMENTED) and node.body] if read else []
        docstrings = {id(node.body[0]) for node in documented}
        for node in nodes:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and id(node) not in docstrings:
                yield id(node.value)
