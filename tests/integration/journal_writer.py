"""Writes records until it is killed: `python journal_writer.py FOLDER kill ROUNDS` or `… FOLDER race WRITERS`.

`kill` forks a writer for each round and kills it after it has begun some writes; `race` lets processes with two
threads each write the same new and old records at the same time.
"""

from __future__ import annotations

import os
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from blocks.journal import Journal

SIZE = 3_000_000
"""Bytes of a record: enough for a kill to come in the middle of one."""
WRITES = 15


def content(number: int, size: int = SIZE) -> bytes:
    """One record: the same byte all over, so that a mixture of two shows."""
    return bytes([97 + number % 26]) * size


def await_a_file(folder: Path) -> None:
    """Return when a temporary file is there that was not there before; a writer makes one again and again."""
    before = set(os.listdir(folder))  # noqa: PTH208 - names are enough, and this must be quick
    while not any(name.startswith(".") for name in set(os.listdir(folder)) - before):  # noqa: PTH208 - likewise
        pass


def kill(journal: Journal, rounds: int) -> None:
    for number in range(rounds):
        key = f"run/step/{number + 1}"
        journal.write_path(key, content(0))
        begun, begin = os.pipe()
        child = os.fork()
        if child == 0:
            for version in range(1, 1_000):
                os.write(begin, b".")
                journal.write_path(key, content(version))
            os._exit(1)
        for _ in range(1 + number % 3):
            os.read(begun, 1)
        if number % 2:
            await_a_file(journal.folder / "run")
        os.kill(child, signal.SIGKILL)
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        os.close(begun)
        os.close(begin)


def race(journal: Journal, writers: int) -> None:
    children: list[int] = []
    for number in range(writers):
        child = os.fork()
        if child == 0:
            with ThreadPoolExecutor(2) as threads:
                ended = [threads.submit(write_all, journal, 2 * number + part) for part in range(2)]
            os._exit(any(one.exception() for one in ended))
        children.append(child)
    assert [os.waitpid(child, 0)[1] for child in children] == [0] * writers


def write_all(journal: Journal, number: int) -> None:
    for step in range(WRITES):
        journal.write_path("run/shared/1", content(number, 200_000))
        journal.write_path(f"run/new-{step}/1", content(number, 2_000))


if __name__ == "__main__":
    {"kill": kill, "race": race}[sys.argv[2]](Journal(folder=Path(sys.argv[1])), int(sys.argv[3]))
