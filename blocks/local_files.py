"""Files that survive a crash, and locks that do not: what the local forge's records stand on."""

from __future__ import annotations

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from blocks.durable import make_folder, write


def write_text(path: Path, text: str) -> None:
    """Replace the file at `path` by `text`; a crash leaves the old or the new content, never a part."""
    write(path, text.encode("utf-8", "surrogateescape"), mode=0o666)


def read_text(path: Path) -> str:
    """Return what `write_text` wrote, or an empty text when there is no such file."""
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
    make_folder(path.parent)
    with path.open("a") as file:
        yield _take(file, wait)


def _take(file: IO[str], wait: bool) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True
