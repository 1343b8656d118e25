"""What a Prefect server holds of an installation, read back so that it can be said what has changed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from prefect.client.orchestration import SyncPrefectClient, get_client

Record = dict[str, Any]
Inventory = dict[str, Record]
"""Kind and name of an object, such as `work pool 'delivery'` → its fields; never to be shown, as it holds secrets."""

_PAGE = 200
_MOVING = frozenset({"updated", "status", "last_polled", "active_slots", "late_count", "is_ready"})
"""What a server writes by itself while it is used, and the time at which something was written, changed or not."""
_PLAIN = {
    "work pool": "/work_pools/filter",
    "limit": "/v2/concurrency_limits/filter",
    "block type": "/block_types/filter",
    "variable": "/variables/filter",
    "automation": "/automations/filter",
    "flow": "/flows/filter",
}


def read_inventory() -> Inventory:
    """Return everything that a set-up makes on the server that this process points at, with its identity."""
    with get_client(sync_client=True) as client:
        found = {kind: list(_pages(client, path)) for kind, path in _PLAIN.items()}
        found["block"] = list(_pages(client, "/block_documents/filter", include_secrets=True))
        found["block schema"] = list(_pages(client, "/block_schemas/filter"))
        found["deployment"] = list(_pages(client, "/deployments/filter"))
        flows = {one["id"]: one["name"] for one in found["flow"]}
        pools = [one["name"] for one in found["work pool"]]
        found["work queue"] = [one for name in pools for one in _pages(client, f"/work_pools/{name}/queues/filter")]
    return {f"{kind} {_name(kind, one, flows)!r}": _still(one) for kind, records in found.items() for one in records}


def differences(before: Inventory, after: Inventory) -> list[str]:
    """Return a line for each object that was made, changed or removed; values are not shown."""
    lines = [f"made {name}" for name in after if name not in before]
    lines += [f"removed {name}" for name in before if name not in after]
    for name in after:
        fields = _changed(before.get(name, after[name]), after[name])
        lines += [f"changed {name}: {', '.join(fields)}"] if fields else []
    return sorted(lines)


def _changed(before: Record, after: Record) -> list[str]:
    """Names of the fields that differ; those of a nested mapping with a point."""
    changed: list[str] = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old == new:
            continue
        if name == "data" and isinstance(old, dict) and isinstance(new, dict):
            changed += _changed(cast(Record, old), cast(Record, new))
        else:
            changed.append(name)
    return changed


def _name(kind: str, record: Record, flows: dict[str, str]) -> str:
    match kind:
        case "deployment":
            return f"{flows[record['flow_id']]}/{record['name']}"
        case "block":
            return f"{record['block_type']['slug']}/{record['name']}"
        case "block schema":
            return f"{record['block_type']['slug']} {record['checksum'][-8:]}"
        case "work queue":
            return f"{record['work_pool_name']}/{record['name']}"
        case _:
            return str(record["name"])


def _still(value: Any) -> Any:
    if isinstance(value, list):
        return [_still(one) for one in cast(list[Any], value)]
    if isinstance(value, dict):
        return {name: _still(one) for name, one in cast(Record, value).items() if name not in _MOVING}
    return value


def _pages(client: SyncPrefectClient, path: str, **body: Any) -> Iterable[Record]:
    """Everything of a kind, a page at a time."""
    offset = 0
    while True:
        page: list[Record] = client.request("POST", path, json={**body, "limit": _PAGE, "offset": offset}).json()  # type: ignore[arg-type] - addresses that the client's list of them lacks
        yield from page
        if len(page) < _PAGE:
            return
        offset += _PAGE
