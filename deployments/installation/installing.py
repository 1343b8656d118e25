"""Commands that set a team's installation up and keep it going."""

from __future__ import annotations

import signal
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Annotated

import typer
from prefect.settings import get_current_settings

from contracts.errors import DeliveryError, Misconfigured
from deployments.bootstrap import data_home, set_up
from deployments.health import sign
from deployments.server import reachable
from deployments.sweeps import attend

app = typer.Typer(no_args_is_help=True, add_completion=False)
EXAMPLE = Path(__file__).parent.with_name("installation.yaml")


@app.command()
def bootstrap(
    file: Annotated[
        Path, typer.Argument(help="The installation; deployments/installation.yaml is an example.")
    ] = EXAMPLE,
) -> None:
    """Bring the Prefect server to what a document describes: pools, limits, blocks, automations, deployments."""
    _reached()
    try:
        changed = set_up(data_home(), file.resolve())
    except DeliveryError as error:
        typer.echo(f"{error.message}\n{error.detail}".strip(), err=True)
        raise typer.Exit(1) from None
    typer.echo("\n".join(changed) or "nothing has changed")


@app.command()
def janitor() -> None:
    """Take lost runs up again, remind people, and remove what ended runs left behind, until SIGTERM or Ctrl-C."""
    _reached()
    attend(_ending(), sign("janitor").touch)


def _reached() -> None:
    """Raise unless the configured server answers; a team's server is never started by a command."""
    configured = get_current_settings().api.url
    if not configured:
        raise Misconfigured("PREFECT_API_URL is not set; set it to the address of the team's server")
    if not reachable(configured):
        raise Misconfigured(f"nothing answers at PREFECT_API_URL, {configured!r}; start the server or correct it")


def _ending() -> Event:
    """An event that SIGTERM or Ctrl-C sets."""
    ending = Event()

    def end(_: int, __: FrameType | None) -> None:
        ending.set()

    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, end)
    return ending
