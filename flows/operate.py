"""What a person does with a run from outside: restart, retry, stop, answer; each is a deployment of its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

from prefect import flow, get_run_logger
from prefect.runtime import deployment
from prefect.states import Completed, Failed

from contracts.delivery import Delivery, DeliveryStatus
from contracts.errors import DeliveryError
from contracts.journal import short
from contracts.redaction import redact
from tasks._finding import find_run
from tasks._replay import JOURNAL
from tasks.answering import answer_gate
from tasks.rerunning import restart_run, retry_run
from tasks.stopping import stop_run


@flow(name="operate", flow_run_name="restart {run}", result_storage=JOURNAL, persist_result=False)
def restart(run: str, step: str = "") -> str:
    """Do a run again from a step.

    A new run begins that keeps what the old one recorded before the step: work item, pipeline, branch and outcomes.
    The old run must be over; stop it first if it is not.

    Args:
        run: The run that is done again: its id, its first or last 8 or more characters, or its name.
        step: First step that is done again, such as coder. Empty: the step at which the run failed.
    """

    def act() -> str:
        new, first = restart_run(find_run(run), step.strip())
        return f"run {new} begins at {first}; watch it with `delivery show {short(new)}`"

    return _said(act)


@flow(name="operate", flow_run_name="retry {run}", result_storage=JOURNAL, persist_result=False)
def retry(run: str) -> str:
    """Take up a failed, crashed or stopped run where it was, or one that waits for budget or a quota.

    Nothing that is recorded is done or paid again. The run is admitted anew and obeys the policy as it is now.

    Args:
        run: The run that is taken up: its id, its first or last 8 or more characters, or its name.
    """

    def act() -> str:
        found = find_run(run)
        retry_run(found)
        return f"run {found} will be taken up by a worker; watch it with `delivery show {short(found)}`"

    return _said(act)


@flow(name="operate", flow_run_name="stop {run}", result_storage=JOURNAL, persist_result=False)
def stop(run: str, reason: str = "") -> str:
    """Stop a run: nothing of it goes on, and it merges nothing.

    Its branch and its records are kept, and it can be retried. A run that is over, or merges just now, ends as it
    does by itself; what comes of it is said.

    Args:
        run: The run that is stopped: its id, its first or last 8 or more characters, or its name.
        reason: Why, for those who read its report.
    """
    return _said(lambda: _stopped(stop_run(find_run(run), reason.strip())))


@flow(name="operate", flow_run_name="answer {run}", result_storage=JOURNAL, persist_result=False)
def answer(run: str, decision: str, name: str, comment: str = "") -> str:
    """Answer what a waiting run asks.

    The first answer counts. The name is stated, not proven, and is kept with the decision.

    Args:
        run: The run that waits: its id, its first or last 8 or more characters, or its name.
        decision: What you choose, in the words of the question, such as approve or request changes.
        name: Who you are.
        comment: What should change, your own text, or your answers; some choices need one.
    """
    channel = "prefect" if deployment.id else "command line"

    def act() -> str:
        found = find_run(run)
        settled = answer_gate(run=found, choice=decision, comment=comment, who=name, channel=channel)
        return f"{settled.choice} by {settled.who}: run {found} goes on; watch it with `delivery show {short(found)}`"

    return _said(act)


def _stopped(delivery: Delivery) -> str:
    run, status = delivery.run, delivery.status.value
    if delivery.status is DeliveryStatus.STOPPED:
        return f"run {run} is stopped; branch and journal are kept: take it up with `delivery retry {short(run)}`"
    return f"run {run} ended by itself as {status}; nothing was stopped: see `delivery show {short(run)}`"


def _said(act: Callable[[], str]) -> str:
    """Do it, and end the flow run with a state that says in one line what happened, or why it was refused."""
    try:
        said = act()
    except DeliveryError as error:
        get_run_logger().error("%s", redact(error.message))
        refused: Any = Failed(message=redact(error.message))
        return cast(str, refused)
    done: Any = Completed(message=said, data=said)
    return cast(str, done)
