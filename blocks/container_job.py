"""One job of a container's keeper: its pipes, its output from the beginning, its end; standard library only."""

from __future__ import annotations

import asyncio
import json
import os
import time
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

LAUNCH_SECONDS = 20.0
"""How long a launcher may take to hand over its pipes."""
KILL_SECONDS = 12.0
"""How long killed processes may take to be gone."""
_COUNTS = (Path("/sys/fs/cgroup/memory/memory.oom_control"), Path("/sys/fs/cgroup/memory.events"))


class Pipes(NamedTuple):
    """A job's pipes, as its launcher hands them over."""

    control: int
    stdin: int
    status: int
    stdout: int
    stderr: int


def oom_kills() -> int:
    """Return how many processes of this container the kernel has killed for want of memory."""
    for path in _COUNTS:
        with suppress(OSError):
            words = [line.split() for line in path.read_text().splitlines()]
            return sum(int(line[1]) for line in words if line[0] == "oom_kill")
    return 0


async def reading(descriptor: int) -> asyncio.StreamReader:
    """Return the reader of a pipe."""
    reader, loop = asyncio.StreamReader(), asyncio.get_running_loop()
    pipe = os.fdopen(descriptor, "rb", buffering=0)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), pipe)
    return reader


async def writing(descriptor: int) -> asyncio.WriteTransport:
    """Return the transport that feeds a pipe."""
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_write_pipe(asyncio.Protocol, os.fdopen(descriptor, "wb", buffering=0))
    return transport


class Job:
    """One job: its output from the beginning, and its end.

    Args:
        wall: seconds after which it is ended.
        most: bytes that it may write on both streams together.
    """

    def __init__(self, wall: float, most: int) -> None:
        self._wall, self._most = wall, most
        self._written: list[bytes] = []
        self._heard: set[asyncio.StreamWriter] = set()
        self._size, self._forced = 0, ""
        self._kills = oom_kills()
        self._stop, self.over = asyncio.Event(), asyncio.Event()
        self.pipes: asyncio.Future[Pipes] = asyncio.get_running_loop().create_future()

    def follow(self, writer: asyncio.StreamWriter) -> None:
        """Tell someone everything from the beginning, and what comes."""
        writer.write(b"".join(self._written))
        if not self.over.is_set():
            self._heard.add(writer)

    def leave(self, writer: asyncio.StreamWriter) -> None:
        """Tell someone no more."""
        self._heard.discard(writer)

    def end(self, why: str) -> None:
        """Have it ended, for the first reason only."""
        self._forced = self._forced or why
        self._stop.set()

    async def run(self, plan: bytes, stdin: bytes) -> None:
        """Attend the job from its launch to its end."""
        begun, status = time.monotonic(), b""
        try:
            pipes = await asyncio.wait_for(self.pipes, LAUNCH_SECONDS)
            status = await self._attend(pipes, plan, stdin)
        except TimeoutError:
            self._forced = "unlaunched"
        finally:
            end = _parsed(status) | {"forced": self._forced, "oom": oom_kills() - self._kills}
            self._tell(b"x", json.dumps(end | {"seconds": time.monotonic() - begun}).encode())
            self.over.set()

    async def _attend(self, pipes: Pipes, plan: bytes, stdin: bytes) -> bytes:
        control, feed = await writing(pipes.control), await writing(pipes.stdin)
        control.write(plan)
        feed.write(stdin)
        feed.close()  # after what is written has gone out
        status = asyncio.ensure_future((await reading(pipes.status)).read())
        streams = [
            asyncio.ensure_future(self._pump(letter, await reading(pipe)))
            for letter, pipe in ((b"o", pipes.stdout), (b"e", pipes.stderr))
        ]
        stop = asyncio.ensure_future(self._stop.wait())
        await asyncio.wait({status, stop}, timeout=self._wall, return_when=asyncio.FIRST_COMPLETED)
        if not status.done():
            self.end("wall_clock")
        stop.cancel()
        if not status.done():
            _abort(feed, control)
        # A supervisor that its job has stopped says nothing; the flow process then ends the container.
        await asyncio.wait({status}, timeout=KILL_SECONDS)
        await asyncio.wait(streams, timeout=1)
        for task in (status, *streams):
            task.cancel()
        _abort(feed, control)
        return status.result() if status.done() and not status.cancelled() else b""

    async def _pump(self, letter: bytes, reader: asyncio.StreamReader) -> None:
        while chunk := await reader.read(65_536):
            kept = chunk[: self._most - self._size]
            self._size += len(kept)
            if kept:
                self._tell(letter, kept)
            if len(kept) < len(chunk):
                self.end("output_limit")
                return

    def _tell(self, letter: bytes, payload: bytes) -> None:
        frame = letter + len(payload).to_bytes(4, "big") + payload
        self._written.append(frame)
        for writer in self._heard:
            writer.write(frame)


def _abort(*pipes: asyncio.WriteTransport) -> None:
    for pipe in pipes:
        if not pipe.is_closing():
            pipe.abort()


def _parsed(status: bytes) -> dict[str, Any]:
    """What the supervisor reported; `lost` when it reported no end."""
    words = [*status.decode().split(), "", ""]
    event, number = (words[1], words[2]) if words[0] == "started" else ("", "")
    return {
        "lost": event not in ("ended", "unusable"),
        "code": int(number) if event == "ended" else -9,
        "unusable": int(number) if event == "unusable" else 0,
    }
