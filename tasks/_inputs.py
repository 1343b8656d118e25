"""What Prefect keeps of a run's forms: each pause has a form, and an answer once somebody gave one."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from prefect.client.orchestration import SyncPrefectClient

HEAD = "paused-"
_PATH = "/flow_runs/{id}/input/filter"


def inputs(client: SyncPrefectClient, run: UUID, prefix: str) -> list[dict[str, Any]]:
    """Return the inputs of a run whose key begins with a prefix, each with key, value and created."""
    wanted = {"prefix": prefix, "limit": 200}
    rows: list[Any] = client.request("POST", _PATH, path_params={"id": run}, json=wanted).json()
    found = [cast(dict[str, Any], row) for row in rows]
    return [row for row in found if row["key"].startswith(prefix)]  # the server reads _ and % in a prefix as signs


def responses(client: SyncPrefectClient, run: UUID, gate: str) -> list[dict[str, Any]]:
    """Return the answers that were given to a gate in any of its pauses, the first one first.

    Args:
        client: a client.
        run: id of the flow run.
        gate: the gate's pause key without the number of the pause.
    """
    rows = [row for row in inputs(client, run, f"{HEAD}{gate}--") if row["key"].endswith("-response")]
    return sorted(rows, key=lambda row: str(row["created"]))
