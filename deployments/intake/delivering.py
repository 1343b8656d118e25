"""Commands about work that arrives by itself: receive it, try a rule, look what became of it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from blocks.ledger import Ledger
from blocks.ledger.inbox import WAITING, Delivery
from contracts.errors import DeliveryError, Misconfigured
from contracts.intake.payload import Unreadable, read
from contracts.intake.starting import Arrival, NoRule, decide
from contracts.intake.webhook import DeliveryOutcome, Source
from contracts.markdown import plain
from contracts.redaction import redact
from deployments.intake.receiving import Receiving
from deployments.intake.receiving import drain as drain_inbox
from deployments.intake.receiving import receive as receive_deliveries
from deployments.intake.rule_file import read_rule_file
from deployments.server import ADDRESS
from tasks._pages import run_page

app = typer.Typer(no_args_is_help=True, add_completion=False)
trigger = typer.Typer(no_args_is_help=True, add_completion=False, help="Try the rules by which deliveries start runs.")
app.add_typer(trigger, name="trigger")
_GUESSES = {
    "comment": "issue_comment",
    "check_suite": "check_suite",
    "check_run": "check_run",
    "issue": "issues",
    "pull_request": "pull_request",
    "ref": "push",
}
"""Names in a payload of GitHub by which its event is known, the most telling first."""


@app.command()
def receive(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = ADDRESS,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Port to listen on.")] = 4300,
    drain: Annotated[bool, typer.Option(help="Start runs as well; otherwise `delivery drain` does.")] = True,
) -> None:
    """Receive deliveries of webhooks and start what the rules say, until Ctrl-C."""
    with _told():
        receive_deliveries(Receiving.from_environment(), host, port, drains=drain)


@app.command()
def drain() -> None:
    """Start what received deliveries call for, until Ctrl-C."""
    with _told():
        drain_inbox(Receiving.from_environment())


@app.command()
def deliveries(
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="How many at most.")] = 50,
    outcome: Annotated[str, typer.Option(help="Only those that ended so, such as 'no rule', or 'waiting'.")] = "",
) -> None:
    """List deliveries, the newest first: what came, what became of it and why, and the runs that it started."""
    with _told():
        known = [one.value for one in DeliveryOutcome]
        if outcome and outcome not in ("waiting", *known):
            raise Misconfigured(f"there is no outcome {outcome!r}; choose one of waiting, {', '.join(known)}")
        ledger = Ledger(url=Receiving.from_environment().ledger)
        wanted = {"": None, "waiting": WAITING}.get(outcome, outcome)
        rows = ledger.deliveries(limit, wanted)
        typer.echo("\n".join(map(_line, rows)) if rows else "no delivery came")


@trigger.command("test")
def try_rules(
    file: Annotated[Path, typer.Argument(help="File with the rules.")],
    payload: Annotated[Path, typer.Argument(help="File with the body of a delivery.")],
    event: Annotated[str, typer.Option(help="The event, such as issues; guessed from a payload of GitHub.")] = "",
    source: Annotated[Source, typer.Option(help="Who would have sent it.")] = Source.GITHUB,
) -> None:
    """Say what a delivery would start, without starting it; the exit code is 1 when that is nothing."""
    with _told():
        rules = read_rule_file(file)
        try:
            body = read(payload.read_bytes())
        except (OSError, Unreadable) as error:
            raise Misconfigured(f"the payload {str(payload)!r} cannot be read: {error}") from None
        guessed = next((name for key, name in _GUESSES.items() if key in body), "") if source is Source.GITHUB else ""
        arrival = Arrival(source, "a-delivery", event or guessed, body)
        decided = decide(rules, arrival)
        if isinstance(decided, NoRule):
            typer.echo(f"{arrival.happened[1] or 'this'} starts nothing: {decided.reason}")
            raise typer.Exit(1)
        for start in decided:
            item = redact(start.item.model_dump_json(indent=2))
            limit = f" (at most {start.limit} at a time)" if start.limit else ""
            typer.echo(f"{start.rule} starts {start.deployment} with {start.policy}{limit}\n{item}")


def _line(row: Delivery) -> str:
    often = f" ×{row.count}" if row.count > 1 else ""
    outcome = row.outcome or f"waiting, {row.attempts} tries"
    head = f"{row.received_at:%Y-%m-%d %H:%M:%S}  {row.source}  {row.event or '–'}  {row.delivery}{often}"
    pages = "".join(f"\n    {run_page(run) or run}" for run in row.runs.split())
    return f"{head}\n    {outcome}: {plain(redact(row.reason), 300) or '–'}{pages}"


@contextmanager
def _told() -> Generator[None]:
    """A refusal is a sentence and the exit code 1, never a traceback."""
    try:
        yield
    except DeliveryError as error:
        detail = f"\n{error.detail}" if error.detail and error.detail not in error.message else ""
        typer.echo(f"{error.message}{detail}", err=True)
        raise typer.Exit(1) from None
