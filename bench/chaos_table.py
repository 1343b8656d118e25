"""The result of the chaos runs: a table by class of point, one line, and the page of the documentation."""

from __future__ import annotations

from collections.abc import Callable

from bench.chaos_evidence import Judged

_COLUMNS: dict[str, Callable[[list[Judged]], int]] = {
    "points": len,
    "survived": lambda some: sum(one.survived for one in some),
    "turns paid again": lambda some: sum(len(one.repaid) for one in some),
    "of these answered": lambda some: sum(one.answered for one in some),
    "duplicates": lambda some: sum(len(one.duplicates) for one in some),
    "lost": lambda some: sum(bool(one.lost) for one in some),
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


def summary(judged: list[Judged]) -> tuple[str, bool]:
    """Return the last line, and whether every run survived; a point that no run came to proves nothing and is lost."""
    survived = sum(one.survived for one in judged)
    duplicates = sum(len(one.duplicates) for one in judged)
    lost = sum(bool(one.lost) or one.missed for one in judged)
    line = f"points={len(judged)} survived={survived} duplicates={duplicates} lost={lost}"
    return line, bool(judged) and survived == len(judged)


def _groups(judged: list[Judged]) -> dict[str, list[Judged]]:
    groups: dict[str, list[Judged]] = {kind: [] for kind in _WHERE}
    for one in judged:
        groups[one.carried.point.kind if one.carried.point else ""].append(one)
    groups = {kind: some for kind, some in groups.items() if some}
    return groups | {"all": judged}


def table(judged: list[Judged]) -> str:
    """Return the figures of each class, a line each."""
    lines = [f"{'':<26}" + "".join(f"{name:>19}" for name in _COLUMNS)]
    for kind, some in _groups(judged).items():
        lines.append(f"{kind:<26}" + "".join(f"{count(some):>19}" for count in _COLUMNS.values()))
    return "\n".join(lines)


def page(judged: list[Judged], seconds: float, cores: int) -> str:
    """Return the page of the documentation.

    Args:
        judged: every point.
        seconds: how long it took.
        cores: of the machine.
    """
    head = ["point in time", "where that is", *_COLUMNS]
    rows = [" | ".join(head), " | ".join("---" if at < 2 else "---:" for at in range(len(head)))]
    for kind, some in _groups(judged).items():
        figures = [str(count(some)) for count in _COLUMNS.values()]
        rows.append(" | ".join([kind, _WHERE.get(kind, ""), *figures]))
    figures = "\n".join(f"| {row} |" for row in rows)
    minutes = f"{seconds / 60:.0f} minutes on {cores} cores"
    return _PAGE.format(table=figures, minutes=minutes, line=summary(judged)[0])


_PAGE = """# What a run survives

`make chaos` wrote this page, in {minutes}; `make chaos POINTS=12` tries a random twelve of the points and is part of
the gate.

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
