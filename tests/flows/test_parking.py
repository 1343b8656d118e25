"""Runs that wait for budget or a quota hold nothing, tell people once, and go on by themselves."""

from __future__ import annotations

import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from prefect.client.orchestration import get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterId
from prefect.exceptions import Pause
from prefect.states import Running, Scheduled
from pydantic import SecretStr

import blocks
from blocks.journal import Journal
from blocks.ledger import Ledger
from contracts.delivery import DeliveryStatus
from contracts.failure import FailureKind
from contracts.parking import PARKED, SPREAD_SECONDS
from deployments.bootstrap import save
from deployments.showing import standing_text
from flows import operate
from flows.simple import simple
from tasks._overview import overview
from tasks._standing import standing
from tasks.recovery import act
from tests.flows import lost
from tests.flows.documents import put
from tests.flows.lost import begin, found, go_on, state_of
from tests.flows.operating import do
from tests.flows.shop import AGENT, BROKEN, FIXED, GOOD, Shop

DONE: dict[str, Any] = {"files": {"shop.py": FIXED}}


def used_up(hours: float = 2, **usage: Any) -> dict[str, Any]:
    resets = datetime.now(UTC) + timedelta(hours=hours)
    trouble = {"kind": "quota", "message": "used up", "resets_at": resets.isoformat()}
    return {"reply": {"trouble": trouble, "usage": usage}}


def paid(cost: float, **play: Any) -> dict[str, Any]:
    return {**play, "reply": {"usage": {"cost": cost, "model": "m"}}}


def unlearned(shop: Shop) -> tuple[Ledger, str]:
    """A ledger in which no turn has cost anything yet, so that a turn reserves what the policy says."""
    ledger = Ledger(url=SecretStr(f"sqlite:///{shop.folder / 'ledger.db'}"))
    return ledger, save(ledger, shop.name)


def parks(run: str) -> None:
    """Take the run up as a worker does, and see that it waits without a process."""
    with pytest.raises(Pause):
        go_on(run)
    assert (state_of(run).type.value, state_of(run).name) == ("SCHEDULED", PARKED)


def look_again(run: str) -> None:
    """What the server says when the time has come."""
    lost.move(run, Scheduled(name=PARKED))


def wakes(run: str) -> datetime:
    state: Any = state_of(run)
    return state.state_details.scheduled_time


def failed_tasks(run: str) -> int:
    with get_client(sync_client=True) as client:
        seen = client.read_task_runs(flow_run_filter=FlowRunFilter(id=FlowRunFilterId(any_=[UUID(run)])))
    return sum(1 for one in seen if one.state_name == "Failed")


@pytest.fixture
def parked(shop: Shop) -> str:
    shop.play(coder=[used_up()])
    run = begin(shop, Scheduled())
    parks(run)
    return run


def test_a_quota_parks_the_run_until_its_reset_and_tells_once(shop: Shop, parked: str):
    agent = f"command-agent/{shop.name}"
    (until,) = Ledger().exhausted([agent]).values()
    assert 0 <= (wakes(parked) - until).total_seconds() <= SPREAD_SECONDS
    assert shop.messages(parked) == ["parked"]
    assert not Journal(folder=shop.home / "journal").owner(parked)
    assert Ledger().run(parked).status == "live"  # type: ignore[union-attr]
    assert found(parked) is None, "a sweep leaves it alone"
    look_again(parked)
    parks(parked)
    assert shop.turns() == ["coder"], "nobody asks an agent in vain"
    assert shop.messages(parked) == ["parked"]
    shop.play(coder=[DONE])
    Ledger().replenish([agent])
    look_again(parked)
    assert go_on(parked) == "Merged"
    assert shop.turns() == ["coder", "coder", "reviewer", "merger"]
    assert shop.ending(parked).attempt == 1


def test_a_new_run_on_the_same_account_waits_too(shop: Shop, parked: str):
    new = begin(shop, Scheduled())
    parks(new)
    assert shop.turns() == ["coder"]
    assert shop.messages(new) == ["parked"]
    assert abs((wakes(new) - wakes(parked)).total_seconds()) <= SPREAD_SECONDS
    assert failed_tasks(new) == 0


def test_another_agent_takes_the_turns_of_one_without_quota(shop: Shop, parked: str):
    other = put(blocks.CommandAgent(command=[sys.executable, str(AGENT), str(shop.folder)]), f"{shop.name}-other")
    shop.policy(fallbacks={"default": [other]})
    shop.play(coder=[DONE])
    new = begin(shop, Scheduled())
    assert go_on(new) == "Merged"
    agents = {one.agent for one in shop.ending(new).timeline if one.agent}
    assert agents == {other}


def test_a_run_that_was_killed_while_it_was_parked_parks_again_and_tells_nobody_twice(shop: Shop, parked: str):
    lost.move(parked, Running())
    one = found(parked)
    assert one is not None
    assert act(one)
    parks(parked)
    assert shop.messages(parked) == ["parked"]
    assert shop.turns() == ["coder"]


def test_a_person_sees_why_it_waits_and_lets_it_look_at_once(shop: Shop, parked: str):
    assert "waits for its quota, looks again at" in standing_text(standing(parked), "–")
    (doing,) = [one.doing for one in overview(everything=False) if one.run == parked]
    assert doing.startswith("waits for its quota")
    shop.play(coder=[DONE])
    kind, said = do(operate.retry, parked)
    assert kind == "COMPLETED", said
    assert go_on(parked) == "Merged"


def test_a_parked_run_is_stopped(shop: Shop, parked: str):
    kind, said = do(operate.stop, parked, "no more")
    assert (kind, f"run {parked} is stopped" in said) == ("COMPLETED", True), said
    assert state_of(parked).is_cancelled()
    assert shop.ending(parked).status is DeliveryStatus.STOPPED
    assert [claim for claim in Ledger().live(shop.name) if claim.run == parked] == []
    assert Ledger().run(parked).status == "stopped"  # type: ignore[union-attr]


def test_a_cap_pauses_a_run_once_and_it_goes_on_when_there_is_more(shop: Shop):
    shop.play(coder=[paid(0.3, **DONE)], reviewer=[{**GOOD, **paid(0.1)}])
    ledger, reference = unlearned(shop)
    shop.policy(run_budget=0.35, turn_reserve=0.1, ledger=reference)
    run = begin(shop, Scheduled())
    parks(run)
    assert "has cost 0.30 of 0.35 USD and the next turn may cost 0.10" in str(state_of(run).message)
    assert 14 * 60 < lost.wait_of(run) < 15 * 60 + SPREAD_SECONDS + 1
    deadline = time.monotonic() + 60
    while failed_tasks(run) < 1:  # the server hears of task runs a moment later
        assert time.monotonic() < deadline, "the refused turn is not shown"
        time.sleep(0.2)
    for _ in range(2):
        look_again(run)
        parks(run)
    assert (failed_tasks(run), shop.turns(), shop.messages(run)) == (1, ["coder"], ["parked"])
    shop.policy(run_budget=0.9, turn_reserve=0.1, ledger=reference)
    look_again(run)
    assert go_on(run) == "Merged"
    assert shop.turns() == ["coder", "reviewer", "merger"]
    assert ledger.spend(run=run) == {"USD": 0.4}


def test_what_a_repository_may_cost_in_a_month_parks_its_next_run(shop: Shop):
    shop.play(coder=[paid(0.3, **DONE)])
    _, reference = unlearned(shop)
    shop.policy(repository_budget=0.3, turn_reserve=0.1, ledger=reference)
    run = begin(shop, Scheduled())
    parks(run)
    assert "the repository has cost this month 0.30 of 0.30 USD; raise 'repository_budget'" in str(
        state_of(run).message
    )
    new = begin(shop, Scheduled())
    parks(new)
    assert shop.turns() == ["coder"]


def test_the_quota_of_a_helper_is_waited_for(shop: Shop):
    wrong = {"files": {"shop.py": f"{BROKEN}# tried\n"}}
    shop.play(coder=[wrong], fixer=[used_up()])
    shop.policy(fixes=1)
    run = begin(shop, Scheduled())
    parks(run)
    assert shop.turns()[-1] == "fixer"
    shop.play(fixer=[DONE])
    do(operate.retry, run)
    assert go_on(run) == "Merged"


def test_without_a_deployment_a_quota_fails_the_run(shop: Shop):
    shop.play(coder=[used_up(cost=0.1)])
    failed = shop.run(simple)
    assert failed.failure is not None
    assert failed.failure.kind is FailureKind.QUOTA
    assert shop.messages(failed.run) == ["failed"]
    assert Ledger().spend(run=failed.run) == {"USD": 0.1}


def test_a_quota_that_nobody_knows_the_end_of_fails_the_run(shop: Shop):
    shop.play(coder=[used_up(hours=-1)])
    run = begin(shop, Scheduled())
    assert go_on(run) == "Failed"
    assert Ledger().exhausted([f"command-agent/{shop.name}"]) == {}
