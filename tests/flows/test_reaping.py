"""What ended runs leave behind is removed in time, and what somebody still needs is kept."""

from __future__ import annotations

from pathlib import Path

from blocks.ledger import Ledger
from contracts.delivery import DeliveryStatus
from contracts.journal import Restart
from flows.simple import simple
from tasks.reaping import reap
from tests.flows import lost
from tests.flows.shop import FIXED, Shop

AT_ONCE = {"retention_hours": 0, "branch_retention_hours": 0, "attended": False}


def _left(shop: Shop, run: str) -> tuple[bool, bool]:
    """Whether the run's checkout is there, and its branch."""
    row = Ledger().run(run)
    assert row is not None
    return (_home(shop) / run).is_dir(), bool(shop.git.commit_of(f"refs/heads/{row.branch}"))


def _home(shop: Shop) -> Path:
    return shop.home / f"runs-{shop.name}"


def test_checkouts_and_branches_of_ended_runs_are_removed_when_it_is_time(shop: Shop):
    shop.policy(workspaces=_home(shop), attended=False)
    merged = shop.run(simple).run
    shop.play(reviewer=[{"text": "no idea"}], coder=[{"files": {"shop.py": FIXED + "# 2\n"}}])
    failed = shop.run(simple, item=shop.item(title="Another one")).run
    reap()
    assert (_left(shop, merged), _left(shop, failed)) == ((True, True), (True, True))
    shop.policy(workspaces=_home(shop), retention_hours=0, attended=False)
    assert set(reap().folders) >= {merged, failed}
    assert (_left(shop, merged), _left(shop, failed)) == ((False, True), (False, True))
    shop.policy(workspaces=_home(shop), **AT_ONCE)
    reap()
    assert (_left(shop, merged), _left(shop, failed)) == ((False, False), (False, False))
    row = Ledger().run(merged)
    assert row is not None
    assert row.reaped_at is not None


def test_a_branch_that_waits_for_somebody_to_merge_it_stays(shop: Shop):
    shop.policy(workspaces=_home(shop), merge={"auto_merge": False}, **AT_ONCE)
    waits = shop.run(simple)
    assert waits.status in (DeliveryStatus.AWAITING_MERGE, DeliveryStatus.AWAITING_PERSON)
    reap()
    assert _left(shop, waits.run) == (False, True)


def test_the_branch_of_a_failed_run_stays_while_its_pull_request_is_open(shop: Shop):
    shop.play(merger=[{"text": "no idea"}])
    shop.policy(workspaces=_home(shop), **AT_ONCE)
    failed = shop.run(simple)
    assert failed.pull_request
    reap()
    assert _left(shop, failed.run) == (False, True)


def test_a_live_run_keeps_its_checkout_and_the_branch_that_it_took_over(shop: Shop):
    shop.play(reviewer=[{"text": "no idea"}])
    shop.policy(workspaces=_home(shop), **AT_ONCE)
    first = shop.run(simple)
    live = lost.begin(shop)
    lost.ledger_row(shop, live, branch=first.branch)
    (_home(shop) / live / "tree").mkdir(parents=True)
    reap()
    assert _left(shop, first.run) == (False, True)
    assert _left(shop, live) == (True, True)
    Ledger().end(live, 1, "stopped")
    reap()
    assert _left(shop, live) == (False, False)


def test_a_retried_run_finds_everything_again_after_its_checkout_was_removed(shop: Shop):
    shop.play(merger=[{"text": "no idea"}])
    shop.policy(workspaces=_home(shop), retention_hours=0, attended=False)
    failed = shop.run(simple)
    assert failed.run in reap().folders
    shop.play(merger=[{"structured": {"complexity": 0.1, "risk": 0.1, "impact": 0.2, "rationale": "one line"}}])
    assert shop.again(simple, failed.run) == "Merged"


def test_a_policy_that_cannot_be_read_is_told_and_keeps_no_other_from_its_turn(shop: Shop):
    shop.policy(workspaces=_home(shop), ledger="ledger/nobody-made-it")
    broken = reap()
    assert any(f"delivery-policy/{shop.name}" in trouble for trouble in broken.troubles)
    shop.policy(workspaces=_home(shop), **AT_ONCE)
    run = shop.run(simple).run
    assert run in reap().folders


def test_a_run_clears_away_the_checkouts_of_earlier_ones(shop: Shop):
    shop.policy(workspaces=_home(shop), retention_hours=0, attended=False)
    first = shop.run(simple).run
    assert _left(shop, first)[0]
    second = shop.run(simple, restart_from=Restart(), item=shop.item(title="Another one")).run
    assert not _left(shop, first)[0]
    assert _left(shop, second)[0]
