"""Work pools, limits, variables and automations brought to what a document says; what is so already is not touched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.actions import WorkPoolCreate, WorkPoolUpdate
from prefect.client.schemas.objects import WorkPool
from prefect.events.schemas.automations import Automation, AutomationCore
from prefect.exceptions import ObjectNotFound
from prefect.workers.base import BaseWorker
from pydantic import ValidationError

from contracts.errors import Misconfigured
from deployments.installation.document import Installation, Pool


def apply(client: SyncPrefectClient, wanted: Installation, folder: Path) -> None:
    """Bring everything but blocks and deployments to what the document says.

    Args:
        client: client of the server.
        wanted: the document.
        folder: folder of the files that it names.

    Raises:
        Misconfigured: a pool is there with another type, a template cannot be read, or an automation does not fit.
    """
    automations = [_automation(one) for one in wanted.automations]
    for pool in wanted.work_pools:
        make_pool(client, pool, folder)
    for limit in wanted.limits:
        client.upsert_global_concurrency_limit_by_name(limit.name, limit.limit, limit.slot_decay_per_second)
    for name, value in wanted.variables.items():
        _set(client, name, value)
    for automation in automations:
        _automate(client, automation)


def make_pool(client: SyncPrefectClient, pool: Pool, folder: Path | None = None) -> None:
    """Make a work pool, or bring one to what the document says of it; limits that it does not name stay."""
    template = _template(pool, folder)
    try:
        there = client.read_work_pool(pool.name)
    except ObjectNotFound:
        there = client.create_work_pool(
            WorkPoolCreate(
                name=pool.name,
                type=pool.type,
                description=pool.description,
                base_job_template=template or _own_template(pool.type),
                concurrency_limit=pool.concurrency_limit,
            )
        )
    if there.type != pool.type:
        raise Misconfigured(
            f"the work pool {pool.name!r} is of type {there.type!r}, not {pool.type!r}, and a type cannot be changed; "
            "give the new pool another name, or delete the old one"
        )
    wanted: dict[str, Any] = {
        "description": pool.description,
        "concurrency_limit": pool.concurrency_limit,
        "base_job_template": template or None,
    }
    changed = {name: value for name, value in wanted.items() if value is not None and getattr(there, name) != value}
    if changed:
        client.update_work_pool(pool.name, WorkPoolUpdate(**changed))
    _make_queues(client, there, pool)


def rest(client: SyncPrefectClient, deployments: Sequence[str]) -> None:
    """Let the schedules of deployments rest.

    Raises:
        Misconfigured: there is no such deployment.
    """
    for name in deployments:
        try:
            deployment = client.read_deployment_by_name(name)
        except ObjectNotFound:
            raise Misconfigured(
                f"there is no deployment {name!r} whose schedules could rest; correct its name"
            ) from None
        if not deployment.paused:
            client.pause_deployment(deployment.id)


def _make_queues(client: SyncPrefectClient, there: WorkPool, pool: Pool) -> None:
    queues = {one.name: one for one in client.read_work_queues(work_pool_name=there.name)}
    for queue in pool.queues:
        wanted = queue.model_dump(exclude={"name"}, exclude_none=True)
        found = queues.get(queue.name)
        if found is None:
            found = client.create_work_queue(queue.name, work_pool_name=there.name)
        changed = {name: value for name, value in wanted.items() if getattr(found, name) != value}
        if changed:
            client.update_work_queue(found.id, **changed)


def _template(pool: Pool, folder: Path | None) -> dict[str, Any]:
    if pool.base_job_template is None:
        return {}
    file = (folder or Path()) / pool.base_job_template
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Misconfigured(f"the job template {str(file)!r} cannot be read ({error}); write JSON there") from error


def _own_template(kind: str) -> dict[str, Any]:
    worker = BaseWorker.get_worker_class_from_type(kind)
    if worker is None:
        raise Misconfigured(
            f"the work pool type {kind!r} is not installed here; name a base_job_template, or install prefect-{kind}"
        )
    return worker.get_default_base_job_template()


def _set(client: SyncPrefectClient, name: str, value: Any) -> None:
    there = client.read_variable_by_name(name)
    body: dict[str, Any] = {"name": name, "value": value}
    if there is None:
        client.request("POST", "/variables/", json=body)
    elif there.value != value:
        client.request("PATCH", "/variables/name/{name}", path_params={"name": name}, json=body)


def _automation(described: dict[str, Any]) -> AutomationCore:
    try:
        return AutomationCore.model_validate(described)
    except ValidationError as error:
        lines = [f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors()]
        raise Misconfigured(
            f"the automation {described.get('name')!r} does not fit; correct what the detail names",
            detail="\n".join(lines),
        ) from None


def _automate(client: SyncPrefectClient, wanted: AutomationCore) -> None:
    found: list[Automation] = client.read_automations_by_name(wanted.name)
    if not found:
        client.create_automation(wanted)
    elif AutomationCore.model_validate(found[0].model_dump(exclude={"id"})) != wanted:
        client.update_automation(found[0].id, wanted)
