"""However answers, sweeps, deaths and restarts are mixed: one decision a gate, none lost, no recorded turn taken again.

Beside the run stands what must be true of it: what each gate was answered first, and which turns were recorded.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from dataclasses import replace
from functools import partial
from itertools import count
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from prefect.exceptions import Pause
from prefect.states import Scheduled

from blocks.journal import Journal
from blocks.ledger import Ledger
from contracts.errors import Refused
from contracts.journal import record_key
from contracts.pipeline import Pipeline, Step
from flows import operate
from flows.custom import custom
from flows.escalate import escalate
from tasks.answering import answer_gate
from tests.flows import lost
from tests.flows.operating import do
from tests.flows.people import Form, People
from tests.flows.shop import FILES, Shop

PIPELINE = Pipeline(name="talk", steps=[Step(kind="architect", approval=True), Step(kind="researcher", approval=True)])
WALK = """
import logging, os, sys
from uuid import UUID
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow
from flows.custom import custom

with get_client(sync_client=True) as client:
    flow_run = client.read_flow_run(UUID(sys.argv[1]))
left = int(sys.argv[2])

def pass_by():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), 9)

class Calls(logging.Handler):
    def emit(self, record):
        pass_by()

def hear(event, arguments):
    if event in ("os.rename", "sqlite3.connect") or (event == "open" and (arguments[2] or 0) & os.O_CREAT):
        pass_by()

calls = logging.getLogger("httpx")
calls.setLevel(logging.INFO)
calls.addHandler(Calls())
sys.addaudithook(hear)
run_flow(custom, flow_run=flow_run, parameters=flow_run.parameters, return_type="state")
"""
MOMENTS = 90
"""Writes and calls of a process from its start until it waits or has ended."""
NUMBERS = count(1)


class Talk(RuleBasedStateMachine):
    """One run with two approvals, and everybody who may disturb it."""

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self.shop = replace(shop, name=f"{shop.name}-{next(NUMBERS)}", script={})
        self.shop.folder.mkdir()
        self.shop.seed(FILES)
        self.shop.play(architect=[{"text": "use cents"}], researcher=[{"text": "read"}])
        self.shop.policy(attended=True, attentive_minutes=0, crashes=20, losses=20, reworks=9)
        self.journal, self.ledger = Journal(folder=shop.home / "journal"), Ledger()
        self.people = People(self.shop.name)
        self.run = lost.begin(self.shop, Scheduled(), of=custom, pipeline=PIPELINE.model_dump(mode="json"))
        self.given: dict[str, str] = {}
        self.recorded: Counter[str] = Counter()
        self.restarted = self.swept = False

    # where the run stands

    @property
    def scheduled(self) -> bool:
        return lost.state_of(self.run).is_scheduled()

    @property
    def form(self) -> Form | None:
        shown = [one for one in self.people.shown() if one.run == self.run]
        return shown[0] if shown else None

    def turns(self) -> Counter[str]:
        log = self.shop.folder / "turns.log"
        return Counter(line.split()[1] for line in log.read_text().splitlines()) if log.exists() else Counter()

    # what may happen

    @precondition(lambda self: self.scheduled)
    @rule()
    def a_worker_takes_it(self) -> None:
        self.swept = False
        with suppress(Pause):
            lost.go_on(self.run, custom)

    @precondition(lambda self: self.scheduled)
    @rule(moment=st.integers(1, MOMENTS))
    def a_worker_takes_it_and_dies(self, moment: int) -> None:
        self.swept = False
        command = [sys.executable, "-c", WALK, self.run, str(moment)]
        subprocess.run(command, capture_output=True, check=False, timeout=120)

    @precondition(lambda self: not self.swept)
    @rule()
    def sweeps_come_by(self) -> None:
        self.swept = True
        with ThreadPoolExecutor(2) as pool:
            for sweep in [pool.submit(copy_context().run, one) for one in (lost.swept, escalate)]:
                sweep.result()
        if self.scheduled:
            lost.move(self.run, Scheduled(name="AwaitingRetry"))  # now, for nobody wants to wait

    @precondition(lambda self: self.form is not None)
    @rule(wanted=st.sampled_from(["approve", "request changes"]), people=st.integers(1, 2))
    def people_answer(self, wanted: str, people: int) -> None:
        form = self.form
        assert form is not None
        self.answer(form, wanted, people)

    @precondition(lambda self: self.form is not None)
    @rule()
    def somebody_answers_elsewhere(self) -> None:
        answered = answer_gate(run=self.run, choice="approve", who="Bob", channel="terminal")
        self.take(_named(answered.gate), "approve")

    @precondition(lambda self: bool(self.given))
    @rule(data=st.data())
    def a_late_answer_comes(self, data: st.DataObject) -> None:
        old = data.draw(st.sampled_from([one for one in self.people.forms if self.gate(one) in self.given]))
        said = self.people.send(old, old.filled("approve", "late", "Eve"))
        assert said.get("status") != "ACCEPT", said

    @precondition(lambda self: bool(self.given) and self.form is None)
    @rule()
    def an_answer_comes_when_nothing_is_asked(self) -> None:
        with suppress(Refused):
            answered = answer_gate(run=self.run, choice="approve", who="Eve", channel="terminal")
            self.take(_named(answered.gate), "approve")

    @precondition(lambda self: not self.restarted and lost.state_of(self.run).is_final())
    @rule()
    def somebody_restarts_it(self) -> None:
        self.restarted = True
        self.settled()
        turns = self.turns()
        kind, said = do(operate.restart, self.run, "researcher")
        assert kind == "COMPLETED", said
        self.run, self.given = said.split()[1], {}
        lost.move(self.run, Scheduled())
        self.finish()
        anew = self.turns() - turns
        assert {one.split("/")[1] for one in anew} == {"researcher"}, anew

    # what it leads to

    def gate(self, form: Form) -> str:
        """Name of the gate that shows a form; forms of another run have another name."""
        return f"{form.choices[0].rpartition(' · ')[2]} of {form.run}"

    def answer(self, form: Form, wanted: str, people: int = 1) -> None:
        wanted = "approve" if sum(one == "request changes" for one in self.given.values()) > 1 else wanted
        values = [form.filled(wanted, "more", who) for who in ("Ada", "Bob")[:people]]
        with ThreadPoolExecutor(people) as pool:
            said = list(pool.map(partial(self.people.send, form), values))
        assert sum(one.get("status") == "ACCEPT" for one in said) == 1, said
        self.take(self.gate(form), wanted)

    def take(self, gate: str, choice: str) -> None:
        assert gate not in self.given, f"{gate} was answered and asked again"
        self.given[gate], self.swept = choice, False

    def finish(self) -> None:
        """Do what is due until the run has ended."""
        for _ in range(40):
            form = self.form
            if lost.state_of(self.run).is_final() and not lost.state_of(self.run).is_crashed():
                break
            if form is not None:
                self.answer(form, "approve")
            elif self.scheduled:
                self.a_worker_takes_it()
            else:
                self.sweeps_come_by()
        self.settled()

    def settled(self) -> None:
        """Every answer that was taken is the decision, and the work is done."""
        state = lost.state_of(self.run)
        assert state.is_completed(), (state.name, state.message, lost.history(self.run))
        counted = [one for one in self.ledger.decisions(self.run) if one.standing == "counted"]
        assert {_named(one.gate): one.choice for one in counted} == self.given
        assert self.ledger.waiting(self.run) == []

    @invariant()
    def no_gate_has_two_decisions(self) -> None:
        counted = Counter(one.gate for one in self.ledger.decisions(self.run) if one.standing == "counted")
        assert [gate for gate, times in counted.items() if times > 1] == []

    @invariant()
    def no_recorded_turn_is_taken_again(self) -> None:
        turns = self.turns()
        assert {one: turns[one] for one in self.recorded} == dict(self.recorded)
        for session in turns.keys() - self.recorded.keys():
            run, step, number = session.split("/")
            if self.journal.holds(record_key(run, f"{step}.turn", int(number))):
                self.recorded[session] = turns[session]

    def teardown(self) -> None:
        if not lost.state_of(self.run).is_final():
            self.finish()


def _named(key: str) -> str:
    run, step, number = key.split("/")
    return f"{step.partition('.')[0]} {number} of {run}"


@pytest.mark.timeout(900)
def test_no_order_of_events_decides_twice_loses_a_decision_or_repeats_a_turn(shop: Shop) -> None:
    machine: Any = partial(Talk, shop)
    run_state_machine_as_test(
        machine, settings=settings(max_examples=4, stateful_step_count=10, phases=[Phase.generate])
    )
