"""The demonstration: a sample work item goes through `bugfix` on a real server, worker and repository, keyless."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path

import blocks
from blocks.git import Git, init_bare
from contracts.errors import DeliveryError
from contracts.policy import Policy
from contracts.work import Repository, WorkItem
from deployments.bootstrap import REGISTRY, bootstrap, deploy, python_folder, save
from deployments.following import follow, start
from deployments.own_agents import at_hand
from deployments.sample import DESCRIPTION, FOLDER, TITLE, sample_agent
from deployments.server import local_server, local_worker


def seed_repository(root: Path) -> Git:
    """Make the sample's bare repository with one commit on main, and return it."""
    git = Git(init_bare(root / "shop.git").directory, FOLDER)
    git.run("add", "--all")
    commit = git.run("commit-tree", git.run("write-tree"), "-m", "Shop with discount codes")
    git.run("update-ref", "refs/heads/main", commit)
    return git


def set_up(home: Path) -> None:
    """Save the blocks of the demonstration under the names that pipelines use by default."""
    bootstrap(home)
    python = python_folder()
    save(blocks.LocalSandbox(path=[python]))
    checks = {"unit-tests": ["python", "-m", "pytest", "-q", "-p", "no:cacheprovider"]}
    save(blocks.LocalForge(root=home / "forge", check_commands=checks, sandbox=blocks.LocalSandbox(path=[python])))
    agents = {"default": save(sample_agent())}
    save(blocks.DeliveryPolicy(policy=Policy(agents=agents, workspaces=home / "runs", settle_seconds=1)))


def agents_at_hand() -> str:
    """Return what to say about coding agents that are installed here with a credential, or an empty text."""
    found = at_hand()
    if not found:
        return ""
    command = f"make run PIPELINE=bugfix REPO=… ARGS=\"--agent {found[0]} --title '…' --description @bug.md\""
    return f"On this machine: {', '.join(found)}. With your own repository: {command}"


def show(claim: str, prepare: Callable[[Path], None]) -> bool:
    """Carry the sample's work item to its end on a server of its own, and return whether the change was merged.

    Args:
        claim: what is going to be seen, in one line.
        prepare: saves the blocks of the installation in a folder.
    """
    home = Path(os.environ.get("DELIVERY_HOME") or ".delivery/demo").resolve()
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    os.environ["DELIVERY_HOME"] = str(home)
    begun = time.monotonic()
    print(f"prefect-delivery: {claim}\n\nstarting a Prefect server on this machine …", flush=True)
    with local_server(home, port=int(os.environ.get("DELIVERY_PORT", "0"))) as server:
        print(f"Prefect UI: {server.ui}\nregistering blocks and deployments …", flush=True)
        seed_repository(home / "forge")
        prepare(home)
        deploy(Path(__file__).resolve().parent.parent / REGISTRY)
        with local_worker(home):
            item = WorkItem(repository=Repository(name="shop"), title=TITLE, description=DESCRIPTION, kind="bug")
            print(f"\n{item.title}\n{'─' * len(item.title)}", flush=True)
            run = start("bugfix/on-demand", item)
            report, merged = follow(run)
        print(f"\n{report}\n")
        print(Git(home / "forge/shop.git").run("log", "--graph", "--oneline", "main"))
        print(f"\ntook {time.monotonic() - begun:.0f} s · run: {server.ui}/runs/flow-run/{run}")
        if agents_at_hand():
            print(agents_at_hand())
        if sys.stdin.isatty() and merged:
            input("The server keeps running so that you can look around. Press Enter to end it. ")
    return merged


def main() -> int:
    """Run the demonstration; return 0 when the change was merged."""
    claim = "a bug in a small shop is fixed, graded, tested and merged. No account, no key."
    return 0 if show(claim, set_up) else 1


if __name__ == "__main__":
    try:
        sys.exit(main())
    except DeliveryError as error:
        sys.exit(f"{error.message}\n{error.detail}".strip())
