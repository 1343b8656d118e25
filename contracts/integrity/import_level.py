"""Which parts of a Python module run while it is imported, by its syntax tree alone."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator

from contracts.integrity.python_origins import Origins
from contracts.integrity.syntax_shape import Function, terminal

_ALWAYS = frozenset({"__del__", "__getattr__", "__init_subclass__", "__mro_entries__", "__prepare__", "__set_name__"})
_PLAIN_DECORATORS = frozenset({"classmethod", "property", "staticmethod"})
_BUILTINS = frozenset(dir(builtins))


def import_level(tree: ast.Module, origins: Origins) -> set[int]:
    """Return the `id` of every node of a module that runs while it is imported.

    Args:
        tree: the module.
        origins: where its names come from.

    What stands under `if __name__ == "__main__"` does not run. The body of a function runs when it is called by name
    at that level, also through another function, a class or a builtin such as `map`; where the tree cannot tell, it
    counts as running. So does `__del__`, which runs when the tests are over.
    """
    return _Walk(tree, origins).found


class _Walk:
    """A walk along everything that importing a module reaches."""

    def __init__(self, tree: ast.Module, origins: Origins) -> None:
        self.found: set[int] = set()
        self._origins = origins
        self._guards = not _rebinds_name(tree)
        self._bodies: dict[str, list[ast.AST]] = {}
        self._calling: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, Function):
                self._bodies.setdefault(node.name, []).extend(node.body)
                self._calling |= {node.name} if _calls_parameter(node) else set()
            elif isinstance(node, ast.ClassDef):
                self._bodies.setdefault(node.name, []).extend(_special_methods(node))
        left: list[ast.AST] = [*tree.body]
        while left:
            node = left.pop()
            if id(node) not in self.found:
                self.found.add(id(node))
                left += self._next(node)

    def _next(self, node: ast.AST) -> Iterator[ast.AST]:
        if isinstance(node, ast.If) and self._guards and _is_program_guard(node.test):
            yield from node.orelse
        elif isinstance(node, Function):
            yield from self._defining(node)
        else:
            yield from ast.iter_child_nodes(node)
            if isinstance(node, ast.Call):
                yield from self._called(node)
            elif isinstance(node, ast.ClassDef):
                yield from self._deciding(node)

    def _defining(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
        yield node.args
        yield from [*node.decorator_list, *([node.returns] if node.returns else [])]
        if node.name in _ALWAYS or any(map(self._runs_what_it_decorates, node.decorator_list)):
            yield from node.body
        yield from (body for decorator in node.decorator_list for body in self._bodies.get(terminal(decorator), ()))

    def _runs_what_it_decorates(self, decorator: ast.expr) -> bool:
        if isinstance(decorator, ast.Name):
            return decorator.id in self._calling or (decorator.id in _BUILTINS - _PLAIN_DECORATORS)
        return isinstance(decorator, ast.Lambda)

    def _deciding(self, node: ast.ClassDef) -> Iterator[ast.AST]:
        yield from (body for decorator in node.decorator_list for body in self._bodies.get(terminal(decorator), ()))
        if any(isinstance(base, ast.Name) and base.id == "type" for base in node.bases):
            yield from _special_methods(node)

    def _called(self, node: ast.Call) -> Iterator[ast.AST]:
        name = terminal(node.func)
        if isinstance(node.func, ast.Name):
            yield from self._bodies.get(name, ())
            if name in _BUILTINS or name in self._calling:
                arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
                yield from (body for argument in arguments for body in self._bodies.get(_name(argument), ()))
        elif isinstance(node.func, ast.Attribute) and not self._origins.of(node.func):
            yield from self._bodies.get(name, ())


def _name(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""


def _special_methods(node: ast.ClassDef) -> list[ast.stmt]:
    methods = [method for method in node.body if isinstance(method, Function) and method.name.startswith("__")]
    return [statement for method in methods if method.name.endswith("__") for statement in method.body]


def _calls_parameter(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    arguments = function.args
    names = {one.arg for one in [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]}
    left: list[ast.AST] = [*function.body]
    while left:
        node = left.pop()
        if isinstance(node, ast.Call) and _name(node.func) in names:
            return True
        if not isinstance(node, Function | ast.Lambda):
            left += ast.iter_child_nodes(node)
    return False


def _is_program_guard(test: ast.expr) -> bool:
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(map(_is_program_guard, test.values))
    if not (isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.ops[0], ast.Eq)):
        return False
    sides = (test.left, test.comparators[0])
    values = {side.value for side in sides if isinstance(side, ast.Constant)}
    return "__main__" in values and "__name__" in {_name(side) for side in sides}


def _rebinds_name(tree: ast.Module) -> bool:
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and node.id == "__name__" and not isinstance(node.ctx, ast.Load):
            return True
        bound = getattr(node, "asname", None) or getattr(node, "name", None)
        if bound == "__name__" or (isinstance(node, ast.Name) and node.id == "globals"):
            return True
    return False
