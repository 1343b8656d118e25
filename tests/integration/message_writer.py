"""Posts messages from processes of its own: `python message_writer.py FILE kill ROUNDS | race WRITERS | full BYTES`.

`kill` forks a writer for each round, kills it in the middle of a large message and posts that message again; `race`
lets processes post and edit the same messages at once; `full` posts a message to a disk that takes that many bytes.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
from pathlib import Path

from blocks.log_channel import LogChannel
from contracts.errors import Unavailable
from contracts.message import Event, Message

MESSAGES = 5
LARGE = 3_000_000
"""Characters of a text: enough for a kill to come in the middle of it."""


def message(key: str, text: str = "text", event: Event = "waiting") -> Message:
    return Message(key=key, event=event, title="title", text=text, link="", run="r")


def kill(channel: LogChannel, rounds: int) -> int:
    """Return how many kills left a line that is not whole."""
    torn = 0
    for number in range(rounds):
        before = channel.file.stat().st_size if channel.file.exists() else 0
        child = os.fork()
        if child == 0:
            channel.post(message(f"r/waiting/{number}", "x" * LARGE))
            os._exit(0)
        while number % 4 and not (channel.file.exists() and channel.file.stat().st_size > before):
            pass  # the next moment is the middle of the write
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        torn += ends_torn(channel.file)
        channel.post(message(f"r/waiting/{number}", "x" * LARGE))
    return torn


def ends_torn(file: Path) -> bool:
    if not file.exists() or not file.stat().st_size:
        return False
    with file.open("rb") as opened:
        opened.seek(-1, os.SEEK_END)
        return opened.read() != b"\n"


def race(channel: LogChannel, writers: int) -> int:
    """Return how many of the processes failed; all begin when the pipe is closed."""
    waits, begins = os.pipe()
    children: list[int] = []
    for _ in range(writers):
        child = os.fork()
        if child == 0:
            os.close(begins)
            os.read(waits, 1)
            os._exit(not all(tell(channel, f"r/waiting/{number}") for number in range(MESSAGES)))
        children.append(child)
    os.close(begins)
    return sum(os.waitpid(child, 0)[1] != 0 for child in children)


def tell(channel: LogChannel, key: str) -> bool:
    reference = channel.post(message(key))
    channel.edit(reference, message(key, "by Ada", "settled"))
    return channel.post(message(key)) == reference == channel.find(key)


def full(channel: LogChannel, size: int) -> int:
    """Return 0 when a disk that takes no more is told as such."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    try:
        channel.post(message("r/waiting/2", "x" * size))
    except Unavailable as error:
        print(error.message)
        return 0
    return 1


if __name__ == "__main__":
    written = LogChannel(file=Path(sys.argv[1]))
    print({"kill": kill, "race": race, "full": full}[sys.argv[2]](written, int(sys.argv[3])))
