"""Watches a job in a container: hears it from its beginning, applies the limits that the keeper cannot, ends it."""

from __future__ import annotations

import json
import time
from typing import Any

from blocks.disk_guard import DiskGuard
from blocks.docker_link import Link, LinkLost
from blocks.process_watch import Hearing, Lines
from contracts.agent import Limits

KILL_SECONDS = 15.0
"""How long an ended job may take to be gone before its container goes with it."""
_WAKE_SECONDS = 1.0
"""Longest sleep, so that an exception which Prefect injects into the thread is raised soon."""


class Stuck(LinkLost):
    """A job that could not be ended; its container must go."""


class JobWatch:
    """What is heard of one job, over one connection after another.

    Args:
        limits: of its command; wall clock and output are the keeper's to apply.
        hear: what is done with lines, from the thread that calls `listen`.
        guard: whether the disk fills.
    """

    def __init__(self, limits: Limits, hear: Hearing, guard: DiskGuard) -> None:
        self._limits, self._guard = limits, guard
        self._lines = Lines(hear.on_line or (lambda _: None))
        self._judged = hear.on_output
        self._outputs = Lines(self._judge, limits.output_bytes) if hear.on_output else None
        self.stdout: bytearray = bytearray()
        self.stderr: bytearray = bytearray()
        self._again = {b"o": 0, b"e": 0}
        self._begun = self._progress = self._killed = time.monotonic()
        self._ended = ""

    @property
    def seconds(self) -> float:
        """How long it has been listened to."""
        return time.monotonic() - self._begun

    def listen(self, link: Link) -> dict[str, Any]:
        """Hear a job to its end, as the keeper tells it; what was heard before is not heard again.

        Whatever is raised while it is heard ends the job.

        Raises:
            LinkLost: the keeper is gone, or could not end the job.
        """
        self._again = {b"o": len(self.stdout), b"e": len(self.stderr)}
        try:
            return self._listen(link)
        except LinkLost:
            raise
        except BaseException:
            self._end(link, "forgotten")
            _drain(link)
            raise

    def finish(self) -> None:
        """Pass on what is left of lines."""
        for lines in filter(None, (self._lines, self._outputs)):
            lines.feed(b"", final=True)

    def _listen(self, link: Link) -> dict[str, Any]:
        while True:
            frame = link.receive(self._patience())
            if frame is not None and frame.letter == b"x":
                return json.loads(frame.payload)
            if frame is not None:
                self._keep(frame.letter, frame.payload)
            self._apply_limits(link)

    def _keep(self, letter: bytes, chunk: bytes) -> None:
        known = min(self._again[letter], len(chunk))
        self._again[letter] -= known
        chunk = chunk[known:]
        if not chunk:
            return
        if self._outputs is None:
            self._progress = time.monotonic()
        if letter == b"e":
            self.stderr += chunk
            self._lines.feed(chunk)
        else:
            self.stdout += chunk
            if self._outputs:
                self._outputs.feed(chunk)

    def _judge(self, line: str) -> None:
        if self._judged and self._judged(line):
            self._progress = time.monotonic()

    def _patience(self) -> float:
        return min(_WAKE_SECONDS, max(0.0, self._progress + self._limits.quiet_seconds - time.monotonic()) or 0.01)

    def _apply_limits(self, link: Link) -> None:
        now = time.monotonic()
        if self._ended:
            if now > self._killed + KILL_SECONDS:
                raise Stuck("its processes could not be ended")
        elif now >= self._progress + self._limits.quiet_seconds:
            self._end(link, "quiet")
        elif now >= self._begun + self._limits.wall_seconds + KILL_SECONDS:
            self._end(link, "wall_clock")
        elif self._guard.exceeded():
            self._end(link, "disk")

    def _end(self, link: Link, why: str) -> None:
        self._ended, self._killed = why, time.monotonic()
        link.send(b"k", why.encode())


def _drain(link: Link) -> None:
    """Wait until an ended job is gone; nothing of it is heard any more."""
    deadline = time.monotonic() + KILL_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        frame = link.receive(left)
        if frame is not None and frame.letter == b"x":
            return
    raise Stuck("its processes could not be ended")
