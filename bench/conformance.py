"""Whether the agents' real programs behave as the project relies on: `make conformance`.

Each program is started for real in a local sandbox, against a scripted model server on this machine, once for each
behaviour; what decides is the checkout, what the server was asked, and the reply. A complete run writes its table.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import traceback
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

from bench.conformance_behaviours import BEHAVIOURS, Behaviour
from bench.conformance_programs import Programs, programs
from bench.conformance_scene import Scene
from bench.conformance_subjects import SUBJECTS, Subject
from bench.conformance_table import Tried, page, summary

PAGE = Path("docs/conformance.md")
AT_ONCE = 2


def attempt(subject: Subject, behaviour: Behaviour, found: Programs) -> Tried:
    """Try one behaviour of one agent, in a folder of its own; an error is a failure."""
    if behaviour.needs and behaviour.needs not in subject.traits:
        return Tried(subject, behaviour, absent=True)
    begun = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="conformance-", ignore_cleanup_errors=True) as folder:
        try:
            wrong = behaviour.attempt(Scene(subject, found, Path(folder).resolve()))
        except Exception:  # noqa: BLE001 - whatever goes wrong is this behaviour's failure, and no other's
            wrong = traceback.format_exc()
    return Tried(subject, behaviour, wrong, seconds=time.monotonic() - begun)


def run(pairs: Iterable[tuple[Subject, Behaviour]], found: Programs, at_once: int) -> list[Tried]:
    """Try behaviours of agents, some at a time, and print each as it ends."""
    tried: list[Tried] = []
    with ThreadPoolExecutor(at_once) as pool:
        for future in as_completed([pool.submit(attempt, *pair, found) for pair in pairs]):
            tried.append(future.result())
            print(tried[-1].line, flush=True)
    return tried


def main() -> int:
    """Try what is asked for; 1: something failed."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--agent", action="append", default=[], help="part of an agent's title; default: all")
    reader.add_argument("--behaviour", action="append", default=[], help="part of a behaviour's name; default: all")
    reader.add_argument("--at-once", type=int, default=AT_ONCE, help="how many at a time")
    asked = reader.parse_args()
    found = programs()
    subjects = [one for one in SUBJECTS if _named(one.title, asked.agent)]
    behaviours = [one for one in BEHAVIOURS if _named(one.name, asked.behaviour)]
    versions = {one.title: found.version(one.program, one.package) for one in subjects}
    for title, version in versions.items():
        print(f"{title}: {version or 'not installed'}")
    tried = run([(one, behaviour) for behaviour in behaviours for one in subjects], found, asked.at_once)
    if len(tried) == len(SUBJECTS) * len(BEHAVIOURS):
        PAGE.write_text(page(tried, versions))
    print(summary(tried))
    return int(not tried or any(one.wrong for one in tried))


def _named(name: str, parts: list[str]) -> bool:
    return not parts or any(part.lower() in name.lower() for part in parts)


if __name__ == "__main__":
    sys.exit(main())
