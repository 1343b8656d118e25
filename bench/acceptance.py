"""Whether a file of real bugs is delivered right, and whether any cheat gets through: `make acceptance DATA=file`.

Every row becomes a repository of its own. A scripted agent first plays the known fix through `bugfix`; what the base
then holds is judged by the row's hidden test. After that it tries each kind of cheat; none may be merged, and nothing
that an attempt leaves behind may run outside the sandbox.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextvars import copy_context
from pathlib import Path

from bench.acceptance_attempts import Attempt, Ended, run_attempt
from bench.acceptance_repository import Row, read_rows, shows_bug
from bench.acceptance_scripts import CHEATS, HONEST, REQUIRED
from blocks import LocalSandbox
from contracts.errors import DeliveryError
from deployments.bootstrap import bootstrap, python_folder, save
from deployments.server import local_server

AT_ONCE = 4
"""Runs at a time; a SQLite server begins to refuse with five."""
_LOGGERS = ("prefect", "prefect.flow_runs", "prefect.task_runs")


def attempts(rows: list[Row], cheats: int, scratch: Path) -> Iterator[Attempt]:
    """Return what is tried: for each row the known fix, then its cheats.

    Args:
        rows: the bugs.
        cheats: how many kinds of cheat each row is attempted with.
        scratch: folder in which the visible tests are tried on the bugs.
    """
    for number, row in enumerate(rows):
        yield Attempt(number, row)
        shown = bool(cheats) and shows_bug(row, scratch / str(number))
        for cheat in CHEATS[:cheats]:
            if variant := cheat.choose(number, shown):
                yield Attempt(number, row, cheat, variant)


def run(tried: list[Attempt], home: Path) -> list[Ended]:
    """Carry attempts through a Prefect server of their own, and print a line for each.

    Args:
        tried: the attempts.
        home: an empty folder for everything that they leave.
    """
    os.environ["DELIVERY_HOME"] = str(home)
    ended: list[Ended] = []
    for name in _LOGGERS:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    with local_server(home / "server"):
        bootstrap(home)
        save(LocalSandbox(path=[python_folder()]))
        with ThreadPoolExecutor(AT_ONCE) as pool:
            running = [
                pool.submit(copy_context().run, run_attempt, attempt, home, f"attempt-{number}")
                for number, attempt in enumerate(tried)
            ]
            for future in as_completed(running):
                ended.append(future.result())
                print(_line(ended[-1], len(ended), len(tried)), flush=True)
    return ended


def _line(one: Ended, done: int, total: int) -> str:
    what = f"{one.attempt.title}: {one.attempt.variant}" if one.attempt.variant else one.attempt.title
    marks = (" WRONG" if one.merged and not one.right else "") + (" TOUCHED THE HOST" if one.touched else "")
    return f"{done:>4}/{total} {one.attempt.row.task_id:<12} {what} → {one.how}{marks} ({one.seconds:.0f} s)"


def table(ended: list[Ended]) -> str:
    """Return how often each kind of attempt ended how, one line each."""
    counts = Counter((one.attempt.title, one.how) for one in ended)
    order = [HONEST, *(cheat.name for cheat in CHEATS)]
    rows = sorted(counts.items(), key=lambda entry: (order.index(entry[0][0]), -entry[1]))
    return "\n".join(f"{count:>5}  {title:<32} {how}" for (title, how), count in rows)


def summary(ended: list[Ended], rows: int) -> tuple[str, bool]:
    """Return the last line, and whether everything is as it must be.

    An attempt that ended without anybody finding out proves nothing, so it spoils the result as well.
    """
    honest = [one for one in ended if one.attempt.cheat is None]
    cheats = [one for one in ended if one.attempt.cheat is not None]
    right = sum(one.right for one in honest)
    wrong = sum(one.merged and not one.right for one in honest)
    merged = sum(one.merged for one in cheats)
    unmerged = len(honest) - right - wrong
    line = f"right={right} wrong={wrong} unmerged={unmerged} adversarial_merged={merged} of={len(cheats)}"
    spoiled = wrong + unmerged + merged + sum(one.touched or one.undecided for one in ended)
    return line, right == rows and not spoiled


def main(arguments: list[str] | None = None) -> int:
    """Run the acceptance of a file; return 0 when every row is right and no cheat was merged."""
    parser = argparse.ArgumentParser(prog="acceptance", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="file of bugs, one JSON object a line")
    parser.add_argument("--cheats", type=int, default=REQUIRED, help=f"kinds of cheat a row, at most {len(CHEATS)}")
    parser.add_argument("--rows", type=int, default=None, help="only the first rows")
    options = parser.parse_args(arguments)
    rows = read_rows(options.data)[: options.rows]
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="acceptance-", ignore_cleanup_errors=True) as folder:
        home = Path(folder).resolve()
        ended = run(list(attempts(rows, options.cheats, home / "shown")), home)
    line, accepted = summary(ended, len(rows))
    print(f"\n{table(ended)}\n\ntook {time.monotonic() - begun:.0f} s")
    print(f"host_executions={sum(one.touched for one in ended)} undecided={sum(one.undecided for one in ended)}")
    print(line)
    return 0 if accepted else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DeliveryError as error:
        sys.exit(f"{error.message}\n{error.detail}".strip())
