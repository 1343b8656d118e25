"""What many processes ask at one moment has one answer, on a SQLite file and on a real PostgreSQL server."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, text

from blocks.ledger import Ledger, Run

RIVALS = """
import json, multiprocessing, sys, threading, time
from concurrent.futures import ThreadPoolExecutor
from blocks.ledger import Decision, Ledger
from contracts.errors import Refused

context = multiprocessing.get_context("fork")  # eight imports of Prefect would take half a minute
url, rounds = json.load(sys.stdin)
size = len(rounds[0])
everyone = context.Barrier(size)

def ask(call):
    method, arguments, delay = call
    if method == "decide":
        arguments = {"row": Decision.model_validate(arguments)}
    everyone.wait()
    time.sleep(delay)
    try:
        answer = getattr(Ledger(url=url), method)(**arguments)
    except Refused:
        return "refused"
    except Exception as error:
        return f"{type(error).__name__}: {error} {getattr(error, 'detail', '')}"
    return answer.model_dump(mode="json") if hasattr(answer, "model_dump") else answer

def asks(calls):
    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(ask, calls))

processes = min(8, size)
with context.Pool(processes) as pool:
    for calls in rounds:
        shares = pool.map(asks, [calls[n::processes] for n in range(processes)], chunksize=1)
        print(json.dumps(sum(shares, [])))
"""

Call = tuple[str, dict[str, Any], float]
"""A method of the ledger, its arguments, and how many seconds after the others it is called."""


def ask_together(url: str, rounds: list[list[Call]]) -> list[list[Any]]:
    """Make the calls of each round at one moment, from the threads of up to eight processes."""
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", RIVALS],
        input=json.dumps([url, rounds]),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=200,
    )
    return [json.loads(line) for line in process.stdout.splitlines()]


def run(name: str) -> Run:
    texts = dict.fromkeys(("title", "repository", "forge", "pipeline", "branch", "policy"), "any")
    return Run.model_validate(texts | {"run": name, "attempt": 1, "opened_at": datetime.now(UTC)})


def decision(who: str) -> dict[str, Any]:
    row = {"key": "k", "gate": "g", "run": "r1", "step": "coder", "who": who, "proven": False, "channel": "prefect"}
    return row | {"at": datetime.now(UTC).isoformat(), "choice": f"choice of {who}", "standing": "counted"}


def let_pass(engine: Engine, statement: str) -> None:
    moment = datetime.now(UTC) - timedelta(seconds=61)
    stored = moment if engine.dialect.name == "postgresql" else moment.strftime("%Y-%m-%d %H:%M:%S.%f")
    with engine.begin() as connection:
        connection.execute(text(statement), {"moment": stored})


def test_fifty_ends_recoveries_leases_and_answers_have_one_winner_each(ledger: Ledger, ledger_url: str) -> None:
    ledger.open(run("r1"))
    ledger.intend("k", "r1", "push", "")
    ends: list[Call] = [("end", {"run": "r1", "attempt": 1, "status": f"word {n}"}, 0) for n in range(50)]
    sweeps: list[Call] = [("recover", {"run": "r1", "state": "s1", "kind": "crash"}, 0)] * 50
    leases: list[Call] = [("hold", {"key": "k", "seconds": 60}, 0)] * 50
    answers: list[Call] = [("decide", decision(f"person {n}"), 0) for n in range(50)]

    ended, recovered, held, decided = ask_together(ledger_url, [ends, sweeps, leases, answers])

    standing = ledger.run("r1")
    assert standing is not None
    assert ended == [standing.status] * 50
    assert sorted(recovered) == [False] * 49 + [True]
    assert sorted(held) == [False] * 49 + [True]
    assert decided == [one.model_dump(mode="json") for one in ledger.decisions("r1")] * 50


def test_fifty_that_come_after_a_lease_have_one_winner_each(ledger: Ledger, engine: Engine, ledger_url: str) -> None:
    ledger.intend("k", "r1", "push", "")
    assert ledger.hold("k", 60)
    assert ledger.recover("r1", "s1", "crash")
    let_pass(engine, "UPDATE recoveries SET at = :moment")
    let_pass(engine, "UPDATE effects SET held_until = :moment")
    sweeps: list[Call] = [("recover", {"run": "r1", "state": "s1", "kind": "infrastructure"}, 0)] * 50
    leases: list[Call] = [("hold", {"key": "k", "seconds": 60}, 0)] * 50

    recovered, held = ask_together(ledger_url, [sweeps, leases])

    assert sorted(recovered) == [False] * 49 + [True]
    assert sorted(held) == [False] * 49 + [True]
    assert ledger.attribute("r1", "coder") == {"infrastructure": 1}


def test_a_run_is_stopped_or_merges_but_never_both(ledger: Ledger, ledger_url: str) -> None:
    timings = random.Random(7)
    rounds: list[list[Call]] = []
    for number in range(200):
        name = f"r{number}"
        ledger.open(run(name))
        stop: Call = ("end", {"run": name, "attempt": 1, "status": "stopped"}, timings.uniform(0, 0.003))
        arguments = {"key": f"merge {name}", "run": name, "what": "merge", "detail": ""}
        rounds.append([stop, ("intend", arguments, timings.uniform(0, 0.003))])

    met: set[str] = set()
    for number, (stopped, intended) in enumerate(ask_together(ledger_url, rounds)):
        merges = ledger.effect(f"merge r{number}")
        assert (stopped, intended) == (("stopped", "refused") if merges is None else ("live", intended))
        assert merges is None or intended == merges.model_dump(mode="json")
        met.add(stopped)
    assert met == {"stopped", "live"}
