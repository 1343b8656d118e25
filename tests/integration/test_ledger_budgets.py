"""Whatever runs do at once, and whatever dies, no turn is recorded twice and no cap is broken by an admission."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Engine, text

from blocks.ledger import Ledger, Reservation, Run, Turn
from contracts.budget import Caps, Scope

RUNS = {"r0": "shop", "r1": "shop", "r2": "bakery", "r3": "bakery"}
CAPS = Caps(
    most={Scope.RUN: Decimal(4), Scope.REPOSITORY: Decimal(6), Scope.INSTALLATION: Decimal(9)}, guess=Decimal("1.1")
)
ANY_RUN = st.sampled_from(sorted(RUNS))
TENTHS = st.integers(0, 20).map(lambda tenths: Decimal(tenths) / 10)


class Runs(RuleBasedStateMachine):
    """Runs that take turns, some of which cost twice what they reserved; processes die and repeat what they did."""

    def __init__(self, ledger: Ledger, engine: Engine) -> None:
        super().__init__()
        self.ledger, self.engine = ledger, engine
        ledger.migrate()
        with engine.begin() as connection:
            for table in ("turns", "reservations", "runs"):
                connection.execute(text(f"DELETE FROM {table}"))
        self.running: dict[str, tuple[int, Decimal]] = {}
        self.paid: dict[tuple[str, int], Decimal] = {}
        self.at_admission: dict[tuple[Scope, str], Decimal] = {}
        texts = dict.fromkeys(("title", "forge", "pipeline", "branch", "policy"), "any")
        for name, repository in RUNS.items():
            row = texts | {"run": name, "repository": repository, "attempt": 1, "opened_at": datetime.now(UTC)}
            ledger.open(Run.model_validate(row))

    @rule(run=ANY_RUN)
    def begin(self, run: str) -> None:
        """A turn begins, or one is taken again that was lost with its process."""
        number = self.ledger.turns_of(run)["coder", 1] + 1
        lost = self.running.get(run)
        values: dict[str, Any] = {"run": run, "step": "coder", "visit": 1, "turn": number, "kind": "coder"}
        row = Reservation.model_validate(values | {"repository": RUNS[run], "at": datetime.now(UTC)})
        if self.ledger.reserve(row, CAPS) is not None:
            return
        with self.engine.connect() as connection:
            held: Any = connection.execute(text("SELECT amount FROM reservations WHERE run = :run"), {"run": run})
            raw = held.scalar_one()
        amount = Decimal(raw).scaleb(-9) if self.engine.dialect.name == "sqlite" else Decimal(raw)
        assert lost is None or lost[0] == number
        self.running[run] = number, amount
        self._admitted(run)

    def _admitted(self, run: str) -> None:
        for scope, name in self._scopes(run):
            reserved = sum(self.running[one][1] for one in self.running if (scope, name) in self._scopes(one))
            assert self._spent(scope, name) + reserved <= CAPS.most[scope]
            self.at_admission[scope, name] = Decimal(reserved)

    @precondition(lambda self: self.running)
    @rule(data=st.data(), share=TENTHS)
    def end(self, data: st.DataObject, share: Decimal) -> None:
        run = data.draw(st.sampled_from(sorted(self.running)))
        number, amount = self.running.pop(run)
        self.paid[run, number] = amount * share
        self._record(run, number, amount * share)

    @precondition(lambda self: self.running)
    @rule(data=st.data())
    def end_without_usage(self, data: st.DataObject) -> None:
        del self.running[data.draw(st.sampled_from(sorted(self.running)))]

    @precondition(lambda self: self.paid)
    @rule(data=st.data(), cost=TENTHS)
    def replay(self, data: st.DataObject, cost: Decimal) -> None:
        """A process that died behind the record does it again, with whatever price it finds now."""
        run, number = data.draw(st.sampled_from(sorted(self.paid)))
        if run not in self.running:
            self._record(run, number, cost)

    @rule(run=ANY_RUN)
    def wait(self, run: str) -> None:
        if run not in self.running:
            self.ledger.unreserve(run)

    @invariant()
    def every_turn_is_recorded_once(self) -> None:
        assert Decimal(str(self.ledger.spend().get("USD", 0))) == sum(self.paid.values(), Decimal(0))

    @invariant()
    def a_cap_is_exceeded_by_no_more_than_running_turns_had_reserved(self) -> None:
        for (scope, name), reserved in self.at_admission.items():
            assert self._spent(scope, name) - CAPS.most[scope] <= reserved

    def _record(self, run: str, number: int, cost: Decimal) -> None:
        row: dict[str, Any] = {"run": run, "step": "coder", "visit": 1, "turn": number, "agent": "a", "kind": "coder"}
        row |= {"repository": RUNS[run], "cost": cost, "priced": True, "at": datetime.now(UTC)}
        self.ledger.record_turn(Turn.model_validate(row))

    def _scopes(self, run: str) -> list[tuple[Scope, str]]:
        return [(Scope.RUN, run), (Scope.REPOSITORY, RUNS[run]), (Scope.INSTALLATION, "")]

    def _spent(self, scope: Scope, name: str) -> Decimal:
        return sum((cost for (run, _), cost in self.paid.items() if (scope, name) in self._scopes(run)), Decimal(0))


def test_no_order_of_turns_replays_and_deaths_breaks_a_cap(ledger: Ledger, engine: Engine) -> None:
    made: Any = lambda: Runs(ledger, engine)  # noqa: E731 - hypothesis wants a factory
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        made, settings=settings(max_examples=12, stateful_step_count=30, suppress_health_check=slow)
    )


RIVALS = """
import multiprocessing, os, random, sys, threading
from datetime import UTC, datetime
from decimal import Decimal
from blocks.ledger import Ledger, Reservation, Turn
from contracts.budget import Caps, Scope

url = sys.stdin.read()
context = multiprocessing.get_context("fork")
everyone = context.Barrier(24)
caps = Caps(most={Scope.REPOSITORY: Decimal(12)}, guess=Decimal(1))

def walk(name):
    chance, ledger = random.Random(name), Ledger(url=url)
    ledger.spend()  # whoever connects first would come first
    everyone.wait()
    for number in range(1, 40):
        row = {"run": name, "step": "coder", "visit": 1, "turn": number, "kind": name, "repository": "shop"}
        now = datetime.now(UTC)
        if ledger.reserve(Reservation(**row, at=now), caps) is not None:
            return
        if chance.random() < 0.05:
            os._exit(0)  # with three other runs of this process
        cost = Decimal(chance.randrange(1, 11)) / 10
        ledger.record_turn(Turn(**row, agent="a", cost=cost, priced=True, at=now))

def start(number):
    threads = [threading.Thread(target=walk, args=(f"r{number}-{one}",)) for one in range(4)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()

processes = [context.Process(target=start, args=(number,)) for number in range(6)]
for one in processes:
    one.start()
for one in processes:
    one.join()
"""


def test_runs_of_many_processes_some_of_which_die_stay_below_their_cap(
    ledger: Ledger, engine: Engine, ledger_url: str
) -> None:
    ledger.migrate()
    command = [sys.executable, "-W", "error", "-c", RIVALS]
    subprocess.run(command, input=ledger_url, text=True, check=True, timeout=200)
    with engine.connect() as connection:
        held: Any = connection.execute(text("SELECT count(*), sum(amount) FROM reservations")).one()
    reserved = Decimal(held[1] or 0).scaleb(-9 if engine.dialect.name == "sqlite" else 0)
    spent = Decimal(str(ledger.spend(repository="shop")["USD"]))
    assert 11 < spent + reserved <= 12, (spent, reserved)
