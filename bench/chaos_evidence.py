"""What is left of a run when it is over, read from files, the ledger and the process table, and what that proves."""

from __future__ import annotations

import re
import sqlite3
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from bench.chaos_run import Carried
from blocks import Journal
from blocks.git import Git
from contracts.message import Message

_SHA = re.compile(r"\b[0-9a-f]{40}\b")
_TWICE = re.compile(r"record (\S+)\.turn (\d+) in place#2")
_LEAVE_SECONDS = 60.0
"""How long a process of an ended run may take to leave."""


class Left(NamedTuple):
    """What one run has left behind; names are those that every run has in common.

    Args:
        tree: tree of the base.
        records: names of the journal's records.
        told: how often each message was posted.
        unsettled: messages that still say that somebody must decide.
        effects: keys of the ledger's effects, and how many of them are not confirmed.
        decisions: how many answers counted, by gate.
        pulls: how many pull requests there are.
        merges: how many merge commits the base has.
        begun: how often each session was begun.
        answered: how often each session came to its answer.
        rows: how many turns the ledger has of each session.
        loose: what should not be there: claims, waiting gates, locks, processes.
    """

    tree: str
    records: frozenset[str]
    told: Counter[str]
    unsettled: list[str]
    effects: frozenset[str]
    unconfirmed: list[str]
    decisions: Counter[str]
    pulls: int
    merges: int
    begun: Counter[str]
    answered: Counter[str]
    rows: Counter[str]
    loose: list[str]


class Judged(NamedTuple):
    """What came of one point.

    Args:
        lost: what is missing or wrong.
        duplicates: what is there more than once.
        repaid: sessions that were begun again.
        answered: how many of those had come to their answer, which was then lost with the process.
        missed: whether nothing was done to the run, so that it proves nothing.
    """

    carried: Carried
    lost: list[str]
    duplicates: list[str]
    repaid: list[str]
    answered: int
    missed: bool

    @property
    def survived(self) -> bool:
        """Whether the run ended as if nothing had been done to it."""
        return not self.lost and not self.duplicates and not self.missed


def look(home: Path, carried: Carried) -> Left:
    """Collect what a run has left behind."""
    run = carried.run
    git = Git(home / f"forge/{carried.name}.git")
    told, unsettled = _messages(home / "messages.log", run)
    turns = [line.split() for line in (home / "turns.log").read_text().splitlines()]
    mine = Counter((what, session.removeprefix(f"{run}/")) for what, session, _ in turns if session.startswith(run))
    effects = _rows(home, "SELECT key, confirmed_at FROM effects WHERE run = ?", run)
    rows = _rows(home, "SELECT step, visit FROM turns WHERE run = ?", run)
    decided = _rows(home, "SELECT gate FROM decisions WHERE run = ? AND standing = 'counted'", run)
    return Left(
        tree=git.run("rev-parse", "main^{tree}"),
        records=frozenset(path.stem for path in (home / "journal" / run).glob("[!.]*.json")),
        told=told,
        unsettled=unsettled,
        effects=frozenset(_plain(key, run) for key, _ in effects),
        unconfirmed=[_plain(key, run) for key, at in effects if at is None],
        decisions=Counter(_plain(gate, run) for (gate,) in decided),
        pulls=len(list((git.directory / "delivery/pulls").glob("*.json"))),
        merges=int(git.run("rev-list", "--count", "--merges", "main")),
        begun=Counter({session: count for (what, session), count in mine.items() if what == "begun"}),
        answered=Counter({session: count for (what, session), count in mine.items() if what == "answered"}),
        rows=Counter(f"{step}/{visit}" for step, visit in rows),
        loose=_loose(home, run),
    )


def _plain(key: str, run: str) -> str:
    return _SHA.sub("<sha>", key.removeprefix(f"{run}/"))


def _rows(home: Path, query: str, run: str) -> list[Any]:
    with closing(sqlite3.connect(home / "ledger.db", timeout=30)) as connection:
        return connection.execute(query, (run,)).fetchall()


def _messages(file: Path, run: str) -> tuple[Counter[str], list[str]]:
    told, says = Counter[str](), dict[str, str]()
    for raw in file.read_text().splitlines():
        if run not in raw:
            continue
        what = re.search(r'"what":"(\w+)"', raw)
        message = Message.model_validate_json(raw[raw.index('"message":') + 10 : -1])
        key = message.key.removeprefix(f"{run}/")
        told[key] += what is not None and what[1] == "post"
        says[key] = message.event
    return told, [key for key, event in says.items() if event == "waiting"]


def _loose(home: Path, run: str) -> list[str]:
    found: list[str] = []
    for table, condition in (("claims", "run = ?"), ("gates", "run = ? AND settled_at IS NULL")):
        count = len(_rows(home, f"SELECT 1 FROM {table} WHERE {condition}", run))
        found += [f"{count} rows of {table}"] if count else []
    found += _processes(run)
    owner = Journal(folder=home / "journal").owner(run)
    return [*found, f"the run's lock is held by {owner}"] if owner else found


def _processes(run: str) -> list[str]:
    """Processes that name the run in their command or environment and do not leave."""
    deadline = time.monotonic() + _LEAVE_SECONDS
    while (left := _naming(run)) and time.monotonic() < deadline:
        time.sleep(0.3)
    return left


def _naming(run: str) -> list[str]:
    left: list[str] = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            environment = (process / "environ").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if run in command or run in environment:
            left.append(f"process {process.name} {command[:120]}")
    return left


def judge(carried: Carried, left: Left, whole: Left, home: Path) -> Judged:
    """Hold what a run left behind beside what the undisturbed run did.

    Args:
        carried: the run.
        left: what it left behind.
        whole: the same of the undisturbed run.
        home: folder of the installation.
    """
    lost = [] if carried.end.name == "Merged" else [f"ended {carried.end.name or 'never'}: {carried.end.message}"]
    lost += [] if left.tree == whole.tree else ["another tree"]
    for what, ours, theirs in (
        ("record", left.records, whole.records),
        ("message", left.told.keys(), whole.told.keys()),
        ("effect", left.effects, whole.effects),
        ("decision", left.decisions.keys(), whole.decisions.keys()),
    ):
        lost += [f"{what} {one} is missing" for one in sorted(theirs - ours)]
        lost += [f"{what} {one} is too much" for one in sorted(ours - theirs)]
    lost += [f"message {one} is not settled" for one in left.unsettled]
    lost += [f"effect {one} is not confirmed" for one in left.unconfirmed]
    lost += left.loose
    repaid = [session for session, count in left.begun.items() if count > 1]
    again = sum(max(left.answered[session] - 1, 0) for session in repaid)
    return Judged(carried, lost, _doubled(carried, left, home), sorted(repaid), again, _missed(carried))


def _missed(carried: Carried) -> bool:
    """Whether nothing was done; asked when the last process has left, as the server shows the end of a run earlier."""
    return carried.point is not None and not (carried.acted_at or (carried.folder / "reached").exists())


def _doubled(carried: Carried, left: Left, home: Path) -> list[str]:
    doubled = [f"{count} times message {one}" for one, count in left.told.items() if count > 1]
    doubled += [f"{count} decisions at {one}" for one, count in left.decisions.items() if count > 1]
    doubled += [f"{left.pulls} pull requests"] if left.pulls != 1 else []
    doubled += [f"{left.merges} merges"] if left.merges != 1 else []
    doubled += [f"asked again at {gate} after an answer" for gate in carried.asked_again]
    doubled += [
        f"{count} ledger rows for {left.answered[one]} answers of {one}"
        for one, count in left.rows.items()
        if count > left.answered[one]
    ]
    twice = (_TWICE.fullmatch(label) for label in carried.labels)
    doubled += [f"turn {found[1]} {found[2]} was paid again after its reply" for found in twice if found]
    return doubled + [f"turn {one} was paid again after its step" for one in _late(carried, home)]


def _late(carried: Carried, home: Path) -> list[str]:
    """Sessions of which a turn began after the outcome of their visit was recorded."""
    late: list[str] = []
    for line in (home / "turns.log").read_text().splitlines():
        what, session, at = line.split()
        run, step, visit = session.split("/")
        record = home / "journal" / run / f"{step}-{visit}.json"
        if run == carried.run and what == "begun" and record.exists() and float(at) > record.stat().st_mtime:
            late.append(f"{step}/{visit}")
    return late
