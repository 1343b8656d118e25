"""Watches a confined process: feeds it, collects its output, passes lines on and applies the limits."""

from __future__ import annotations

import codecs
import selectors
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from io import FileIO
from typing import NamedTuple

from blocks.confined_process import KILL_SECONDS, ConfinedProcess
from blocks.sandbox import Ending
from blocks.supervise import Plan
from contracts.agent import Limits
from contracts.errors import Unavailable

_CHUNK = 65_536
_LINE = 16_384
"""Characters of a line that are passed on at once: at most 64 KiB of UTF-8."""
_WAKE_SECONDS = 1.0
"""Longest sleep, so that an exception which Prefect injects into the thread is raised soon."""


@dataclass(frozen=True)
class Observed:
    """What a process did: see the fields of the same names of `CommandResult`; `unusable` is an errno, or 0."""

    ending: Ending
    code: int
    unusable: int
    stdout: bytes
    stderr: bytes
    seconds: float


class Lines:
    """Cuts a stream of bytes into lines of text without their newlines, and long lines into pieces.

    Args:
        receive: called with each line or piece.
        most: characters of a piece.
    """

    def __init__(self, receive: Callable[[str], object], most: int = _LINE) -> None:
        self._receive = receive
        self._most = most
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    def feed(self, chunk: bytes, *, final: bool = False) -> None:
        """Take the next bytes; with `final` what is left counts as a line."""
        *lines, self._rest = (self._rest + self._decoder.decode(chunk, final)).split("\n")
        for line in lines:
            for start in range(0, len(line) or 1, self._most):
                self._receive(line[start : start + self._most])
        while len(self._rest) > self._most or (final and self._rest):
            piece, self._rest = self._rest[: self._most], self._rest[self._most :]
            self._receive(piece)


class Hearing(NamedTuple):
    """Who hears the lines of a command: see `Sandbox.run`."""

    on_line: Callable[[str], None] | None = None
    on_output: Callable[[str], bool] | None = None


class Watch:
    """The one loop that feeds a process, collects its output and applies the limits.

    Args:
        process: what to watch.
        limits: what ends it by force; output counts over both streams together.
        hear: what is done with lines, from the thread that calls `run`.
    """

    def __init__(self, process: ConfinedProcess, limits: Limits, hear: Hearing) -> None:
        self._process = process
        self._limits = limits
        self._lines = Lines(hear.on_line or (lambda _: None))
        self._judged = hear.on_output
        self._outputs = Lines(self._judge, limits.output_bytes) if hear.on_output else None
        self._stdout, self._stderr, self._report = bytearray(), bytearray(), bytearray()
        self._ending: Ending | None = None
        self._begun = self._progress = self._killed = time.monotonic()

    def run(self, plan: Plan, stdin: bytes) -> Observed:
        """Run a plan to its end.

        Raises:
            Unavailable: the supervisor could not start, or a process could not be ended.
        """
        with selectors.DefaultSelector() as self._selector:
            self._feed(self._process.control, memoryview(plan.encode()), keep=True)
            self._feed(self._process.stdin, memoryview(stdin))
            for source in (self._process.stdout, self._process.stderr, self._process.status):
                self._selector.register(source, selectors.EVENT_READ, partial(self._hear, source))
            while self._process.status in self._selector.get_map():
                for key, _ in self._selector.select(self._patience()):
                    key.data()
                self._apply_limits()
            self._process.join()
            for source in (self._process.stdout, self._process.stderr):
                while self._hear(source):
                    pass
        for lines in filter(None, (self._lines, self._outputs)):
            lines.feed(b"", final=True)
        return self._observed()

    def _feed(self, target: FileIO, rest: memoryview, *, keep: bool = False) -> None:
        """Write what the pipe takes now, and the rest when there is room; a closed pipe wants nothing more."""
        if target in self._selector.get_map():
            self._selector.unregister(target)
        try:
            rest = rest[(target.write(rest) or 0) :]
        except BrokenPipeError:
            rest = rest[:0]
        if rest:
            self._selector.register(target, selectors.EVENT_WRITE, partial(self._feed, target, rest, keep=keep))
        elif not keep:
            target.close()

    def _hear(self, source: FileIO) -> bool:
        """Take what has come from the process; return whether more may come."""
        chunk = source.read(_CHUNK)
        if chunk is None:
            return False
        if source is self._process.status:
            self._report += chunk
        elif chunk:
            chunk = self._keep(source, chunk)
        if not chunk and source in self._selector.get_map():
            self._selector.unregister(source)
        return bool(chunk)

    def _keep(self, source: FileIO, chunk: bytes) -> bytes:
        """Keep what is within the limit; return it, or nothing when the limit is passed."""
        if self._outputs is None:
            self._progress = time.monotonic()
        kept = chunk[: self._limits.output_bytes - len(self._stdout) - len(self._stderr)]
        if source is self._process.stderr:
            self._stderr += kept
            self._lines.feed(kept)
        else:
            self._stdout += kept
            if self._outputs:
                self._outputs.feed(kept)
        if len(kept) == len(chunk):
            return kept
        self._end(Ending.OUTPUT_LIMIT)
        return b""

    def _judge(self, line: str) -> None:
        if self._judged and self._judged(line):
            self._progress = time.monotonic()

    def _patience(self) -> float:
        """Return how long to sleep at most, in seconds."""
        wall = self._begun + self._limits.wall_seconds
        quiet = self._progress + self._limits.quiet_seconds
        return min(_WAKE_SECONDS, max(0.0, min(wall, quiet) - time.monotonic())) if not self._ending else _WAKE_SECONDS

    def _apply_limits(self) -> None:
        """End the process when its time is over; give up on it when it does not end."""
        now = time.monotonic()
        if self._process.status not in self._selector.get_map():
            return
        if self._ending is not None:
            if now >= self._killed + KILL_SECONDS:
                self._process.join()
        elif now >= self._begun + self._limits.wall_seconds:
            self._end(Ending.WALL_CLOCK)
        elif now >= self._progress + self._limits.quiet_seconds:
            self._end(Ending.QUIET)

    def _end(self, ending: Ending) -> None:
        """Have everything killed, for the first reason only."""
        if self._ending is None:
            self._ending, self._killed = ending, time.monotonic()
            if self._process.control in self._selector.get_map():
                self._selector.unregister(self._process.control)
            self._process.end()

    def _observed(self) -> Observed:
        """Return the result from what the supervisor reported; a supervisor that was lost reports no end."""
        started, event, number = [*self._report.decode().split(), "", "", ""][:3]
        if not started:
            raise Unavailable(
                "The sandbox's supervisor ended before it began; see the detail and check the isolation of the block",
                detail=self._stderr.decode(errors="replace")[-4_000:],
            )
        code = int(number) if event == "ended" else -signal.SIGKILL
        return Observed(
            ending=self._ending or (Ending.KILLED if code == -signal.SIGKILL else Ending.EXITED),
            code=code,
            unusable=int(number) if event == "unusable" else 0,
            stdout=bytes(self._stdout),
            stderr=bytes(self._stderr),
            seconds=time.monotonic() - self._begun,
        )
