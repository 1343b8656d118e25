"""The processes of deliveries: one that receives and empties the inbox, and one that only empties it."""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from types import FrameType

import typer
import uvicorn
from prefect.settings import get_current_settings, temporary_settings
from pydantic import SecretStr

from blocks.ledger import Ledger
from blocks.ledger.database import default_url
from blocks.loading import load
from contracts.errors import DeliveryError, Misconfigured
from contracts.intake.webhook import Source
from deployments.intake.draining import Drain
from deployments.intake.keeping import Intake
from deployments.intake.rule_file import DEFAULT, RuleFile
from deployments.server import ADDRESS
from deployments.webhooks import build_app

LEDGER_URL = "DELIVERY_LEDGER_URL"
TRIGGERS = "DELIVERY_TRIGGERS"
SECRETS = {
    Source.GITHUB: "DELIVERY_GITHUB_WEBHOOK_SECRET",
    Source.GITLAB: "DELIVERY_GITLAB_WEBHOOK_TOKEN",
    Source.GENERIC: "DELIVERY_WEBHOOK_SECRET",
}
"""Variables with the secret of each source; with _FILE at the end, a file that has one on each line."""
_BLOCK = "ledger/main"
_SWITCH_SECONDS = 0.0005
"""How long the thread that starts runs may keep the one that answers waiting; Python's own 5 ms add up in a burst."""

_READY_SECONDS = 2.0
"""A Prefect server that does not answer must not keep deliveries waiting for longer."""


@dataclass(frozen=True)
class Receiving:
    """What the processes need; it comes from the environment, because Prefect may be away when they start.

    Args:
        ledger: URL of the ledger.
        secrets: secrets of each source.
        rules: file with the rules.
    """

    ledger: SecretStr
    rules: Path
    secrets: dict[Source, list[str]] = field(default_factory=dict[Source, list[str]], repr=False)

    @classmethod
    def from_environment(cls) -> Receiving:
        """Read the environment.

        Raises:
            Misconfigured: a file that a variable names cannot be read.
        """
        url = _lines(LEDGER_URL)
        return cls(
            ledger=SecretStr(url[0]) if url else default_url(),
            rules=Path(os.environ.get(TRIGGERS) or DEFAULT),
            secrets={source: _lines(name) for source, name in SECRETS.items()},
        )


def _lines(name: str) -> list[str]:
    """What a variable holds, or each line of the file that it names."""
    file = os.environ.get(f"{name}_FILE")
    if not file:
        return [os.environ[name]] if os.environ.get(name) else []
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Misconfigured(f"the file {file!r} that {name}_FILE names cannot be read: {reason}") from None
    return [line.strip() for line in text.splitlines() if line.strip()]


def receive(settings: Receiving, host: str, port: int, *, drains: bool) -> None:
    """Receive deliveries until SIGTERM or Ctrl-C.

    Args:
        settings: ledger, secrets and rules.
        host: address to listen on.
        port: port to listen on.
        drains: whether this process empties the inbox as well.

    Raises:
        Misconfigured: no source has a secret, or the rules are wrong.
    """
    known = [source.value for source, secrets in settings.secrets.items() if secrets]
    if not known:
        raise Misconfigured(
            f"no source has a secret, so that nothing would be accepted; set one of {', '.join(SECRETS.values())}, "
            "or the same with _FILE at the end"
        )
    ledger, arrived = Ledger(url=settings.ledger), Event()
    ledger.migrate()
    _on_signals(Event())  # uvicorn raises the signal again when it has ended; what follows shall still be done
    with Intake(ledger, arrived.set) as intake, _draining(settings, intake, arrived, wanted=drains):
        app = build_app(ledger, intake, settings.secrets)
        config = uvicorn.Config(
            app,
            host=host,
            port=port,
            log_level="warning",
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=10,
        )
        gc.collect()
        gc.freeze()  # to look through all that was loaded takes 150 ms, in which nobody is answered
        typer.echo(f"receiving from {', '.join(known)} at http://{host}:{port}/webhooks/…")
        uvicorn.Server(config).run()
    ledger.close()


def drain(settings: Receiving) -> None:
    """Empty the inbox until SIGTERM or Ctrl-C.

    Raises:
        Misconfigured: the rules are wrong.
    """
    ledger, over = Ledger(url=settings.ledger), Event()
    _on_signals(over)
    typer.echo("emptying the inbox; Ctrl-C ends it")
    with _connected():
        _compare(ledger)
        Drain(ledger, RuleFile(settings.rules), _say).run(over, Event())
    ledger.close()


def _on_signals(over: Event) -> None:
    """Set an event at SIGTERM and Ctrl-C, instead of ending at once."""

    def end(_: int, __: FrameType | None) -> None:
        over.set()

    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, end)


@contextmanager
def _draining(settings: Receiving, intake: Intake, arrived: Event, *, wanted: bool) -> Generator[None]:
    """Empty the inbox in a thread for the time of the block, which begins when the thread is ready."""
    if not wanted:
        yield
        return
    rules, over, ready = RuleFile(settings.rules), Event(), Event()
    sys.setswitchinterval(_SWITCH_SECONDS)
    with _connected():

        def empty() -> None:
            drain = Drain(intake.ledger, rules, _say, intake.give_way)
            drain.open()
            _compare(intake.ledger)
            ready.set()
            drain.run(over, arrived)

        thread = threading.Thread(target=copy_context().run, args=(empty,), name="drain", daemon=True)
        thread.start()
        ready.wait(_READY_SECONDS)
        try:
            yield
        finally:
            over.set()
            arrived.set()
            thread.join(30)


@contextmanager
def _connected() -> Generator[None]:
    """Ask the configured server, or the one of this machine, and never one within this process; fail at once.

    The inbox keeps what failed, so that the client's own patience would only keep what is behind it waiting.
    """
    api = get_current_settings().api.url or f"http://{ADDRESS}:{os.environ.get('DELIVERY_PORT') or 4200}/api"
    with temporary_settings(updates={"api.url": api, "client.max_retries": 0}):  # pyright: ignore[reportArgumentType] - names of settings are accepted
        yield


def _compare(ledger: Ledger) -> None:
    """Say when the runs keep their ledger elsewhere: their slots would never be given back in time."""
    try:
        other = load(_BLOCK, Ledger).url.get_secret_value() != ledger.url.get_secret_value()
    except DeliveryError:
        return
    if other:
        _say(f"the inbox is not in the ledger of the block {_BLOCK!r}; give {LEDGER_URL} the URL of that block")


def _say(text: str) -> None:
    typer.echo(text, err=True)
