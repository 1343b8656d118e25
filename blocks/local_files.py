"""Files that survive a crash, and locks that do not: what the local forge's records stand on."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


def write_durably(path: Path, text: str) -> None:
    """Replace the file at `path` by `text` so that a crash leaves the old or the new content, never a part.

    The folder is created when it is missing. Two writers of one path must hold one lock.
    """
    _make_folder(path.parent)
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8", errors="surrogateescape") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    _sync_folder(path.parent)


def read_text(path: Path) -> str:
    """Return what `write_durably` wrote, or an empty text when there is no such file."""
    try:
        return path.read_text(encoding="utf-8", errors="surrogateescape")
    except FileNotFoundError:
        return ""


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Generator[bool]:
    """Hold the lock file at `path` and yield True; the kernel frees it when the process dies.

    Args:
        path: the lock file, created when it is missing and left behind empty.
        wait: False: yield False at once when somebody else holds the lock.
    """
    _make_folder(path.parent)
    with path.open("a") as file:
        yield _take(file, wait)


def _take(file: IO[str], wait: bool) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
