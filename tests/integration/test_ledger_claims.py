"""Live work on a SQLite file and on a real PostgreSQL server."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import pytest

from blocks.ledger import Ledger
from contracts.errors import Refused

CLAIMANTS = """
import json, multiprocessing, sys, threading
from concurrent.futures import ThreadPoolExecutor
import alembic.command, alembic.config  # so that the migrations start at one moment, not when each import is done
from blocks.ledger import Ledger
from contracts.errors import Refused

context = multiprocessing.get_context("fork")  # eight imports of Prefect would take half a minute
url, rounds = json.load(sys.stdin)
everyone = context.Barrier(50)

def attempt(claim):
    everyone.wait()
    try:
        Ledger(url=url).claim(**claim)
    except Refused:
        return "refused"
    except Exception as error:
        return f"{type(error).__name__}: {error} {getattr(error, 'detail', '')}"
    return "claimed"

def attempts(claims):
    with ThreadPoolExecutor(len(claims)) as threads:
        return list(threads.map(attempt, claims))

with context.Pool(8) as processes:
    for claims in rounds:
        shares = processes.map(attempts, [claims[n::8] for n in range(8)], chunksize=1)
        print(json.dumps(sum(shares, [])))
"""


def claim_together(url: str, rounds: Sequence[Sequence[Mapping[str, object]]]) -> list[list[str]]:
    """Make the 50 claims of each round at one moment, from the threads of eight processes."""
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", CLAIMANTS],
        input=json.dumps([url, rounds]),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=200,
    )
    return [json.loads(line) for line in process.stdout.splitlines()]


def test_claims_that_come_together_never_exceed_the_limit_nor_share_an_identity(
    ledger: Ledger, ledger_url: str
) -> None:
    many = [
        {"identity": f"item-{n}", "run": f"run-{n}", "repository": "shop", "kind": "build", "limit": 7}
        for n in range(50)
    ]
    same = [
        {"identity": "item", "run": f"other-{n}", "repository": "bakery", "kind": "build", "limit": None}
        for n in range(50)
    ]

    # The schema does not exist yet, so all eight processes migrate at once.
    limited, identical = claim_together(ledger_url, [many, same])

    assert sorted(limited) == ["claimed"] * 7 + ["refused"] * 43
    assert sorted(identical) == ["claimed"] + ["refused"] * 49
    assert len(ledger.live("shop")) == 7
    assert len(ledger.live("bakery")) == 1


def test_another_run_cannot_claim_the_same_identity_until_it_is_released(ledger: Ledger) -> None:
    ledger.claim("shop:issue-1", "r1", "shop", "build", limit=None)
    with pytest.raises(Refused, match=r"'shop:issue-1' is held by the live run 'r1'; wait .* or stop it"):
        ledger.claim("shop:issue-1", "r2", "shop", "build", limit=None)

    ledger.release("r1")
    ledger.release("r1")
    ledger.claim("shop:issue-1", "r2", "shop", "build", limit=None)

    assert [claim.run for claim in ledger.live()] == ["r2"]


def test_a_run_may_claim_again_even_when_the_limit_is_reached(ledger: Ledger) -> None:
    ledger.claim("one", "r1", "shop", "build", limit=1)
    first = ledger.live()
    ledger.claim("one", "r1", "shop", "build", limit=1)
    ledger.claim("one", "r1", "shop", "build", limit=0)
    assert ledger.live() == first


def test_the_limit_counts_other_runs_of_the_same_repository_only(ledger: Ledger) -> None:
    ledger.claim("one", "r1", "shop", "build", limit=1)
    ledger.claim("one more of the same run", "r1", "shop", "build", limit=1)
    ledger.claim("elsewhere", "r2", "bakery", "build", limit=1)
    with pytest.raises(Refused, match=r"'shop' has 2 live runs and the limit is 2; wait"):
        ledger.claim("three", "r3", "shop", "build", limit=2)
    with pytest.raises(Refused, match=r"the limit is 0"):
        ledger.claim("four", "r4", "empty", "build", limit=0)


def test_live_lists_claims_with_times_in_utc_oldest_first(ledger: Ledger) -> None:
    before = datetime.now(UTC)
    ledger.claim("z", "r1", "shop", "build", limit=None)
    ledger.claim("a", "r2", "bakery", "bugfix", limit=None)
    claims = ledger.live()
    assert [(claim.identity, claim.run, claim.repository, claim.kind) for claim in claims] == [
        ("z", "r1", "shop", "build"),
        ("a", "r2", "bakery", "bugfix"),
    ]
    assert all(claim.claimed_at.tzinfo is UTC for claim in claims)
    assert before <= claims[0].claimed_at <= claims[1].claimed_at <= datetime.now(UTC)
    assert [claim.identity for claim in ledger.live("bakery")] == ["a"]
