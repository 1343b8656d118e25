"""The form that a waiting run shows in Prefect, read to be answered elsewhere."""

from __future__ import annotations

import time
from typing import Any, NamedTuple, cast

import httpx
from prefect.client.orchestration import SyncPrefectClient

from blocks.ledger import Gate
from contracts.errors import Refused, Unavailable
from contracts.gate import MARK, pause_key
from tasks._standing import read_flow_run

_TRIES = 20
_BETWEEN_SECONDS = 0.5


class Form(NamedTuple):
    """What may be chosen, and the name of the field for words."""

    choices: list[str]
    text: str

    def label(self, choice: str) -> str:
        """Return a choice as the form names it, given with or without the name of its gate.

        Raises:
            Refused: it is not offered.
        """
        wanted = [label for label in self.choices if choice.strip().casefold() in _names(label)]
        if not wanted:
            offered = ", ".join(repr(label.rpartition(MARK)[0]) for label in self.choices)
            raise Refused(f"{choice!r} is not offered here; choose one of {offered}")
        return wanted[0]


def pause_of(gate: Gate) -> str:
    """Return the part of Prefect's pause key that names a gate."""
    return pause_key(gate.step, int(gate.key.rpartition("/")[2]))


def form_at(client: SyncPrefectClient, run: str, gate: Gate) -> Form:
    """Return the form of a gate, as soon as the run shows it: a pause and its form are two calls of its process.

    Raises:
        Refused: Prefect does not know the run any more.
        Unavailable: the run shows none within ten seconds.
    """
    for left in reversed(range(_TRIES)):
        flow_run = read_flow_run(client, run)
        if flow_run is None:
            raise Refused(f"Prefect has forgotten run {run!r}, so nobody can answer it; start the work again")
        state = flow_run.state
        keys = state.state_details.run_input_keyset if state and state.is_paused() else None
        if state and keys and str(state.state_details.pause_key).rpartition("--")[0] == pause_of(gate):
            schema = _schema(client, run, keys["schema"])
            if schema is not None:
                properties = schema["properties"]
                offered = properties["decision"]
                choices = cast(list[str], offered.get("enum") or [offered["const"]])
                return Form(choices, "answers" if "answers" in properties else "comment")
        if left:
            time.sleep(_BETWEEN_SECONDS)
    raise Unavailable(f"run {run!r} does not show its form yet; answer again in a minute")


def _schema(client: SyncPrefectClient, run: str, key: str) -> dict[str, Any] | None:
    try:
        response = client.request("GET", "/flow_runs/{id}/input/{key}", path_params={"id": run, "key": key})
    except httpx.HTTPStatusError as error:
        if error.response.status_code == 404:
            return None
        raise
    return cast(dict[str, Any], response.json())


def _names(label: str) -> tuple[str, str]:
    return label.casefold(), label.rpartition(MARK)[0].casefold()
