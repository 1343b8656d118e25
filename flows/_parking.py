"""A visit that can only be made later: the run waits for it without a process."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from prefect.exceptions import Pause

from contracts.errors import DeliveryError
from contracts.visit import Visit
from tasks.parking import park


@contextmanager
def waiting_for_room(visit: Visit) -> Generator[None]:
    """Make a visit; when it fails for a time that is known, the run is parked until then.

    Raises:
        Pause: the run is parked, and this process must end.
        Abort: another process or a person has taken the run.
    """
    try:
        yield
    except DeliveryError as error:
        if error.until is None:
            raise
        raise Pause(state=park(visit, error, error.until)) from error
