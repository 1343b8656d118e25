"""Which of the tools that a program offers does what, and with which arguments."""

from __future__ import annotations

import base64
import itertools
import json
import shlex
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from bench.model_server.moves import Answer, Edit, Final, Say, Shell

_NUMBERS = itertools.count(1)


class Call(NamedTuple):
    """A call of a tool.

    Args:
        name: of the tool.
        arguments: by name.
        free: the tool takes this text instead of arguments; none: it takes arguments.
        id: unique in this process.
    """

    name: str
    arguments: dict[str, Any]
    free: str | None = None
    id: str = ""


_SHELLS: dict[str, Callable[[str], dict[str, Any]]] = {
    "Bash": lambda command: {"command": command, "description": "Run a command"},
    "bash": lambda command: {"command": command, "description": "Run a command"},
    "run_shell_command": lambda command: {"command": command, "description": "Run a command"},
    "shell_command": lambda command: {"command": command},
    "exec_command": lambda command: {"cmd": command},
    "shell": lambda command: {"command": ["bash", "-lc", command]},
}
_WRITERS: dict[str, Callable[[str, str], dict[str, Any]]] = {
    "Write": lambda path, content: {"file_path": path, "content": content},
    "write_file": lambda path, content: {"file_path": path, "content": content},
    "write": lambda path, content: {"filePath": path, "content": content},
}
_STRUCTURED = ("StructuredOutput", "final_result")


def call_for(move: Answer, names: Collection[str], otherwise: str) -> Call | None:
    """Return how a model does a move with the tools that it is offered; none: in text.

    Args:
        move: what it does.
        names: tools that it is offered.
        otherwise: the shell that it asks for when it is offered none.
    """
    if isinstance(move, Say):
        return None
    if isinstance(move, Final):
        structured = next((name for name in _STRUCTURED if name in names), None)
        return _call(structured, move.value) if structured else None
    if isinstance(move, Edit):
        writer = next((name for name in _WRITERS if name in names), None)
        if writer:
            return _call(writer, _WRITERS[writer](move.path, move.content))
        if _runs_code(names):
            lines = "".join(f"+{line}\n" for line in move.content.splitlines())
            patch = f"*** Begin Patch\n*** Add File: {move.path}\n{lines}*** End Patch\n"
            return _code(f"text(await tools.apply_patch({json.dumps(patch)}))")
    return _shell(move.command if isinstance(move, Shell) else _written(move), names, otherwise)


def text_of(move: Answer) -> str:
    """Return what a model says with a move that needs no tool."""
    if isinstance(move, Final):
        return json.dumps(move.value)
    return move.text if isinstance(move, Say) else ""


def unique(prefix: str) -> str:
    """Return an id that no other one of this process is equal to."""
    return f"{prefix}{next(_NUMBERS):08d}"


def _call(name: str, arguments: dict[str, Any]) -> Call:
    return Call(name, arguments, id=unique("call_"))


def _shell(command: str, names: Collection[str], otherwise: str) -> Call:
    if _runs_code(names):
        return _code(f"text(await tools.exec_command({{cmd: {json.dumps(command)}}}))")
    name = next((one for one in _SHELLS if one in names), otherwise)
    return _call(name, _SHELLS[name](command))


def _runs_code(names: Collection[str]) -> bool:
    """Whether the only way to a tool is a piece of JavaScript that calls it."""
    return "exec" in names and not any(name in names for name in _SHELLS)


def _code(code: str) -> Call:
    return Call("exec", {}, free=code, id=unique("call_"))


def _written(move: Edit) -> str:
    content = base64.b64encode(move.content.encode()).decode()
    return f"echo {content} | base64 -d > {shlex.quote(move.path)}"
