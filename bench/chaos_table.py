"""The result of the chaos runs: a table by class of point, one line, and the page of the documentation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable

from bench.chaos_record import Row

_COLUMNS: dict[str, Callable[[list[Row]], int]] = {
    "points": len,
    "survived": lambda some: sum(one.survived for one in some),
    "turns paid again": lambda some: sum(one.repaid for one in some),
    "of these answered": lambda some: sum(one.answered for one in some),
    "duplicates": lambda some: sum(one.duplicates for one in some),
    "lost": lambda some: sum(one.lost for one in some),
}
_WHERE = {
    "before a step": "the step's record was looked for and is not there; nothing of the step has happened",
    "after a step": "the record is in its place, the folder not yet synced",
    "while a record is written": "the temporary file is written, the record is not in its place",
    "in mid-turn": "the agent has begun and has not answered",
    "turn answered": "its reply is recorded, its step is not",
    "before an effect": "the intent is in the ledger, or Git or the sandbox is about to start; nothing is done",
    "after an effect": "it is done, and the ledger does not know it",
    "effect confirmed": "the ledger knows it, the step has no record",
    "in the forge": "a file of the forge is written and not in its place, or just in its place",
    "in the ledger": "a transaction is about to be committed, or just committed",
    "at a gate": "before and after each call with which a run pauses, shows its form and gives its process up",
    "at start and end": "before Prefect takes the run up, and around its last state",
    "in the pause window": "the process waits for an answer",
    "during hand-over": "from outside, around the end of the window and in the state Suspended",
    "workspace lost": "the folder is removed while the run waits, or together with the process",
    "worker killed": "the worker gets SIGKILL, a new one starts; the flow's process lives on",
    "server restarted": "the server gets SIGKILL and comes back after two seconds",
    "host lost": "worker and flow get SIGKILL together; only the silence of the run tells it",
}


def summary(rows: list[Row]) -> tuple[str, bool]:
    """Return the last line, and whether every run survived; a point that no run came to proves nothing and is lost."""
    counted = {name: _COLUMNS[name](rows) for name in ("points", "survived", "duplicates", "lost")}
    line = " ".join(f"{name}={count}" for name, count in counted.items())
    return line, bool(rows) and counted["survived"] == len(rows)


def _groups(rows: list[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {kind: [] for kind in _WHERE}
    for one in rows:
        groups[one.kind].append(one)
    groups = {kind: some for kind, some in groups.items() if some}
    return groups | {"all": rows}


def table(rows: list[Row]) -> str:
    """Return the figures of each class, a line each."""
    lines = [f"{'':<26}" + "".join(f"{name:>19}" for name in _COLUMNS)]
    for kind, some in _groups(rows).items():
        lines.append(f"{kind:<26}" + "".join(f"{count(some):>19}" for count in _COLUMNS.values()))
    return "\n".join(lines)


def page(rows: list[Row], points: int) -> str:
    """Return the page of the documentation.

    Args:
        rows: what came of the points.
        points: how many points there are.
    """
    head = ["point in time", "where that is", *_COLUMNS]
    lines = [" | ".join(head), " | ".join("---" if at < 2 else "---:" for at in range(len(head)))]
    for kind, some in _groups(rows).items():
        figures = [str(count(some)) for count in _COLUMNS.values()]
        lines.append(" | ".join([kind, _WHERE.get(kind, ""), *figures]))
    figures = "\n".join(f"| {line} |" for line in lines)
    tried = ", ".join(f"{count} at `{commit}`" for commit, count in Counter(one.commit for one in rows).items())
    whole = (
        "every point was tried" if len(rows) == points else f"{points - len(rows)} of {points} points are not tried yet"
    )
    return _PAGE.format(table=figures, tried=f"{whole} ({tried})", line=summary(rows)[0])


_PAGE = """# What a run survives

`make chaos` wrote this page; {tried}.
`make chaos POINTS=12` tries a random twelve of the points and is part of the gate.

One Prefect server and one process worker carry runs of the steps of `bugfix`, each on a repository of its own, with
every loop taken once: a question of the clarity review that a person answers, a rework that the reviewer asks for,
an approval that is given when the run has given its process up, a turn of the fixer, a red check with a turn of the
ci-fixer, and the same approval once more because the tree moved. One run is left alone, and a recorder in its
processes writes down each record of the journal, each statement of the ledger, each push, each file of the forge,
each turn, and each call that changes the run in Prefect. Each of these moments is then the last one of a process
(SIGKILL) in a run of its own; the other points are made from outside. Recovery is what `delivery up` does: the sweep
of `recover`, with its own grace of 90 seconds for what nobody reports.

A run survived when it ended merged, with the tree of the undisturbed run on the base, one pull request, one merge
commit, the same records, decisions, effects and messages each exactly once, every effect confirmed, every gate
settled, no claim, no lock and no process left. A turn whose process was killed before its reply was recorded is paid
again; "answered" are those that were killed in the milliseconds in which the reply is written down. A turn that is
paid again after its reply was recorded counts as a duplicate.

{table}

`{line}`
"""
