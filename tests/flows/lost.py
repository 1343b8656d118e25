"""Flow runs of a deployment in states that their processes left behind, and the sweep that looks at them."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from prefect import Flow, flow
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import FlowRun, State
from prefect.events import emit_event
from prefect.flow_engine import run_flow
from prefect.states import Pending, Running

from blocks.ledger import Ledger, Run
from contracts.delivery import Delivery
from contracts.journal import short
from contracts.recovery import Swept
from flows.recover import sweep
from flows.simple import simple
from tasks._replay import JOURNAL
from tasks._sightings import SIGN
from tasks.recovery import Due, due
from tests.flows.shop import Shop

KILLED = "Process exited with status code: -9. Process exited due to a SIGKILL signal."


@flow(name="sweep-of-a-test", result_storage=JOURNAL, persist_result=False)
def swept(seconds: float = 0.0) -> Swept:
    return sweep(timedelta(seconds=seconds))


def deployment(of: Flow[..., Delivery] = simple, tags: tuple[str, ...] = ("delivery",)) -> UUID:
    with get_client(sync_client=True) as client:
        return client.create_deployment(client.create_flow(of), "-".join(("lost", *tags)), tags=list(tags))


def begin(shop: Shop, *states: State[Any], of: Flow[..., Delivery] = simple, **parameters: Any) -> str:
    """A run of a deployment that was put into these states one after the other; it begins as Running."""
    item = shop.item(title=f"Lost {uuid4().hex[:8]}").model_dump(mode="json")
    values = {"item": item, "policy": f"delivery-policy/{shop.name}", **parameters}
    with get_client(sync_client=True) as client:
        run = client.create_flow_run_from_deployment(deployment(of), parameters=values).id
    move(str(run), *(states or (Pending(), Running())))
    return str(run)


def move(run: str, *states: State[Any]) -> None:
    with get_client(sync_client=True) as client:
        for state in states:
            client.set_flow_run_state(UUID(run), state, force=True)


def read(run: str) -> FlowRun:
    with get_client(sync_client=True) as client:
        return client.read_flow_run(UUID(run))


def state_of(run: str) -> State[Any]:
    state = read(run).state
    assert state is not None
    return state


def wait_of(run: str) -> float:
    """How many seconds the run waits in its state, from the beginning of that state."""
    state: Any = state_of(run)
    return (state.state_details.scheduled_time - state.timestamp).total_seconds()


def history(run: str) -> list[str]:
    with get_client(sync_client=True) as client:
        states = sorted(client.read_flow_run_states(UUID(run)), key=lambda one: one.timestamp)
    return [str(one.name) for one in states]


def recoveries(run: str) -> int:
    with get_client(sync_client=True) as client:
        states = client.read_flow_run_states(UUID(run))
    return sum(1 for one in states if (one.message or "").startswith(SIGN))


def found(run: str, grace: timedelta = timedelta(0)) -> Due | None:
    """What a sweep finds out about one run."""
    return next((one for one in due(grace) if one.run == run), None)


def go_on(run: str, of: Flow[..., Delivery] = simple) -> str:
    """Take the run up in this process, as a worker would; return the name of its state."""
    flow_run = read(run)
    state: Any = run_flow(of, flow_run=flow_run, parameters=flow_run.parameters, return_type="state")
    return str(state.name)


def ledger_row(shop: Shop, run: str, **fields: Any) -> Run:
    """The row that an opened run has in the ledger."""
    values: dict[str, Any] = {
        "run": run,
        "title": "Lost",
        "repository": shop.name,
        "forge": "local-forge/main",
        "pipeline": "simple",
        "branch": f"delivery/lost-{short(run)}",
        "policy": f"delivery-policy/{shop.name}",
        "attempt": 1,
        "opened_at": datetime.now(UTC),
        **fields,
    }
    row = Run(**values)
    Ledger().open(row)
    return row


def beat(run: str, at: datetime) -> None:
    """The sign of life of the run's process at a time, which may be in the future."""
    emit_event("prefect.flow-run.heartbeat", resource={"prefect.resource.id": f"prefect.flow-run.{run}"}, occurred=at)


def heard(run: str) -> bool:
    """Whether the server has a sign of life of the run that lies in the past."""
    wanted = {"event": {"name": ["prefect.flow-run.heartbeat"]}, "any_resource": {"id": [f"prefect.flow-run.{run}"]}}
    with get_client(sync_client=True) as client:
        return bool(json.loads(client.request("POST", "/events/filter", json={"filter": wanted}).content)["events"])
