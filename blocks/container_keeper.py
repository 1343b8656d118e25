"""Keeps the jobs of one container: what they write, how they end, their way out; a stand-alone script.

Usage: `python3 container_keeper.py FOLDER JOBS PORT once|kept`. It is the container's main process, under a user that
is not the jobs': they can neither signal it nor read what it keeps.

FOLDER/host/s is where the flow process speaks, one request a connection, in frames: a letter, the length of the
payload as four bytes, big-endian, and the payload.
    r  request: {"op": start | follow | jobs | forget, "job", "token", "wall", "most"} as JSON
    p  after start: the plan, as `supervise.Plan.encode` writes it; i: standard input
    k  ends the job; the payload says why
It answers with o and e, the job's output from its beginning, and with x, the end or the answer, as JSON.
JOBS is where a launcher shows the token of its job and hands over the job's pipes; each token is taken once.
FOLDER/egress/s is the proxy's, where there is one; jobs find it at 127.0.0.1:PORT.
With `once` the container ends with the first connection of the flow process.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from blocks.container_job import LAUNCH_SECONDS, Job, Pipes

_MOST_FRAME = 64_000_000
_MOST_WAYS_OUT = 256


async def read_frame(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """Return the next frame; an empty letter when there is none."""
    try:
        head = await reader.readexactly(5)
        length = int.from_bytes(head[1:], "big")
        return (head[:1], await reader.readexactly(length)) if length <= _MOST_FRAME else (b"", b"")
    except (asyncio.IncompleteReadError, ConnectionError):
        return b"", b""


class Keeper:
    """Answers the flow process and takes launchers in."""

    def __init__(self, folder: Path, jobs: Path, *, once: bool) -> None:
        self._folder, self._jobs_at, self._once = folder, jobs, once
        self._jobs: dict[str, Job] = {}
        self._waiting: dict[str, Job] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._out = 0

    async def serve(self, port: int) -> None:
        """Serve until the container ends."""
        launchers = socket.socket(socket.AF_UNIX)
        launchers.setblocking(False)  # noqa: FBT003 - it takes no keyword
        launchers.bind(str(self._jobs_at))
        self._jobs_at.chmod(0o666)
        launchers.listen(16)
        if (self._folder / "egress").exists():
            await asyncio.start_server(self._way_out, "127.0.0.1", port)
        host = self._folder / "host" / "s"
        host.unlink(missing_ok=True)
        unready = host.with_name("unready")
        unready.unlink(missing_ok=True)
        await asyncio.start_unix_server(self._answer, unready)
        unready.chmod(0o666)
        unready.rename(host)
        while True:
            connection, _ = await asyncio.get_running_loop().sock_accept(launchers)
            self._keep(asyncio.create_task(self._take_in(connection)))

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _take_in(self, connection: socket.socket) -> None:
        """Give the pipes of a launcher to the job whose token it shows."""
        loop = asyncio.get_running_loop()
        ready: asyncio.Future[None] = loop.create_future()
        loop.add_reader(connection, lambda: ready.done() or ready.set_result(None))
        fds: list[int] = []
        with connection, suppress(OSError, UnicodeDecodeError, TimeoutError):
            try:
                await asyncio.wait_for(ready, LAUNCH_SECONDS)
            finally:
                loop.remove_reader(connection)
            token, fds, _, _ = socket.recv_fds(connection, 256, len(Pipes._fields))
            job = self._waiting.pop(token.decode(), None)
            if job is not None and len(fds) == len(Pipes._fields) and not job.pipes.done():
                for descriptor in fds:
                    os.set_blocking(descriptor, False)
                job.pipes.set_result(Pipes(*fds))
                return
        for descriptor in fds:
            os.close(descriptor)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            letter, payload = await read_frame(reader)
            if letter == b"r":
                await self._serve(json.loads(payload), reader, writer)
                await writer.drain()
            writer.close()
            await writer.wait_closed()
        if self._once:
            os._exit(0)

    async def _serve(self, asked: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        job = self._jobs.get(asked.get("job", ""))
        if asked["op"] == "start" and job is None:
            job = await self._start(asked, (await read_frame(reader))[1], (await read_frame(reader))[1])
        if asked["op"] in ("start", "follow") and job is not None:
            await self._follow(job, reader, writer)
            return
        if asked["op"] == "forget" and job is not None:
            job.end("forgotten")
            await job.over.wait()
            self._jobs.pop(asked["job"], None)
        names = {name: not one.over.is_set() for name, one in self._jobs.items()}
        answer = json.dumps({"missing": job is None, "jobs": names}).encode()
        writer.write(b"x" + len(answer).to_bytes(4, "big") + answer)

    async def _start(self, asked: dict[str, Any], plan: bytes, stdin: bytes) -> Job:
        """Begin a job; whatever else still runs in the container belongs to a lost turn, and is ended first."""
        for other in self._jobs.values():
            other.end("replaced")
            await other.over.wait()
        job = self._jobs[asked["job"]] = self._waiting[asked["token"]] = Job(asked["wall"], asked["most"])
        self._keep(asyncio.create_task(job.run(plan, stdin)))
        return job

    async def _follow(self, job: Job, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        job.follow(writer)
        over, asked = asyncio.ensure_future(job.over.wait()), asyncio.ensure_future(read_frame(reader))
        while not over.done():
            await asyncio.wait({over, asked}, return_when=asyncio.FIRST_COMPLETED)
            if asked.done():
                letter, why = asked.result()
                if letter != b"k":
                    break
                job.end(why.decode())
                asked = asyncio.ensure_future(read_frame(reader))
        job.leave(writer)
        over.cancel()
        asked.cancel()

    async def _way_out(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection of a job to the proxy."""
        self._out += 1
        with suppress(OSError):
            if self._out <= _MOST_WAYS_OUT:
                proxy = await asyncio.open_unix_connection(self._folder / "egress" / "s")
                await asyncio.gather(_carry(reader, proxy[1]), _carry(proxy[0], writer))
                proxy[1].close()
        self._out -= 1
        writer.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while chunk := await reader.read(65_536):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()


if __name__ == "__main__":
    asyncio.run(Keeper(Path(sys.argv[1]), Path(sys.argv[2]), once=sys.argv[4] == "once").serve(int(sys.argv[3])))
