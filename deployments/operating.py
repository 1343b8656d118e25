"""Commands by which a person looks at runs and decides what becomes of them."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from prefect.settings import get_current_settings

from contracts.errors import DeliveryError, Misconfigured
from contracts.spending import Grouping, spending_text
from deployments.bootstrap import data_home
from deployments.server import ADDRESS, pointed_at, reachable
from deployments.service import serve
from deployments.showing import overview_text, standing_text
from flows import operate
from tasks._finding import find_run
from tasks._overview import cost_of, overview
from tasks._spending import spending
from tasks._standing import standing

app = typer.Typer(no_args_is_help=True, add_completion=False)
_PORT = "DELIVERY_PORT"
"""Variable with the port of the server on this machine; 4200, Prefect's own, when it is not set."""
_RUN = typer.Argument(metavar="RUN", help="Id of the run, its first or last 8 or more characters, or its name.")
Run = Annotated[str, _RUN]


@app.command()
def runs(
    all_: Annotated[bool, typer.Option("--all", help="Those that are over too.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
) -> None:
    """List the runs: what each is doing or waits for, since when, and what it cost."""
    with _connected():
        lines = overview(everything=all_, limit=limit)
        typer.echo(overview_text(lines) if lines else "no run is going on; `delivery runs --all` lists those before")


@app.command()
def show(run: Run) -> None:
    """Show a run: its steps, what it asks and how to answer, the decisions, the failure and what to do next."""
    with _connected():
        found = standing(find_run(run))
        typer.echo(standing_text(found, cost_of(found.ledger, found.run)))


@app.command()
def retry(run: Run) -> None:
    """Take up a failed, crashed or stopped run where it was, or one that waits for budget or a quota."""
    with _connected():
        _do(lambda: operate.retry(run, return_state=True))


@app.command()
def restart(
    run: Run,
    step: Annotated[str, typer.Option("--from", metavar="STEP", help="First step that is done again.")] = "",
) -> None:
    """Start a new run that keeps what an old one recorded before a step; without a step, the one where it failed."""
    with _connected():
        _do(lambda: operate.restart(run, step, return_state=True))


@app.command()
def stop(run: Run, reason: Annotated[str, typer.Option(help="Why, for those who read the report.")] = "") -> None:
    """Stop a run; its branch and records are kept, and it can be retried."""
    with _connected():
        _do(lambda: operate.stop(run, reason, return_state=True))


@app.command()
def answer(
    run: Run,
    choice: Annotated[str, typer.Argument(help="What you choose, in the words of the question.")],
    name: Annotated[str, typer.Option("--as", metavar="NAME", help="Who you are; kept with the decision.")],
    comment: Annotated[str, typer.Option(help="Comment, own text or answers; @FILE reads a file.")] = "",
) -> None:
    """Answer what a waiting run asks."""
    with _connected():
        text = _text(comment)
        _do(lambda: operate.answer(run, choice, name, text, return_state=True))


@app.command()
def spend(
    month: Annotated[str, typer.Option(metavar="YYYY-MM", help="Calendar month in UTC; the present one.")] = "",
    by: Annotated[Grouping, typer.Option(help="What turns are grouped by; change: each merged change.")] = (
        Grouping.REPOSITORY
    ),
    as_json: Annotated[bool, typer.Option("--json", help="As JSON, for programs.")] = False,
) -> None:
    """Tell what a month has cost, and what a merged change costs."""
    with _connected():
        found = spending(month, by)
        typer.echo(json.dumps(found.as_json(), indent=2) if as_json else spending_text(found))


@app.command()
def up(port: Annotated[int, typer.Option(envvar=_PORT, help="Port of the server, when none runs yet.")] = 4200) -> None:
    """Run everything that deliveries need until Ctrl-C: server, worker, recovery of lost runs, escalation."""
    _quiet()
    with _told():
        serve(data_home(), port)


def _text(comment: str) -> str:
    if not comment.startswith("@"):
        return comment
    try:
        return Path(comment[1:]).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"the file {comment[1:]!r} cannot be read ({error}); name a text file after @") from error


def _do(act: Callable[[], Any]) -> None:
    """Let a flow do something, and say in one line what came of it."""
    state = act()
    typer.echo(state.message, err=not state.is_completed())
    if not state.is_completed():
        raise typer.Exit(1)


@contextmanager
def _connected() -> Generator[None]:
    """Talk to the server that runs; none is started here, because its runs would be other runs."""
    configured = get_current_settings().api.url or ""
    _quiet()
    with _told():
        if configured:
            if not reachable(configured):
                raise Misconfigured(
                    f"PREFECT_API_URL is {configured!r} and nothing answers there; start it or unset it"
                )
            yield
            return
        address = f"http://{ADDRESS}:{os.environ.get(_PORT) or 4200}/api"
        if not reachable(address):
            raise Misconfigured(
                f"no Prefect server answers at {address!r}; start one with `delivery up`, or set PREFECT_API_URL"
            )
        with pointed_at(address, data_home() / "prefect"):
            yield


@contextmanager
def _told() -> Generator[None]:
    """A refusal is a sentence and the exit code 1, never a traceback."""
    try:
        yield
    except DeliveryError as error:
        typer.echo(error.message, err=True)
        raise typer.Exit(1) from None


def _quiet() -> None:
    """The log of the flow that does the work belongs on its page, not between the lines of a command."""
    for handler in logging.getLogger().handlers:
        handler.setLevel(logging.CRITICAL)
