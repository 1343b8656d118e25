"""The person of a chaos run: reads the form of the waiting run and sends it back, as a browser does."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, cast

import httpx

WORDS = {"answer": "=== 1 ===\nno", "approve": ""}
"""What is typed, by the choice that is made."""
MARK = " · "
_PLAIN: Any = {"timeout": 30.0, "trust_env": False, "verify": False}
"""Without TLS, for which each call would load every root certificate."""


class Seen(NamedTuple):
    """A flow run as the server shows it; an empty type: the server did not answer.

    Args:
        type: type of its state.
        name: name of its state.
        message: message of its state.
        suspended: whether it waits without a process.
        since: when it came into it, seconds of the epoch.
        keys: names of the form's parts; empty: it does not wait.
    """

    type: str = ""
    name: str = ""
    message: str = ""
    suspended: bool = False
    since: float = 0.0
    keys: dict[str, str] = {}  # noqa: RUF012 - a default that nobody changes

    @property
    def ended(self) -> bool:
        """Whether it came to an end; one that crashed is taken up again."""
        return self.type in ("COMPLETED", "FAILED", "CANCELLED")


@dataclass
class Person:
    """Somebody who answers every gate of one run once.

    Args:
        api: address of the server.
        run: id of the run.
    """

    api: str
    run: str
    answered: list[str] = field(default_factory=list[str])
    asked_again: list[str] = field(default_factory=list[str])

    def look(self) -> Seen:
        """Return how the run stands."""
        try:
            state = self._get("")["state"]
        except (httpx.HTTPError, KeyError):
            return Seen()
        details = state["state_details"]
        waits = state["type"] == "PAUSED"
        keys = cast(dict[str, str], details["run_input_keyset"] or {}) if waits else {}
        since = datetime.fromisoformat(state["timestamp"]).timestamp()
        return Seen(
            state["type"], state["name"], state["message"] or "", bool(details["pause_reschedule"]), since, keys
        )

    def gate(self, seen: Seen) -> str:
        """Return the name of the gate whose form is shown; empty: none is, or not yet."""
        try:
            form = self._get(f"/input/{seen.keys['schema']}") if seen.keys else {}
        except (httpx.HTTPError, KeyError):
            return ""
        return _choices(form)[0].rpartition(MARK)[2] if form else ""

    def answer(self, seen: Seen) -> None:
        """Fill the form in and send it; what the server refuses is tried again at the next look."""
        try:
            form = self._get(f"/input/{seen.keys['schema']}")
            label = _choices(form)[0]
            words = "answers" if "answers" in form["properties"] else "comment"
            values = {"decision": label, words: WORDS[label.partition(MARK)[0]], "your_name": "Ada"}
            address = f"{self.api}/flow_runs/{self.run}/resume"
            said = httpx.post(address, json={"run_input": values}, **_PLAIN).json()
        except (httpx.HTTPError, KeyError):
            return
        if said.get("status") == "ACCEPT":
            gate = label.rpartition(MARK)[2]
            (self.asked_again if gate in self.answered else self.answered).append(gate)

    def _get(self, path: str) -> dict[str, Any]:
        response = httpx.get(f"{self.api}/flow_runs/{self.run}{path}", **_PLAIN)
        return cast(dict[str, Any], response.raise_for_status().json())


def _choices(form: dict[str, Any]) -> list[str]:
    offered = form["properties"]["decision"]
    return cast(list[str], offered.get("enum") or [offered["const"]])
