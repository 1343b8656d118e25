"""Files go to the user of a sandbox and come back, without following a link that the sandbox may have left."""

from __future__ import annotations

import os
import stat
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

_SPECIAL = stat.S_ISUID | stat.S_ISGID


@contextmanager
def lent(trees: list[Path], user: int, group: int) -> Generator[None]:
    """Trees that a sandbox's user owns for the time of the block, and this process's user afterwards.

    Nothing happens when they are the same user.
    """
    theirs = user != os.getuid()
    for tree in trees if theirs else []:
        hand_over(tree, user, group)
    try:
        yield
    finally:
        for tree in trees if theirs else []:
            take_back(tree, os.getuid(), os.getgid())


def hand_over(tree: Path, user: int, group: int) -> None:
    """Give a tree to a user; only root can.

    A file with several names may lie elsewhere too, so it stays whose it is.

    Args:
        tree: folder or file.
        user: user id.
        group: group id.
    """
    for folder, name, status in _entries(tree):
        if status.st_uid != user and (stat.S_ISDIR(status.st_mode) or status.st_nlink == 1):
            _own(folder, name, user, group)


def take_back(tree: Path, user: int, group: int) -> None:
    """Make a user the owner of everything in a tree, and take set-user and set-group bits away.

    Args:
        tree: folder or file; nothing to do when it is gone.
        user: user id.
        group: group id.
    """
    for folder, name, status in _entries(tree):
        if status.st_uid == user:
            continue
        _own(folder, name, user, group)
        if stat.S_ISREG(status.st_mode) and status.st_mode & _SPECIAL:
            with suppress(OSError):
                descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
                os.fchmod(descriptor, stat.S_IMODE(status.st_mode) & ~_SPECIAL)
                os.close(descriptor)


def _own(folder: int | None, name: str, user: int, group: int) -> None:
    with suppress(FileNotFoundError):
        os.chown(name, user, group, dir_fd=folder, follow_symlinks=False)


def _entries(tree: Path) -> Generator[tuple[int | None, str, os.stat_result]]:
    """Each entry of a tree as (open folder, name, status), the tree itself first."""
    with suppress(FileNotFoundError):
        yield None, str(tree), tree.lstat()
    for _, folders, files, folder in os.fwalk(tree, follow_symlinks=False):
        for name in (*folders, *files):
            with suppress(FileNotFoundError):
                yield folder, name, os.stat(name, dir_fd=folder, follow_symlinks=False)
