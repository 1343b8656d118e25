"""How a step becomes a task of the journal: found → returned, not found → executed and recorded."""

from __future__ import annotations

from collections.abc import Callable
from functools import update_wrapper
from typing import Any, TypeVar

from prefect import Task, task
from prefect.client.schemas.objects import State, TaskRun
from prefect.context import FlowRunContext
from prefect.runtime import task_run
from prefect.states import Completed

from blocks.journal import Journal
from contracts.delivery import Outcome
from contracts.errors import DeliveryError, Misconfigured, Unavailable
from contracts.markdown import plain
from contracts.redaction import redact
from contracts.report import summary

JOURNAL = "delivery-journal/main"
"""Reference of the journal's block; every pipeline names it as its result storage."""
RETRY_SECONDS = (2.0, 10.0)
"""Waits before the second and the third try of a step whose outside world did not answer."""
Asked = TypeVar("Asked")
Result = TypeVar("Result")


class Record:
    """A visit as a task's parameter; Prefect does not look for futures inside of it, which costs more than a step."""

    __slots__ = ("visit",)

    def __init__(self, visit: Any) -> None:
        self.visit = visit


def _key(_: object, parameters: dict[str, Any]) -> str:
    return parameters["record"].visit.key


def _told(result: Result) -> Result:
    """Give the task run's final state what the outcome says, so that log and page show it."""
    if not isinstance(result, Outcome):
        return result
    told: Any = Completed(message=plain(redact(summary(result))), data=result)
    return told


def _untold(made: Any) -> Any:
    """The outcome out of the state of a step that was executed; a recorded one comes without a state."""
    if isinstance(made, State):
        record: Any = made.data  # pyright: ignore[reportUnknownMemberType] - a state of anything
        return record.result
    return made


def _did_not_answer(_: Task[..., Any], __: TaskRun, state: State[Any]) -> bool:
    try:
        state.result()
    except Unavailable:
        return True
    except BaseException:  # noqa: BLE001 - whatever else it was, another try does not help
        return False
    return False


def journaled(name: str) -> Callable[[Callable[[Asked], Result]], Callable[[Asked], Result]]:
    """Make a function of one visit a task whose result is a record of the journal.

    Args:
        name: name of the task; its runs are named after step and visit.
    """

    def decorate(function: Callable[[Asked], Result]) -> Callable[[Asked], Result]:
        def run(record: Record) -> Result:
            try:
                return _told(function(record.visit))
            except DeliveryError as error:
                error.args = (redact(error.message),)
                raise

        run.__doc__, run.__qualname__ = function.__doc__, function.__qualname__
        step = task(
            name=name,
            task_run_name="{record.visit.label}",
            persist_result=True,
            result_serializer="json",
            cache_key_fn=_key,
            retries=len(RETRY_SECONDS),
            retry_delay_seconds=list(RETRY_SECONDS),
            retry_condition_fn=_did_not_answer,
        )(run)

        def call(visit: Asked) -> Result:
            return _untold(step(Record(visit)))

        update_wrapper(call, function)
        return call

    return decorate


def tries_left() -> bool:
    """Whether the present task is tried again when what it needs does not answer."""
    return (task_run.run_count or 1) <= len(RETRY_SECONDS)


def journal() -> Journal:
    """Return the journal of the present flow run; raise Misconfigured when its results go elsewhere."""
    context = FlowRunContext.get()
    if context is None:
        raise Misconfigured("the journal is read outside a flow run; call the pipeline's flow")
    storage = context.result_store.result_storage
    if not isinstance(storage, Journal):
        raise Misconfigured(
            f"the flow's results go to {type(storage).__name__}, which may lose them; "
            f"decorate it with result_storage={JOURNAL!r}"
        )
    return storage


def record(task: Callable[[Any], Result], visit: Any) -> Result:
    """Run a task unless the journal holds its outcome, and return the outcome.

    Prefect goes on when a result could not be written; here that would repeat a paid turn after the next crash.

    Raises:
        JournalDamaged: there is a record and it cannot be trusted.
        Unavailable: the journal did not keep the outcome.
    """
    journal().verify(visit.key)
    outcome = task(visit)
    if not journal().holds(visit.key):
        raise Unavailable(f"the journal did not keep {visit.key!r}; check the disk of its folder, then retry the run")
    return outcome


def recall(key: str) -> Any:
    """Return what a record holds, or none when there is no record.

    Raises:
        JournalDamaged: the record exists and cannot be trusted.
    """
    return journal().recall(key)
