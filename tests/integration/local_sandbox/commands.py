"""Commands as the tests of the local sandbox run them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from blocks.local_sandbox import LocalSandbox
from blocks.sandbox import Command, CommandResult
from contracts.agent import Limits


def shell(
    sandbox: LocalSandbox,
    directory: Path,
    script: str,
    on_line: Callable[[str], None] | None = None,
    **more: Any,
) -> CommandResult:
    """Run a shell script in a folder that it may change; limits and fields of `Command` go by name."""
    limits = {name: more.pop(name) for name in list(more) if name in Limits.model_fields}
    given = {"argv": ["sh", "-c", script], "directory": directory, "writable": [directory], "limits": limits}
    return sandbox.run(Command.model_validate(given | more), on_line)
