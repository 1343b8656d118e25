"""Deliveries, slots and the queue on a SQLite file and on a real PostgreSQL server."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

from blocks.ledger import Ledger
from blocks.ledger.inbox import Delivery, Slot

NOW = datetime.now(UTC)
RIVALS = """
import json, multiprocessing, sys
from concurrent.futures import ThreadPoolExecutor
from blocks.ledger.inbox import Delivery, Slot
from blocks.ledger import Ledger
from contracts.admission import Ceiling

context = multiprocessing.get_context("fork")  # eight imports of Prefect would take half a minute
url, rounds = json.load(sys.stdin)
everyone = context.Barrier(50)

def ask(call):
    method, arguments = call
    if method == "receive":
        arguments = {"arrived": [Delivery.model_validate(arguments)]}
    if method == "occupy":
        arguments = {**arguments, "wanted": Slot.model_validate(arguments["wanted"])}
    if method == "claim":
        arguments = {**arguments, "limit": Ceiling.model_validate(arguments["limit"])}
    everyone.wait()
    try:
        answer = getattr(Ledger(url=url), method)(**arguments)
    except Exception as error:
        return type(error).__name__
    if isinstance(answer, list):
        return [one.delivery if isinstance(one, Delivery) else one for one in answer]
    return answer if answer is None else answer.key

def asks(calls):
    with ThreadPoolExecutor(len(calls)) as threads:
        return list(threads.map(ask, calls))

with context.Pool(8) as pool:
    for calls in rounds:
        shares = pool.map(asks, [calls[n::8] for n in range(8)], chunksize=1)
        print(json.dumps(sum(shares, [])))
"""


def ask_together(url: str, rounds: list[list[tuple[str, dict[str, Any]]]]) -> list[list[Any]]:
    """Make the 50 calls of each round at one moment, from the threads of eight processes."""
    process = subprocess.run(
        [sys.executable, "-W", "error", "-c", RIVALS],
        input=json.dumps([url, rounds]),
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=200,
    )
    return [json.loads(line) for line in process.stdout.splitlines()]


def delivery(name: str, digest: str = "", **fields: Any) -> Delivery:
    values: dict[str, Any] = {"source": "github", "event": "issues", "body": b"\x00{}", "received_at": NOW}
    return Delivery.model_validate(
        {**values, "delivery": name, "digest": digest or name, "next_try_at": NOW - timedelta(seconds=1), **fields}
    )


def slot(key: str, name: str = "d", scope: str = "s") -> Slot:
    return Slot(key=key, scope=scope, source="github", delivery=name, taken_at=NOW)


def names(rows: list[Delivery]) -> list[str]:
    return [row.delivery for row in rows]


def test_fifty_at_one_moment_are_each_kept_lent_and_let_in_once(ledger: Ledger, ledger_url: str) -> None:
    ledger.migrate()
    row = delivery("same").model_dump(mode="json", exclude={"body"})
    receive: list[tuple[str, dict[str, Any]]] = [("receive", row)] * 50
    many = [("receive", {**row, "delivery": f"d-{n}", "digest": f"d-{n}"}) for n in range(50)]
    take: list[tuple[str, dict[str, Any]]] = [("take", {"limit": 3, "seconds": 60})] * 50
    slots = [("occupy", {"wanted": slot(f"k-{n}", f"d-{n}").model_dump(mode="json"), "limit": 7}) for n in range(50)]
    ceiling = {"shared": 9, "kinds": {"build": 4}}
    claims = [
        (
            "claim",
            {
                "identity": f"item-{n}",
                "run": f"r-{n}",
                "repository": "shop",
                "kind": ["build", "bugfix"][n % 2],
                "limit": ceiling,
            },
        )
        for n in range(50)
    ]

    same, kept, taken, occupied, claimed = ask_together(ledger_url, [receive, many, take, slots, claims])

    assert sorted(same) == [[False]] * 49 + [[True]]
    assert kept == [[True]] * 50
    lent = [one for part in taken for one in part]
    assert len(lent) == len(set(lent)) == 51
    assert len([one for one in occupied if one]) == 7
    assert sorted(map(str, claimed)) == ["Full"] * 41 + ["None"] * 9
    kinds = [one.kind for one in ledger.live("shop")]
    assert (kinds.count("build"), len(kinds)) == (kinds.count("build"), 9)
    assert kinds.count("build") <= 4


def test_a_delivery_is_known_by_its_id_and_by_what_was_signed(ledger: Ledger) -> None:
    assert ledger.receive([delivery("a"), delivery("b")]) == [True, True]
    assert ledger.receive([delivery("a", digest="other"), delivery("c", digest="b")]) == [False, False]
    assert ledger.receive([delivery("a", source="gitlab")]) == [True]
    counts = {(row.source, row.delivery): row.count for row in ledger.deliveries()}
    assert counts == {("github", "a"): 2, ("github", "b"): 2, ("gitlab", "a"): 1}
    assert ledger.delivery("github", "a").body == b"\x00{}"  # type: ignore[union-attr]


def test_a_refusal_never_takes_the_place_of_a_delivery(ledger: Ledger) -> None:
    refused = delivery("refused forged 12:00", outcome="refused", body=None, settled_at=NOW)
    assert ledger.receive([], [refused.model_copy(update={"count": 3})]) == []
    assert ledger.receive([delivery("a")], [refused]) == [True]
    assert [(row.delivery, row.count, row.outcome) for row in ledger.deliveries(outcome="refused")] == [
        ("refused forged 12:00", 4, "refused")
    ]
    assert ledger.undelivered() == 1


def test_a_lease_ends_and_the_first_outcome_stands(ledger: Ledger) -> None:
    ledger.receive([delivery("a"), delivery("b"), delivery("later", next_try_at=NOW + timedelta(hours=1))])
    first = ledger.take(1, 60)
    assert names(first) == ["a"]
    assert first[0].attempts == 1
    assert names(ledger.take(5, 0)) == ["b"]
    assert names(ledger.take(5, 60)) == ["b"], "its lease is over"
    assert ledger.take(5, 60) == []

    ledger.settle_delivery(first[0].model_copy(update={"outcome": "started", "runs": "r1", "reason": "x"}))
    ledger.settle_delivery(first[0].model_copy(update={"outcome": "error"}))
    ledger.postpone(first[0].model_copy(update={"next_try_at": NOW}))
    settled = ledger.delivery("github", "a")
    assert settled is not None
    assert (settled.outcome, settled.runs, settled.reason) == ("started", "r1", "x")
    assert settled.settled_at is not None
    assert ledger.take(5, 60) == []


def test_a_redelivery_starts_nothing_twice_and_tries_again_what_started_nothing(ledger: Ledger) -> None:
    for outcome, again in (("started", False), ("duplicate", False), ("no rule", True), ("error", True)):
        ledger.receive([delivery(outcome)])
        (row,) = ledger.take(1, 60)
        ledger.settle_delivery(row.model_copy(update={"outcome": outcome, "reason": "why"}))
        ledger.forget_deliveries(NOW + timedelta(1), NOW - timedelta(1), [outcome])
        assert ledger.receive([delivery("a new name", digest=outcome)]) == [again]
        kept = ledger.delivery("github", outcome)
        assert kept is not None
        assert (kept.outcome, kept.body, kept.count) == (("", b"\x00{}", 2) if again else (outcome, None, 2))
        assert names(ledger.take(5, 3_600)) == ([outcome] if again else [])
        ledger.settle_delivery(row.model_copy(update={"outcome": outcome}))
        assert ledger.receive([delivery(outcome, digest="signed otherwise")]) == [False]
        assert [one.outcome for one in ledger.deliveries() if one.delivery == outcome] == [outcome]


def test_a_postponed_delivery_comes_again_with_its_reason(ledger: Ledger) -> None:
    ledger.receive([delivery("a")])
    (row,) = ledger.take(1, 3_600)
    ledger.postpone(row.model_copy(update={"reason": "away", "next_try_at": NOW - timedelta(seconds=1)}))
    (again,) = ledger.take(1, 60)
    assert (again.reason, again.attempts) == ("away", 2)


def test_what_is_old_is_forgotten_in_two_steps(ledger: Ledger) -> None:
    days = {"new": 1, "old": 40, "ancient": 500}
    for name, age in days.items():
        ledger.receive([delivery(name, received_at=NOW - timedelta(days=age), outcome="started", settled_at=NOW)])
    refused = delivery("refused", received_at=NOW - timedelta(days=40), outcome="refused", settled_at=NOW)
    waits = delivery("waits", received_at=NOW - timedelta(days=500))
    ledger.receive([waits], [refused])
    gone = ledger.forget_deliveries(NOW - timedelta(days=30), NOW - timedelta(days=400), ["started"])
    assert gone == 2
    assert {row.delivery for row in ledger.deliveries()} == {"new", "old", "waits"}
    bodies = {name: ledger.delivery("github", name).body for name in ("new", "old", "waits")}  # type: ignore[union-attr]
    assert bodies == {"new": b"\x00{}", "old": None, "waits": b"\x00{}"}
