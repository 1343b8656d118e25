"""What goes wrong between an app and Slack, when a test says so."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Limit:
    """The app calls too often.

    Args:
        seconds: what Retry-After says.
    """

    seconds: int = 1


@dataclass(frozen=True)
class Fail:
    """The call is refused.

    Args:
        error: Slack's word for it.
        status: HTTP status; 200 as Slack has it, 5xx when it is out of order.
    """

    error: str
    status: int = 200


@dataclass(frozen=True)
class Drop:
    """The connection is lost.

    Args:
        done: whether the call was done before.
    """

    done: bool = True


Trouble = Limit | Fail | Drop
