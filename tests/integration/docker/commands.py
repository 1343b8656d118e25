"""Commands as the tests of the Docker sandbox run them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from blocks.docker_sandbox import DockerSandbox
from blocks.sandbox import Command, CommandResult
from contracts.agent import Limits


def shell(
    sandbox: DockerSandbox,
    directory: Path,
    script: str,
    on_line: Callable[[str], None] | None = None,
    on_output: Callable[[str], bool] | None = None,
    **more: Any,
) -> CommandResult:
    """Run a shell script in a folder that it may change; limits and fields of `Command` go by name."""
    limits = {name: more.pop(name) for name in list(more) if name in Limits.model_fields}
    given = {"argv": ["sh", "-c", script], "directory": directory, "writable": [directory]}
    command = Command.model_validate(given | {"limits": limits} | more)
    return sandbox.run(command, on_line, on_output)


def python(sandbox: DockerSandbox, directory: Path, script: str, **more: Any) -> CommandResult:
    """Run a Python script likewise."""
    return shell(sandbox, directory, "", argv=["python3", "-c", script], **more)
