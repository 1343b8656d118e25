"""A lock of one run: at most one process has it, and the kernel takes it back when that process dies."""

from __future__ import annotations

import fcntl
import os
import socket
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

_POLL_SECONDS = 0.1


@contextmanager
def locked(file: Path, seconds: float) -> Generator[bool]:
    """Hold the lock for the time of the block, if it becomes free in time; yield whether it did.

    Args:
        file: the lock's file, in a folder that exists; it stays when the lock is free, because removing it would
            let two processes hold two files of one name.
        seconds: how long to wait; 0: one try.
    """
    descriptor = os.open(file, os.O_RDWR | os.O_CREAT, 0o600)
    taken = False
    try:
        taken = _take(descriptor, seconds)
        if taken:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, _self().encode(), 0)
        yield taken
    finally:
        if taken:
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # a child that was forked has the descriptor too
        os.close(descriptor)


def holder(file: Path) -> str:
    """Return who holds the lock now, or an empty text when nobody does."""
    try:
        descriptor = os.open(file, os.O_RDONLY)
    except FileNotFoundError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(descriptor, 500, 0).decode("utf-8", "replace") or "a process that has just started"
    finally:
        os.close(descriptor)
    return ""


def _take(descriptor: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= deadline:
                return False
            time.sleep(_POLL_SECONDS)
        else:
            return True


def _self() -> str:
    return f"process {os.getpid()} on {socket.gethostname()} since {datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC"
