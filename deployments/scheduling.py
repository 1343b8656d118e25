"""Upkeep of repositories by schedule: technical debt each week, dependencies each day."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Any, NamedTuple

import typer
from prefect.client.orchestration import SyncPrefectClient
from prefect.client.schemas.objects import DeploymentSchedule
from prefect.client.schemas.responses import DeploymentResponse
from prefect.client.schemas.schedules import CronSchedule
from prefect.exceptions import ObjectNotFound
from pydantic import ValidationError

from contracts.errors import DeliveryError, Misconfigured, Refused
from contracts.ticks import Upkeep, check_cron, slug_of, upkeep_item
from contracts.work import Repository, check_reference
from tasks._standing import prefect_client

app = typer.Typer(no_args_is_help=True, add_completion=False)
DEPLOYMENTS: dict[Upkeep, str] = {
    "tech-debt": "tech-debt/weekly",
    "dependency-updates": "dependency-updates/daily",
}
_PATTERN = "pattern"
"""Slug of the schedule in the registry that says when; it never runs itself."""


class Wanted(NamedTuple):
    """A repository that is kept in order.

    Args:
        repository: the repository.
        base: branch that changes are merged into.
        policy: reference of the policy.
        cron: when, in five fields; empty: as the registry says.
        timezone: zone of the cron; empty: as the registry says.
    """

    repository: Repository
    base: str
    policy: str
    cron: str = ""
    timezone: str = ""


@app.command()
def upkeep(  # noqa: PLR0913, PLR0917 - each argument is an option of the command line
    repository: Annotated[str, typer.Argument(help="Name of the repository on its forge, such as acme/shop.")],
    forge: Annotated[str, typer.Option(help="Block of its forge.")] = "github-forge/main",
    base: Annotated[str, typer.Option(help="Branch to merge into.")] = "main",
    policy: Annotated[str, typer.Option(help="Block of the policy that the runs obey.")] = "delivery-policy/main",
    only: Annotated[str, typer.Option(help="tech-debt or dependency-updates; both by default.")] = "",
    cron: Annotated[str, typer.Option(help="When, in five fields; by default as the registry says.")] = "",
    timezone: Annotated[str, typer.Option(help="Zone of --cron, such as Europe/Berlin; by default UTC.")] = "",
    off: Annotated[bool, typer.Option("--off", help="Take the schedules away.")] = False,
) -> None:
    """Keep a repository in order by schedule; a tick that was missed is made up for once."""
    try:
        pipelines: list[Upkeep] = [one for one in DEPLOYMENTS if only in ("", one)]
        if not pipelines:
            raise Refused(f"there is no schedule for {only!r}; choose one of {', '.join(DEPLOYMENTS)}")
        wanted = Wanted(_repository(forge, repository), base, check_reference(policy), cron, timezone)
        said = [_remove(one, wanted) if off else keep(one, wanted) for one in pipelines]
    except (DeliveryError, ValueError) as error:
        typer.echo(error.message if isinstance(error, DeliveryError) else str(error), err=True)
        raise typer.Exit(1) from None
    typer.echo("\n".join(said))


def keep(pipeline: Upkeep, wanted: Wanted) -> str:
    """Give a repository a schedule of a pipeline, or change the one that it has; say which in a line.

    Raises:
        Misconfigured: the deployment is not there.
        ValueError: cron or zone cannot be used.
    """
    slug = slug_of(wanted.repository)
    with _deployment(pipeline) as (client, deployment):
        pattern = _named(deployment, _PATTERN)
        usual = pattern.schedule if pattern is not None and isinstance(pattern.schedule, CronSchedule) else None
        cron = wanted.cron or (usual.cron if usual else "0 4 * * *")
        timezone = wanted.timezone or (usual.timezone if usual else None) or "UTC"
        check_cron(cron, timezone)
        item = upkeep_item(pipeline, wanted.repository, wanted.base).model_dump(mode="json")
        given: dict[str, Any] = {
            "schedule": {"cron": cron, "timezone": timezone},
            "active": True,
            "parameters": {"item": item, "policy": wanted.policy},
        }
        known = _named(deployment, slug)
        # The client's own methods of 3.8.8 take neither slug nor parameters.
        if known is None:
            path, parts = "/deployments/{id}/schedules", {"id": deployment.id}
            client.request("POST", path, path_params=parts, json=[{**given, "slug": slug}])
        else:
            path, parts = "/deployments/{id}/schedules/{schedule_id}", {"id": deployment.id, "schedule_id": known.id}
            client.request("PATCH", path, path_params=parts, json=given)
    return f"{DEPLOYMENTS[pipeline]}: {wanted.repository.name} at {cron!r} ({timezone})"


def _remove(pipeline: Upkeep, wanted: Wanted) -> str:
    with _deployment(pipeline) as (client, deployment):
        known = _named(deployment, slug_of(wanted.repository))
        if known is None:
            return f"{DEPLOYMENTS[pipeline]}: {wanted.repository.name} has no schedule"
        client.delete_deployment_schedule(deployment.id, known.id)
    return f"{DEPLOYMENTS[pipeline]}: {wanted.repository.name} has no schedule any more"


@contextmanager
def _deployment(pipeline: Upkeep) -> Generator[tuple[SyncPrefectClient, DeploymentResponse]]:
    name = DEPLOYMENTS[pipeline]
    with prefect_client() as client:
        try:
            found = client.read_deployment_by_name(name)
        except ObjectNotFound:
            raise Misconfigured(f"there is no deployment {name!r}; apply the registry, then do this again") from None
        yield client, found


def _named(deployment: DeploymentResponse, slug: str) -> DeploymentSchedule | None:
    return next((one for one in deployment.schedules if one.slug == slug), None)


def _repository(forge: str, name: str) -> Repository:
    try:
        return Repository(forge=forge, name=name)
    except ValidationError as error:
        raise Refused("; ".join(str(one["msg"]).removeprefix("Value error, ") for one in error.errors())) from None
