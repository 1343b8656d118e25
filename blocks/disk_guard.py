"""Ends what fills the disk: how much the trees of a command have grown, looked at seldom enough to cost nothing."""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

_LEAST_PAUSE = 2.0
_QUICK_PAUSE = 0.2
_PAUSES_PER_LOOK = 20


class DiskGuard:
    """Watches the trees that a command may write.

    Args:
        trees: folders.
        most: bytes by which they may grow together.
    """

    def __init__(self, trees: list[Path], most: int) -> None:
        self._trees, self._most = trees, most
        self._begun = self._used()
        self._free = self._left()
        self._next = self._quick = time.monotonic() + _LEAST_PAUSE

    def exceeded(self) -> bool:
        """Return whether they have grown too much, as far as the last look tells."""
        now = time.monotonic()
        if now < self._next and not self._shrinks(now):
            return False
        grown = self._used() - self._begun
        self._free = self._left()
        self._next = time.monotonic() + max(_LEAST_PAUSE, _PAUSES_PER_LOOK * (time.monotonic() - now))
        return grown > self._most

    def _shrinks(self, now: float) -> bool:
        """Whether the disk has lost so much room since the last look that another one is due at once."""
        if now < self._quick:
            return False
        self._quick = now + _QUICK_PAUSE
        return self._free - self._left() > self._most / 4

    def _left(self) -> int:
        found = [os.statvfs(tree) for tree in self._trees if tree.exists()]
        return min((one.f_bavail * one.f_frsize for one in found), default=0)

    def _used(self) -> int:
        return sum(_size(tree) for tree in self._trees)


def _size(tree: Path) -> int:
    """Bytes that a tree takes on the disk, links not followed; each entry counts at least half a kibibyte."""
    total = 0
    for _, folders, files, folder in os.fwalk(tree, follow_symlinks=False):
        for name in (*folders, *files):
            with suppress(OSError):
                total += max(512, os.stat(name, dir_fd=folder, follow_symlinks=False).st_blocks * 512)
    return total
