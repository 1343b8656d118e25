"""What every sandbox asks of a command before it runs."""

from __future__ import annotations

from pathlib import Path

from blocks.sandbox import Command
from contracts.errors import Misconfigured


def check_command(command: Command, readable: list[Path]) -> None:
    """Refuse a command that cannot be run as it is described.

    Args:
        command: the command.
        readable: paths that the sandbox itself lets every command read.

    Raises:
        Misconfigured: a path does not exist, or a variable or an argument cannot be passed on.
    """
    if not command.directory.is_dir():
        raise Misconfigured(f"The working directory {str(command.directory)!r} does not exist; create it first")
    kept = [command.home] if command.home else []
    for path in (*command.writable, *command.readable, *kept, *readable):
        if not path.exists():
            raise Misconfigured(f"The path {str(path)!r} for a sandbox does not exist; create it or leave it out")
    for name, value in command.environment.items():
        if name.upper().startswith("PREFECT_") or not name or "=" in name or "\0" in name + value:
            raise Misconfigured(f"The variable {name!r} cannot be given to a sandboxed command; leave it out")
    if any("\0" in argument for argument in command.argv):
        raise Misconfigured(f"An argument of {command.argv[0]!r} contains a NUL character; pass it on standard input")
