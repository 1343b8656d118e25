"""A stop races a merge: whichever the ledger hears of first is the end, and the base holds the change accordingly."""

from __future__ import annotations

import random
import subprocess
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import uuid4

import pytest

import blocks
from blocks.git import Git, init_bare
from blocks.ledger import Ledger, Run
from blocks.local_pulls import LocalPulls
from contracts.errors import Refused
from contracts.journal import Opening
from contracts.pipeline import Pipeline, Step
from contracts.policy import Policy
from contracts.work import Repository, WorkItem
from deployments.bootstrap import save
from tasks._effects import perform
from tasks._standing import Standing
from tasks.stopping import end_attempt

RACES = 200
SPAN_SECONDS = 0.08
"""Within this time both begin; a merge takes about as long."""


class Race(NamedTuple):
    """A run with a pull request, and when each of the two begins."""

    opening: Opening
    number: int
    head: str
    merge_after: float
    stop_after: float


def _history() -> str:
    """A first commit on main, and a branch with one more file for each race, as `git fast-import` reads it."""
    who = "committer A <a@localhost> 1700000000 +0000"
    parts = [f"commit refs/heads/main\nmark :1\n{who}\ndata 5\nfirst\nM 644 inline a.txt\ndata 2\na\n"]
    parts += [
        f"commit refs/heads/delivery/race-{n}\n{who}\ndata 4\nmore\nfrom :1\nM 644 inline n{n}.txt\ndata 2\nn\n"
        for n in range(RACES)
    ]
    return "\n".join(parts)


@pytest.fixture
def races(installation: Path, tmp_path: Path) -> tuple[blocks.LocalForge, Ledger, list[Race]]:
    git = init_bare(tmp_path / "shop.git")
    subprocess.run(["git", "-C", str(git.directory), "fast-import", "--quiet"], input=_history(), text=True, check=True)
    tips = dict(
        line.split() for line in git.run("for-each-ref", "--format=%(refname:short) %(objectname)").splitlines()
    )
    ledger = Ledger(url=f"sqlite:///{tmp_path / 'ledger.db'}")  # type: ignore[arg-type]
    policy = Policy(ledger=save(ledger, f"race-{uuid4().hex[:8]}"))
    forge, chance = blocks.LocalForge(root=tmp_path), random.Random(20)
    first = forge.open_pull_request("shop", "delivery/race-0", "main", "Race 0", "")
    pulls = LocalPulls(git.directory / "delivery")
    made: list[Race] = []
    for n in range(RACES):
        opening, number = _opened(ledger, policy, n), first.number + n
        head = tips[opening.branch]
        pulls.save(
            pulls.get(first.number).model_copy(update={"number": number, "branch": opening.branch, "head": head})
        )
        made.append(Race(opening, number, head, chance.uniform(0, SPAN_SECONDS), chance.uniform(0, SPAN_SECONDS)))
    return forge, ledger, made


def _opened(ledger: Ledger, policy: Policy, n: int) -> Opening:
    run, branch = str(uuid4()), f"delivery/race-{n}"
    item = WorkItem(repository=Repository(name="shop"), title=f"Race {n}")
    pipeline = Pipeline(name="simple", steps=[Step(kind="coder")])
    names = {"title": item.title, "repository": "shop", "forge": "local-forge/main", "pipeline": "simple"}
    row: dict[str, Any] = {"run": run, **names, "branch": branch, "policy": "delivery-policy/main", "attempt": 1}
    ledger.open(Run(**row, opened_at=datetime.now(UTC)))
    return Opening(run=run, attempt=1, item=item, pipeline=pipeline, policy=policy, branch=branch)


def _merges(forge: blocks.LocalForge, ledger: Ledger, race: Race, begin: threading.Barrier) -> str:
    """What the run's own process does: it merges and ends, and learns which end stands."""
    begin.wait()
    time.sleep(race.merge_after)
    try:
        key = f"merge/{race.number}/{race.head}"
        perform(race.opening, key, "merge", lambda: forge.merge("shop", race.number, race.head, "merge").merge_commit)
    except Refused:
        return ledger.end(race.opening.run, 1, "stopped")
    return ledger.end(race.opening.run, 1, "merged")


def _stops(ledger: Ledger, race: Race, begin: threading.Barrier) -> str:
    run = race.opening.run
    unknown: dict[str, Any] = {"flow_run": None, "ending": None, "timeline": [], "waiting": [], "decisions": []}
    found = Standing(
        run=run,
        opening=race.opening,
        ended=0,
        row=ledger.run(run),
        damaged=[],
        ledger=race.opening.policy.ledger,
        pipeline="simple",
        **unknown,
    )
    begin.wait()
    time.sleep(race.stop_after)
    return end_attempt(found)


def test_of_a_stop_and_a_merge_exactly_one_comes_to_pass(races: tuple[blocks.LocalForge, Ledger, list[Race]]):
    forge, ledger, all_of_them = races

    def both(race: Race) -> tuple[str, str]:
        begin = threading.Barrier(2)
        with ThreadPoolExecutor(1) as other:
            merged = other.submit(_merges, forge, ledger, race, begin)
            return _stops(ledger, race, begin), merged.result()

    with ThreadPoolExecutor(4) as pairs:
        words = list(pairs.map(both, all_of_them))
    held = set(Git(Path(forge.root) / "shop.git").run("rev-list", "main").splitlines())
    for race, (stopper, runner) in zip(all_of_them, words, strict=True):
        row = ledger.run(race.opening.run)
        assert row is not None
        assert stopper == runner == row.status
        assert row.status in {"merged", "stopped"}
        assert (race.head in held) == (row.status == "merged"), race
    ends = [word for word, _ in words]
    assert min(ends.count("merged"), ends.count("stopped")) >= RACES // 10, "one always won: nothing raced"
