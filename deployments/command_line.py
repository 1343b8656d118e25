"""The command line: set an installation up, carry work on a repository of yours through a pipeline, look at runs."""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from prefect import Flow
from prefect.settings import get_current_settings

import blocks
from blocks.git import Git
from blocks.journal import Journal
from blocks.loading import load
from contracts.delivery import Delivery, DeliveryStatus
from contracts.errors import DeliveryError, Misconfigured
from contracts.policy import Policy
from contracts.report import render
from contracts.work import ItemKind, Repository, WorkItem
from deployments import operating, scheduling
from deployments.bootstrap import bootstrap, data_home, save
from deployments.installation import installing
from deployments.intake import delivering
from deployments.own_agents import NAMES, OwnAgent, own_agent
from deployments.server import free_port, local_server, reachable
from deployments.slack import connector
from flows.bugfix import bugfix
from flows.build import build
from flows.dependency_updates import dependency_updates
from flows.simple import simple
from flows.tech_debt import tech_debt
from tasks._replay import JOURNAL

app = typer.Typer(no_args_is_help=True, add_completion=False, help=__doc__, pretty_exceptions_enable=False)
app.add_typer(operating.app)
app.add_typer(delivering.app)
app.add_typer(scheduling.app)
app.add_typer(installing.app)
app.add_typer(connector.app)
PIPELINES: dict[str, Flow[..., Delivery]] = {
    flow.name: flow for flow in (build, simple, bugfix, tech_debt, dependency_updates)
}
_RUFF_AGENT = Path(__file__).resolve().parent.parent / "agents" / "ruff_agent"
_PORT = 4200
"""Prefect's own default, so that a browser's bookmark works."""


@contextmanager
def _server() -> Generator[str]:
    """The configured Prefect server, or one of our own for as long as it is needed; yields the address of its pages."""
    configured = get_current_settings().api.url or ""
    if configured:
        if not reachable(configured):
            raise Misconfigured(f"PREFECT_API_URL is {configured!r} and nothing answers there; start it or unset it")
        yield configured.removesuffix("/api")
        return
    port = _PORT if not reachable(f"http://127.0.0.1:{_PORT}/api") else free_port()
    typer.echo("starting a Prefect server on this machine …")
    with local_server(data_home(), port=port) as server:
        yield server.ui


@app.command()
def setup() -> None:
    """Register every block type and make the documents that are missing."""
    with _server():
        made = bootstrap(data_home())
    typer.echo("\n".join(f"made {reference}" for reference in made) or "everything is there already")


@app.command()
def run(  # noqa: PLR0913, PLR0917 - each argument is an option of the command line
    pipeline: Annotated[str, typer.Argument(help=f"One of: {', '.join(PIPELINES)}.")],
    repository: Annotated[Path, typer.Argument(help="A Git repository on this machine, bare or a clone.")],
    title: Annotated[str, typer.Option(help="What is to be done, in one line.")] = "",
    description: Annotated[str, typer.Option(help="What is wanted and how it is recognised; @FILE reads a file.")] = "",
    agent: Annotated[str, typer.Option(help=f"{', '.join(NAMES)}, or a command that takes the turns.")] = "",
    model: Annotated[str, typer.Option(help="Model of a named agent; empty: its program's own choice.")] = "",
    python: Annotated[Path | None, typer.Option(help="Folder of the python that runs the repository's tests.")] = None,
    base: Annotated[str, typer.Option(help="Branch to merge into; empty: the one that is checked out.")] = "",
    merge: Annotated[bool, typer.Option(help="Merge by itself what the policy allows.")] = True,
    dry_run: Annotated[bool, typer.Option(help="Everything but effects: no push, no merge.")] = False,
) -> None:
    """Carry work on a repository through a pipeline; the exit code is 0 unless the run failed."""
    flow = PIPELINES.get(pipeline.replace("_", "-"))
    if flow is None:
        raise Misconfigured(f"there is no pipeline {pipeline!r}; choose one of {', '.join(PIPELINES)}")
    hired = _hired(flow.name, agent, model)
    item = _item(flow.name, repository.resolve(), title, description, base)
    with _server() as pages:
        bootstrap(data_home())
        policy = _documents(item, repository.resolve(), hired, python, merge)
        state: Any = flow(item, policy=policy, dry_run=dry_run, return_state=True)
        flow_run = str(state.state_details.flow_run_id)
        delivery = _last_ending(flow_run)
    typer.echo(f"\n{render(delivery)}\n\n{pages}/runs/flow-run/{flow_run} (again: `delivery ui`)")
    raise typer.Exit(1 if delivery.status is DeliveryStatus.FAILED else 0)


@app.command()
def ui() -> None:
    """Serve the pages of earlier runs until Enter or Ctrl-C."""
    with _server() as pages:
        typer.echo(f"Prefect UI: {pages}")
        typer.prompt("Press Enter to end", default="", show_default=False)


def _absolute(part: str) -> str:
    """A path of a file here stays that file when the agent starts in a delivered repository."""
    return str(Path(part).resolve()) if os.sep in part and Path(part).exists() else part


def _hired(pipeline: str, agent: str, model: str) -> OwnAgent:
    if agent in NAMES:
        return own_agent(agent, model)
    if not agent and pipeline != tech_debt.name:
        known = ", ".join(NAMES)
        raise Misconfigured(f"{pipeline!r} needs an agent; give --agent {known} or 'PROGRAM ARGUMENTS' of your own")
    command = [_absolute(part) for part in shlex.split(agent)] or [sys.executable, str(_RUFF_AGENT)]
    return OwnAgent(blocks.CommandAgent(command=command), [], [])


def _item(pipeline: str, repository: Path, title: str, description: str, base: str) -> WorkItem:
    """The work item; a bug where the pipeline is for bugs, so that its tests must turn green."""
    if not repository.is_dir():
        raise Misconfigured(f"there is no folder {str(repository)!r}; name a Git repository on this machine")
    kinds: dict[str, ItemKind] = {bugfix.name: "bug", tech_debt.name: "recurring"}
    text = Path(description[1:]).read_text() if description.startswith("@") else description
    return WorkItem(
        repository=Repository(forge=f"local-forge/{_slug(repository)}", name=repository.name),
        title=title or {tech_debt.name: "Pay off technical debt"}.get(pipeline) or _missing_title(pipeline),
        description=text,
        kind=kinds.get(pipeline, "feature"),
        base=base or _checked_out(repository),
    )


def _missing_title(pipeline: str) -> str:
    raise Misconfigured(f"{pipeline!r} needs to know what to do; give --title 'one line' and --description 'more'")


def _checked_out(repository: Path) -> str:
    inner = repository / ".git"
    git = Git(inner if inner.exists() else repository)
    code, branch = git.call("symbolic-ref", "--quiet", "--short", "HEAD", ok=(0, 1, 128))
    if code:
        raise Misconfigured(f"{str(repository)!r} is no Git repository on a branch; give --base, or check a branch out")
    return branch


def _documents(item: WorkItem, repository: Path, hired: OwnAgent, python: Path | None, merge: bool) -> str:
    """Save the blocks of one repository under its name; return the reference of its policy."""
    name = _slug(repository)
    path = [*([str(python.resolve())] if python else []), *hired.path]
    save(blocks.LocalForge(root=repository.parent), name)
    policy = Policy(
        agents={"default": save(hired.block, name)},
        sandbox=save(blocks.LocalSandbox(path=path, readable=hired.readable), name),
        workspaces=data_home() / "runs",
        settle_seconds=0,
        attended=sys.stdin.isatty(),  # where nobody sits, the run ends and says what a person must decide
        merge={"auto_merge": merge},  # type: ignore[arg-type]
    )
    typer.echo(f"{item.title}: {repository}, base {item.base}")
    return save(blocks.DeliveryPolicy(policy=policy), name)


def _slug(repository: Path) -> str:
    """A name for the repository's blocks: readable, and its own even when two folders are called alike."""
    readable = re.sub(r"[^a-z0-9]+", "-", repository.name.removesuffix(".git").lower()).strip("-") or "repository"
    return f"{readable}-{hashlib.sha256(str(repository).encode()).hexdigest()[:6]}"


def _last_ending(flow_run: str) -> Delivery:
    journal, attempt = load(JOURNAL, Journal), 1
    while journal.holds(f"{flow_run}/ending/{attempt + 1}"):
        attempt += 1
    ending = journal.recall(f"{flow_run}/ending/{attempt}")
    if ending is None:
        raise Misconfigured(f"run {flow_run!r} did not come to its end; read its log, then retry it in the Prefect UI")
    return ending


def main() -> None:
    """Run the command line; an error is a sentence, not a traceback."""
    os.environ.setdefault("PREFECT_SERVER_ANALYTICS_ENABLED", "false")
    try:
        app()
    except DeliveryError as error:
        typer.echo(f"{error.message}\n{error.detail}".strip(), err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
