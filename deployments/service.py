"""Everything that deliveries need on one machine, in the foreground: server, worker, recovery and escalation."""

from __future__ import annotations

import hashlib
import signal
import subprocess
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event
from types import FrameType

import typer
from prefect.client.orchestration import get_client
from prefect.exceptions import TerminationSignal
from prefect.settings import get_current_settings
from prefect.variables import Variable

from contracts.errors import Misconfigured
from deployments.bootstrap import REGISTRY, bootstrap, deploy
from deployments.server import ADDRESS, local_server, local_worker, pointed_at, reachable
from deployments.sweeps import LOOK_SECONDS, Sweeps

_APPLIED = "delivery_registry"
"""Variable of the server with the digest of the registry, and of what its forms are made of, as it was applied."""
_SWEEPS = ("flows.recover.recover", "flows.escalate.escalate")


def serve(home: Path, port: int) -> None:
    """Run server, worker and sweeps until Ctrl-C or SIGTERM; everything that was started here is ended then.

    A server that answers at PREFECT_API_URL, or at the port, is used instead of a new one, and stays.

    Args:
        home: folder of the installation.
        port: port of the server.

    Raises:
        DeliveryError: the server did not start, or it refused the deployments.
    """
    with suppress(KeyboardInterrupt, TerminationSignal), _signals() as ending, _served(home, port) as (pages, own):
        bootstrap(home)
        _apply(Path(__file__).resolve().parent.parent)
        if own:
            _sweep_here()
        typer.echo(f"Prefect UI: {pages}\nready; Ctrl-C ends everything. `delivery runs` lists what is going on")
        while not ending.is_set():
            with local_worker(home) as worker:
                _attend(worker, ending)
            if not ending.wait(LOOK_SECONDS):
                typer.echo(f"the worker ended with code {worker.returncode}; a new one starts: {home / 'worker.log'}")
    typer.echo("ended")


@contextmanager
def _served(home: Path, port: int) -> Generator[tuple[str, bool]]:
    """A server for the time of the block; yields the address of its pages and whether it was started here."""
    configured = get_current_settings().api.url or ""
    if configured:
        if not reachable(configured):
            raise Misconfigured(f"nothing answers at PREFECT_API_URL, {configured!r}; start it or unset it")
        yield configured.removesuffix("/api"), False
        return
    address = f"http://{ADDRESS}:{port}/api"
    if reachable(address):
        with pointed_at(address, home / "prefect"):
            yield address.removesuffix("/api"), False
        return
    typer.echo("starting a Prefect server on this machine …")
    with local_server(home, port=port) as server:
        yield server.ui, True


def _apply(root: Path) -> None:
    """Apply the registry, unless the server has it as it is now: this takes longer than everything else here."""
    sources = [root / REGISTRY, *sorted(root.glob("flows/*.py")), *sorted(root.glob("contracts/*.py"))]
    digest = hashlib.sha256(b"".join(source.read_bytes() for source in sources if source.is_file())).hexdigest()
    if Variable.get(_APPLIED, _sync=True) == digest:  # type: ignore[call-arg]
        return
    deploy(root / REGISTRY)
    Variable.set(_APPLIED, digest, overwrite=True, _sync=True)  # type: ignore[call-arg]


@contextmanager
def _signals() -> Generator[Event]:
    """An event that the first Ctrl-C or SIGTERM sets; a second one interrupts what is being done, a third nothing.

    An interrupt in the midst of a call to Prefect may get lost there, and with it the end of everything.
    """
    ending, interrupted = Event(), Event()

    def end(_: int, __: FrameType | None) -> None:
        if not ending.is_set():
            ending.set()
        elif not interrupted.is_set():
            interrupted.set()
            raise KeyboardInterrupt

    before = {one: signal.signal(one, end) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield ending
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _sweep_here() -> None:
    """Sweeps of this process replace those of the worker, each of which would cost a process of its own."""
    with get_client(sync_client=True) as client:
        for deployment in client.read_deployments():
            for schedule in deployment.schedules if deployment.entrypoint in _SWEEPS else []:
                client.update_deployment_schedule(deployment.id, schedule.id, active=False)


def _attend(worker: subprocess.Popen[bytes], ending: Event) -> None:
    """Do what is due until the worker has ended, or everything shall."""
    sweeps = Sweeps()
    while worker.poll() is None and not ending.is_set():
        sweeps.look()
        ending.wait(LOOK_SECONDS)
