"""Scripts as agents, and the turns that they are given."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from blocks.command_agent import CommandAgent
from blocks.local_sandbox import LocalSandbox
from blocks.sandbox import Seat
from contracts.agent import AgentReply, AgentTurn, Limits, Workspace
from contracts.work import Repository, WorkItem

Program = Callable[[str], list[str]]
ITEM = WorkItem(repository=Repository(name="shop"), title="Upkeep")
HEAD = """import json, os, sys, time
turn = json.load(sys.stdin)
reply = {"protocol": 1, "text": "done"}
"""


def write_program(file: Path, script: str) -> list[str]:
    """Make an executable out of a script, which finds its turn in `turn` and gives what it leaves in `reply`."""
    file.write_text(f"{HEAD}{script}\njson.dump(reply, sys.stdout)\n")
    return [sys.executable, str(file)]


def a_turn(place: Workspace | None = None, **limits: Any) -> AgentTurn:
    return AgentTurn(
        kind="coder", session="run/coder/1", item=ITEM, prompt="Do it.\n", workspace=place, limits=Limits(**limits)
    )


def take(command: list[str], sandbox: LocalSandbox, turn: AgentTurn | None = None) -> AgentReply:
    return CommandAgent(command=command).take(turn or a_turn(), Seat(sandbox), lambda _: None)
