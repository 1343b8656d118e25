"""What goes wrong on demand: limits, broken answers, lost connections."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock


@dataclass
class Fault:
    """What happens instead of an answer.

    Args:
        status: status of the answer; 0: the connection is closed without one.
        path: pattern that is searched in method and path, such as `PUT .*/merge`.
        times: how often.
        late: whether the request takes effect before its answer is lost.
        headers: headers of the answer.
        message: what the answer says.
        content: the whole body of the answer instead.
        meanwhile: what somebody else does just before the request is answered as ever; nothing fails then.
    """

    status: int
    path: str = ""
    times: int = 1
    late: bool = False
    headers: dict[str, str] = field(default_factory=dict[str, str])
    message: str = "Server Error"
    content: str = ""
    meanwhile: Callable[[], object] | None = None

    @property
    def body(self) -> bytes:
        """The body of the answer; beyond 500 GitHub's load balancers answer with a page."""
        if self.content:
            return self.content.encode()
        if self.status >= 502:
            return b"<html><title>Unicorn!</title></html>"
        return json.dumps({"message": self.message, "documentation_url": "https://docs.github.com/rest"}).encode()


def primary(reset_in: float, path: str = "", times: int = 1) -> Fault:
    """Return the answer to a request beyond the hourly limit, which ends in so many seconds."""
    reset = {
        "x-ratelimit-remaining": "0",
        "x-ratelimit-reset": str(int(time.time() + reset_in)),
        "x-ratelimit-limit": "5000",
    }
    return Fault(403, path, times, headers=reset, message="API rate limit exceeded for user ID 1.")


def secondary(retry_after: int | None, path: str = "", times: int = 1, status: int = 403) -> Fault:
    """Return the answer to requests that come too fast; without a time to wait where it is none."""
    headers = {} if retry_after is None else {"retry-after": str(retry_after)}
    message = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."
    return Fault(status, path, times, headers=headers, message=message)


class Faults:
    """The faults that are still to come."""

    def __init__(self) -> None:
        self._left: list[Fault] = []
        self._lock = Lock()

    def add(self, *faults: Fault) -> None:
        """Let these happen, each in the order given among those that fit one request."""
        with self._lock:
            self._left += faults

    def take(self, method: str, path: str) -> Fault | None:
        """Return the fault of a request, and count it."""
        with self._lock:
            found = next((one for one in self._left if re.search(one.path, f"{method} {path}")), None)
            if found is not None:
                found.times -= 1
                if found.times == 0:
                    self._left.remove(found)
            return found
