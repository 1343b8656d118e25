"""The connector of Slack: takes answers and wishes of people, over a socket that it opens itself or at an address."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import copy_context
from pathlib import Path
from threading import Event
from types import FrameType
from typing import Annotated

import typer
import uvicorn
from prefect.settings import get_current_settings, temporary_settings
from starlette.applications import Starlette

from blocks.ledger import Ledger
from blocks.loading import load
from blocks.slack_channel import SlackChannel
from contracts.errors import DeliveryError, Misconfigured
from contracts.redaction import redact
from deployments.health import sign
from deployments.intake.draining import Drain
from deployments.intake.rule_file import DEFAULT, RuleFile
from deployments.server import ADDRESS, reachable
from deployments.slack.answers import Answers
from deployments.slack.desk import Desk
from deployments.slack.http import PATH, routes
from deployments.slack.socket import SlackSocket
from tasks._overview import LEDGER

app = typer.Typer(no_args_is_help=True, add_completion=False)
_TRIGGERS = "DELIVERY_TRIGGERS"
_BEAT_SECONDS = 10.0
_JOIN_SECONDS = 30.0


@app.command()
def slack(
    block: Annotated[str, typer.Option(help="The channel's block.")] = "slack-channel/main",
    http: Annotated[str, typer.Option(metavar="HOST:PORT", help="Listen there; empty: connect to Slack.")] = "",
    rules: Annotated[Path, typer.Option(envvar=_TRIGGERS, help="File with the rules that start work.")] = DEFAULT,
) -> None:
    """Take answers and requests for work from Slack, until SIGTERM or Ctrl-C."""
    ending = Event()

    def end(_: int, __: FrameType | None) -> None:
        ending.set()

    for one in (signal.SIGINT, signal.SIGTERM):
        signal.signal(one, end)
    try:
        with _prefect():
            channel, ledger = load(block, SlackChannel, fresh=True), load(LEDGER, Ledger, fresh=True)
            connect(channel, ledger, rules, ending, http)
    except DeliveryError as error:
        typer.echo(redact(f"{error.message}\n{error.detail}".strip()), err=True)
        raise typer.Exit(1) from None


def connect(channel: SlackChannel, ledger: Ledger, rules: Path, ending: Event, http: str = "") -> None:
    """Take what people do until `ending` is set; what was kept before is handed over first.

    Args:
        channel: the app.
        ledger: where everything is kept.
        rules: file with the rules that start work.
        ending: set when it is to end.
        http: host:port to listen on; empty: a connection to Slack is opened.

    Raises:
        Misconfigured: a token is missing or not valid, or the rules are wrong.
        Unavailable: Slack did not answer.
    """
    desk = Desk(ledger, channel, _say)
    drain = Drain(ledger, RuleFile(rules), _say)
    answers = Answers(ledger, channel, _say)
    with desk, _working(ending, desk, answers, drain), _listening(channel, desk, http) as listens:
        while True:
            if listens():
                sign("slack").touch()
            if ending.wait(_BEAT_SECONDS):
                return


@contextmanager
def _listening(channel: SlackChannel, desk: Desk, http: str) -> Generator[Callable[[], bool]]:
    """Be there for Slack for the time of the block; yields whether it can reach us just now."""
    if http:
        with _served(channel, desk, http) as listens:
            yield listens
        return
    if channel.app_token is None:
        raise Misconfigured("the Slack channel's block has no app token; add one, or listen with --http HOST:PORT")
    with SlackSocket(channel.link, channel.app_token, desk.take, _say) as socket:
        _say("connected to Slack")
        yield socket.connected


@contextmanager
def _served(channel: SlackChannel, desk: Desk, http: str) -> Generator[Callable[[], bool]]:
    """Listen at an address for the time of the block; yields whether it does."""
    if channel.signing_secret is None:
        raise Misconfigured("the Slack channel's block has no signing secret; add it, or connect without --http")
    host, _, port = http.rpartition(":")
    if not host or not port.isdigit():
        raise Misconfigured(f"{http!r} is no address to listen on; write HOST:PORT, such as 127.0.0.1:8080")
    application = Starlette(routes=routes(desk, channel.signing_secret.get_secret_value()))
    server = uvicorn.Server(
        uvicorn.Config(application, host, int(port), log_level="warning", access_log=False, server_header=False)
    )
    thread = threading.Thread(target=server.run, name="slack http")
    thread.start()
    _say(f"Slack may send to http://{http}{PATH}")
    try:
        yield lambda: server.started and thread.is_alive()
    finally:
        server.should_exit = True
        thread.join(_JOIN_SECONDS)


@contextmanager
def _working(ending: Event, desk: Desk, answers: Answers, drain: Drain) -> Generator[None]:
    """Hand over, start work and tell people for the time of the block."""
    over = Event()
    jobs: list[Callable[[], None]] = [
        lambda: answers.run(over, desk.answered),
        lambda: drain.run(over, desk.wishes.arrived),
        lambda: desk.wishes.run(over),
    ]
    threads = [
        threading.Thread(target=copy_context().run, args=(_to_the_end, job, ending), daemon=True) for job in jobs
    ]
    for one in threads:
        one.start()
    try:
        yield
    finally:
        over.set()
        desk.answered.set()
        desk.wishes.arrived.set()
        for one in threads:
            one.join(_JOIN_SECONDS)
        ending.set()


def _to_the_end(job: Callable[[], None], ending: Event) -> None:
    """Do a job; when it ends before its time, so does the process, because a half of it would look healthy."""
    try:
        job()
    finally:
        ending.set()


@contextmanager
def _prefect() -> Generator[None]:
    """Ask the configured server, or the one of this machine; fail at once, because the ledger keeps what failed."""
    api = get_current_settings().api.url or f"http://{ADDRESS}:{os.environ.get('DELIVERY_PORT') or 4200}/api"
    if not reachable(api):
        raise Misconfigured(f"no Prefect server answers at {api!r}; start it, or set PREFECT_API_URL")
    with temporary_settings(updates={"api.url": api, "client.max_retries": 0}):  # pyright: ignore[reportArgumentType] - names of settings are accepted
        yield


def _say(text: str) -> None:
    typer.echo(redact(text), err=True)
