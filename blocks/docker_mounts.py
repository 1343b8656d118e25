"""What a command's container sees of the host: paths that the command names, at the same place, nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from blocks.sandbox import Command
from contracts.errors import Misconfigured

_SYSTEM = tuple(map(Path, ("/proc", "/sys", "/dev", "/run", "/etc", "/usr", "/lib", "/bin", "/opt/delivery", "/root")))
_IMAGES = tuple(map(Path, ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc")))


class Mount(NamedTuple):
    """One path of the host in a container.

    Args:
        path: the same outside and inside.
        writable: whether the command may change what lies there.
    """

    path: Path
    writable: bool


def mounts_of(command: Command, readable: list[Path]) -> tuple[Mount, ...]:
    """Return the mounts of a command, outer ones first.

    What lies below a writable mount is not mounted again: a command could have put a link to the host's files there.
    Of what a command may only read, links and what lies in the system's own folders are the image's, not the host's.

    Args:
        command: the command.
        readable: paths that every command may read.

    Raises:
        Misconfigured: a path is a link, a socket, relative, or would cover what the container itself needs.
    """
    kept = [command.home] if command.home else []
    writable = sorted({*command.writable, *kept})
    outer = [path for path in writable if not any(other in path.parents for other in writable)]
    named = {path for path in command.readable if not path.is_symlink() and not _is_systems(path)}
    seen = sorted({command.directory, *named, *readable} - set(outer))
    shown = [path for path in seen if not any(other in path.parents for other in (*outer, *seen))]
    found = [Mount(path, writable=True) for path in outer] + [Mount(path, writable=False) for path in shown]
    for mount in found:
        _check(mount.path)
    return tuple(sorted(found, key=lambda mount: len(mount.path.parts)))


def owned_by_command(command: Command) -> list[Path]:
    """Return the trees that the command's user must be able to enter, outer ones only."""
    kept = [command.home] if command.home else []
    trees = {*command.writable, command.directory, *kept}
    return sorted(path for path in trees if not any(other in path.parents for other in trees))


def _is_systems(path: Path) -> bool:
    return any(folder in path.parents for folder in _IMAGES)


def _check(path: Path) -> None:
    shown = str(path)
    if not path.is_absolute() or ".." in path.parts:
        raise Misconfigured(f"The path {shown!r} cannot be mounted in a container; name it absolutely, without '..'")
    if path.is_symlink() or path.is_socket():
        raise Misconfigured(f"The path {shown!r} is a link or a socket, which no container gets; name a file or folder")
    if any(system == path or path in system.parents for system in _SYSTEM):
        raise Misconfigured(f"The path {shown!r} would cover the container's own files; name a folder below it")
