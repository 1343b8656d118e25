"""Whether a run survives the death of anything at any moment: `make chaos`, or `make chaos POINTS=12`.

One run is left alone, and every moment of its processes is written down. Then each of these moments is the end of a
process in a run of its own, and server, worker and workspace are taken away from others. What each run leaves behind
is held beside what the undisturbed one did.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextvars import copy_context
from pathlib import Path

from bench import chaos_record as record
from bench.chaos_evidence import Judged, Left, judge, look
from bench.chaos_points import Act, Point, catalogue, choose
from bench.chaos_run import Disturbed, Together
from bench.chaos_services import Services
from bench.chaos_table import page, summary, table
from contracts.errors import DeliveryError
from contracts.journal import short

AT_ONCE = 3
"""Runs at a time; a SQLite server begins to refuse with five."""
MOST_TRIES = 3
"""A point that depends on the clock may be missed; it is tried again."""
DOCUMENT = Path(__file__).resolve().parent.parent / "docs/chaos.md"


class Matrix:
    """The runs of one evening.

    Args:
        services: what they share.
    """

    def __init__(self, services: Services) -> None:
        self._services = services
        self._home = services.home
        self._begun = 0
        self._done = 0
        self._whole: Left | None = None
        self.judged: list[Judged] = []

    def record(self) -> list[str]:
        """Let a run go through undisturbed; return its moments."""
        carried = Disturbed(self._services, self._name(), None).live()
        self._whole = look(self._home, carried)
        alone = judge(carried, self._whole, self._whole, self._home)
        if not alone.survived or alone.repaid:
            raise DeliveryError(f"the undisturbed run is not whole: {alone.lost + alone.duplicates + alone.repaid}")
        print(f"undisturbed: {carried.end.name}, {len(carried.labels)} moments, {carried.seconds:.0f} s", flush=True)
        return carried.labels

    def run(self, points: list[Point]) -> None:
        """Disturb a run at each point, and again at those that were missed."""
        left = points
        for _ in range(MOST_TRIES):
            before = len(self.judged)
            for group in _groups(left):
                self._together(group, len(points))
            missed = [one for one in self.judged[before:] if one.missed]
            left = [one.carried.point for one in missed if one.carried.point is not None]
            if not left:
                return
            self._done -= len(left)
            print(f"{len(left)} points were missed, they are tried again", flush=True)
            self.judged = [one for one in self.judged if not one.missed]

    def _together(self, points: list[Point], total: int) -> None:
        """Runs of one group, a few at a time; those of an act that hits everybody act at once."""
        shared = points[0].act.shared
        together = Together(self._services, points[0].act, len(points)) if shared else None
        with ThreadPoolExecutor(AT_ONCE) as pool:
            running = [pool.submit(copy_context().run, self._one, point, together) for point in points]
            for future in as_completed(running):
                self.judged.append(future.result())
                self._done += 1
                print(_line(self.judged[-1], self._done, total), flush=True)

    def _one(self, point: Point, together: Together | None) -> Judged:
        carried = Disturbed(self._services, self._name(), point, together).live()
        assert self._whole is not None
        return judge(carried, look(self._home, carried), self._whole, self._home)

    def _name(self) -> str:
        self._begun += 1
        return f"shop-{self._begun}"


def _groups(points: list[Point]) -> Iterator[list[Point]]:
    """Points that may be tried beside each other: those of one run alone, then each shared act by threes."""
    alone = [point for point in points if not point.act.shared]
    if alone:
        yield alone
    for act in Act:
        mine = [point for point in points if point.act is act and act.shared]
        yield from (mine[at : at + AT_ONCE] for at in range(0, len(mine), AT_ONCE))


def _line(one: Judged, done: int, total: int) -> str:
    point, faults = one.carried.point, one.lost + one.duplicates
    said = "missed" if one.missed else "survived" if one.survived else "FAULT " + "; ".join(faults)
    paid = f" · paid again: {', '.join(one.repaid)}" if one.repaid else ""
    notes = f" · {'; '.join(one.carried.notes)}" if one.carried.notes else ""
    name = f"{point.kind}: {point.name}" if point else ""
    return f"{done:>4}/{total} {name} → {said}{paid}{notes} ({one.carried.seconds:.0f} s, {short(one.carried.run)})"


def _parsed(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="chaos", description=__doc__)
    parser.add_argument("--points", type=int, default=0, help="how many points, chosen at random; 0: all")
    parser.add_argument("--seed", type=int, default=None, help="of the choice; default: another each time")
    parser.add_argument("--rest", action="store_true", help="go on with the points that have not survived on record")
    parser.add_argument("--only", default="", help="only points whose class or name holds this")
    parser.add_argument("--keep", type=Path, default=None, help="folder to keep everything in; default: none")
    return parser.parse_args(arguments)


def main(arguments: list[str] | None = None) -> int:
    """Run the matrix; return 0 when every run survived."""
    options = _parsed(arguments)
    seed: int = options.seed if options.seed is not None else random.SystemRandom().randrange(1_000_000)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
        home = (options.keep or Path(folder)).resolve()
        home.mkdir(parents=True, exist_ok=True)
        with Services(home) as services:
            matrix = Matrix(services)
            every = catalogue(matrix.record())
            points = [point for point in every if options.only in f"{point.kind}: {point.name}"]
            if options.rest:
                points = record.rest(points, record.read())[: options.points or None]
            elif options.points:
                print(f"seed {seed}: {options.points} of {len(points)} points", flush=True)
                points = choose(points, options.points, seed)
            matrix.run(points)
    tried = record.commit()
    rows = [record.row(one, tried) for one in matrix.judged]
    if options.rest or not (options.points or options.only):
        rows = record.merged(every, record.read() if options.rest else [], rows)
        record.write(rows)
        DOCUMENT.write_text(page(rows, len(every)))
    line, survived = summary(rows)
    print(f"\n{table(rows)}\n\ntook {time.monotonic() - begun:.0f} s\n{line}")
    return 0 if survived else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DeliveryError as error:
        sys.exit(f"{error.message}\n{error.detail}".strip())
