"""The janitor: takes lost runs up again, keeps gates, closes what is over, and removes what ended runs left behind."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Annotated, Any, cast

from prefect import flow, get_run_logger
from prefect.client.schemas.objects import State
from prefect.states import Completed
from pydantic import Field

from contracts.errors import DeliveryError
from contracts.recovery import Act, Swept
from contracts.redaction import redact
from tasks._replay import JOURNAL
from tasks.reaping import reap
from tasks.recovery import Due, act, due
from tasks.slots import release_ended

_UNREADABLE = "unreadable"


@flow(name="recover", flow_run_name="sweep", result_storage=JOURNAL, persist_result=False)
def recover(grace_seconds: Annotated[float, Field(ge=60, le=3_600)] = 90) -> Swept:
    """Find runs whose process was lost, and go on with them where they were.

    Runs that live, wait without a process or have ended are left alone. Several sweeps at once act once.

    Args:
        grace_seconds: How long a run may give no sign of life; processes send one every 30 seconds.
    """
    swept = sweep(timedelta(seconds=grace_seconds))
    state: State[Any] = Completed(message=swept.message, data=swept)
    return cast(Swept, state)


def sweep(grace: timedelta) -> Swept:
    """Do everything that is due, one run after the other, and return what was done.

    Args:
        grace: how long a run may give no sign of life.
    """
    done = Counter(_attempted(one) for one in due(grace))
    release_ended()
    reaped = reap()
    for trouble in reaped.troubles:
        get_run_logger().warning("%s", trouble)
    return Swept(
        resumed=done[Act.RESUME],
        gates_kept=done[Act.KEEP_GATE],
        closed=done[Act.CLOSE] + done[Act.SETTLE],
        folders=len(reaped.folders),
        branches=len(reaped.branches),
        reported=done[_UNREADABLE] + len(reaped.troubles),
    )


def _attempted(one: Due) -> str:
    """Do what is due for one run and return what that was; a run that fails keeps no other from its recovery."""
    log = get_run_logger()
    if one.remedy is None:
        log.warning("%s (%s) is left as it is: %s", one.name, one.run, one.trouble)
        return _UNREADABLE
    try:
        done = act(one)
    except Exception as error:  # noqa: BLE001 - the next sweep sees it again
        said = error.message if isinstance(error, DeliveryError) else f"{type(error).__name__}: {error}"
        log.warning("%s (%s) is not done: %s", one.name, one.run, redact(said))
        return _UNREADABLE
    if done:
        log.info("%s (%s): %s, because %s", one.name, one.run, one.remedy.act, one.remedy.why)
    return one.remedy.act if done else ""
