"""A gate whose waiting process died: the question stays, and its answer brings the run to its end."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import UUID

from prefect.client.orchestration import get_client
from prefect.states import Crashed, Pending

from tests.flows import lost
from tests.flows.lost import begin, read, state_of
from tests.flows.shop import Shop

RISKY: dict[str, Any] = {"structured": {"complexity": 0.9, "risk": 0.9, "impact": 0.9, "rationale": "much at once"}}
WALK = """
import sys
from uuid import UUID
from prefect.client.orchestration import get_client
from prefect.flow_engine import run_flow
from flows.simple import simple
with get_client(sync_client=True) as client:
    flow_run = client.read_flow_run(UUID(sys.argv[1]))
run_flow(simple, flow_run=flow_run, parameters=flow_run.parameters, return_type="state")
"""


def _paused(run: str, log: Path) -> subprocess.Popen[bytes]:
    """A process that walks the run and now waits at a gate."""
    with log.open("wb") as output:
        process = subprocess.Popen([sys.executable, "-c", WALK, run], stdout=output, stderr=subprocess.STDOUT)
    deadline = time.monotonic() + 120
    while not (state_of(run).is_paused() and _form(run)):
        assert process.poll() is None, log.read_text()[-3000:]
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.2)
    return process


def _form(run: str) -> dict[str, Any]:
    """The form of the question that is open, or nothing until it is saved."""
    key = (state_of(run).state_details.run_input_keyset or {}).get("schema", "")
    wanted = {"prefix": "paused", "limit": 200}
    with get_client(sync_client=True) as client:
        found = client.request("POST", "/flow_runs/{id}/input/filter", path_params={"id": run}, json=wanted)
    rows: list[dict[str, Any]] = found.json()
    forms: list[dict[str, Any]] = [json.loads(row["value"]) for row in rows if row["key"] == key]
    return forms[0] if forms else {}


def _answer(run: str, choice: str) -> str:
    decision = _form(run)["properties"]["decision"]
    label = next(one for one in decision.get("enum", [decision.get("const")]) if one.startswith(choice))
    values = {"decision": label, "comment": "", "your_name": "Ada"}
    with get_client(sync_client=True) as client:
        result = client.resume_flow_run(UUID(run), run_input=values)
    return result.status.value


def test_the_gate_of_a_dead_process_is_kept_and_its_answer_ends_in_a_merge(shop: Shop):
    shop.policy(attended=True)
    shop.play(merger=[RISKY])
    run = begin(shop, Pending())
    process = _paused(run, shop.folder / "walk.log")
    before, form = state_of(run), _form(run)
    try:
        assert lost.found(run) is None, "its process lives"
    finally:
        process.kill()
        process.wait()
    assert lost.swept().gates_kept >= 1
    after = state_of(run)
    assert (after.name, after.state_details.pause_reschedule) == ("Suspended", True)
    assert after.state_details.pause_key == before.state_details.pause_key
    assert after.state_details.run_input_keyset == before.state_details.run_input_keyset
    assert after.state_details.pause_timeout == before.state_details.pause_timeout
    assert _form(run) == form
    assert lost.found(run) is None, "a suspended run is not lost"
    turns = shop.turns()
    assert _answer(run, "merge") == "ACCEPT"
    assert read(run).state_name == "Resuming"
    assert lost.go_on(run) == "Merged"
    assert shop.turns() == turns
    assert shop.merges() == 1


def test_a_late_report_of_an_earlier_death_takes_no_gate_from_the_process_that_waits(shop: Shop):
    shop.policy(attended=True)
    shop.play(merger=[RISKY])
    run = begin(shop, Pending())
    process = _paused(run, shop.folder / "walk.log")
    lost.move(run, Crashed(message="Flow run infrastructure exited with non-zero status code -9."))
    while state_of(run).is_crashed() or not _form(run):
        assert process.poll() is None, "the process left the run"
        time.sleep(0.2)
    assert state_of(run).state_details.pause_key == "merger-gate-1--2"
    assert _answer(run, "merge") == "ACCEPT"
    assert process.wait(60) == 0
    assert read(run).state_name == "Merged"
    assert shop.merges() == 1


def test_an_answer_that_came_while_the_process_was_dead_is_not_lost(shop: Shop):
    shop.policy(attended=True)
    shop.play(merger=[RISKY])
    run = begin(shop, Pending())
    process = _paused(run, shop.folder / "walk.log")
    process.kill()
    process.wait()
    assert _answer(run, "merge") == "ACCEPT"
    assert state_of(run).name == "Running", "Prefect believes that somebody goes on"
    assert lost.swept().resumed >= 1
    assert lost.go_on(run) == "Merged"
    assert shop.merges() == 1
