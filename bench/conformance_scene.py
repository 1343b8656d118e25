"""One agent at one behaviour: its checkout, its home, its turns against a scripted model, and what is left of them."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.conformance_programs import Programs
from bench.conformance_subjects import KEY, Subject
from bench.model_server import ModelServer, Script
from bench.model_server.roles import texts_of
from blocks import LocalSandbox
from blocks.sandbox import Seat
from blocks.workspace import Workspace
from contracts.agent import AgentReply, AgentTurn, Limits
from contracts.agent import Workspace as Place
from contracts.work import Repository, WorkItem

GUIDES = {"AGENTS.md": "# Guide\nBe brief.\n", "CLAUDE.md": "# Guide\nBe brief.\n", "GEMINI.md": "# Guide\nBe brief.\n"}
_FILES = {**GUIDES, "README.md": "# Shop\n", "shop.py": "PRICE = 1\n"}
_ITEM = WorkItem(repository=Repository(name="shop"), title="Upkeep")
PROMPT = "Look after the shop, please."
LIMITS = Limits(wall_seconds=240, quiet_seconds=120)


@dataclass(frozen=True)
class Taken:
    """What came of one turn.

    Args:
        reply: the agent's.
        script: what the model was asked, and did.
        lines: what people would have read while it went on.
        seconds: how long it took.
    """

    reply: AgentReply
    script: Script
    lines: list[str]
    seconds: float

    @property
    def trouble(self) -> str:
        """How the turn ended, if it came to nothing, with its kind."""
        trouble = self.reply.trouble
        return f"{trouble.kind}: {trouble.message}" if trouble else ""

    @property
    def ending(self) -> str:
        """How the turn ended, if it came to nothing, in the words of `TurnEnding`."""
        trouble = self.reply.trouble
        return trouble.message.partition(":")[0] if trouble else ""

    def told(self, number: int) -> str:
        """Return all that the model was told with a request of the main conversation, from 1; empty: there was none."""
        return "\n".join(self._told(number))

    def news(self, number: int) -> str:
        """Return what the model was told with a request, from 2, that it was not told with the one before."""
        known = set(self._told(number - 1))
        return "\n".join(text for text in self._told(number) if text not in known)

    def _told(self, number: int) -> list[str]:
        asked = self.script.main
        return list(texts_of(asked[number - 1].body)) if len(asked) >= number else []


@dataclass(frozen=True)
class Task:
    """What an agent is given for one turn.

    Args:
        prompt: what it is told.
        schema: of its answer.
        writable: whether it may change the checkout.
        limits: what ends it by force.
        job: name of the turn; the same again takes up a lost one.
        fields: of its block, beside the usual ones.
    """

    prompt: str = PROMPT
    schema: dict[str, Any] | None = None
    writable: bool = True
    limits: Limits = LIMITS
    job: str = "run/coder/1"
    fields: dict[str, Any] | None = None


class Scene:
    """An agent with a checkout and a home of its own.

    Args:
        subject: the agent.
        found: where its program is.
        folder: an empty folder for everything.
    """

    def __init__(self, subject: Subject, found: Programs, folder: Path) -> None:
        self.subject = subject
        self.lines: list[str] = []
        self.heard = threading.Condition()
        self.home = (folder / "home").resolve()
        self._sandbox = LocalSandbox(path=[str(one) for one in found.folders], readable=found.readable)
        self._workspace = Workspace(folder / "workspace")
        self._workspace.create()
        for name, text in _FILES.items():
            (self.tree / name).write_text(text)
        self._workspace.git.run("add", "--all", "--force")
        self._base = self._workspace.commit(self._workspace.git.run("write-tree"), "first")
        self._workspace.create()
        self._workspace.restore(self._base)
        self._workspace.expose("delivery/x", self._base, "main", self._base)

    @property
    def tree(self) -> Path:
        """The checkout."""
        return self._workspace.tree

    def file(self, name: str) -> str:
        """Return the text of a file of the checkout; empty: there is none."""
        path = self.tree / name
        return path.read_text(errors="replace") if path.is_file() else ""

    def changed(self) -> list[str]:
        """Return the names of files at the top of the checkout that were added, changed or removed."""
        now = {one.name: one.read_text(errors="replace") if one.is_file() else "" for one in self.tree.iterdir()}
        now.pop(".git", None)
        return sorted(name for name in now.keys() | _FILES.keys() if now.get(name) != _FILES.get(name))

    def play(
        self, script: Script, task: Task | None = None, meanwhile: Callable[[Script], None] | None = None
    ) -> Taken:
        """Let the agent take a turn.

        Args:
            script: what the model does.
            task: what the agent is given.
            meanwhile: done in a thread of its own while the turn goes on.
        """
        task = task or Task()
        begun = len(self.lines)
        act = meanwhile or _nothing
        with ModelServer(script) as server:
            agent = self.subject.block(server.url, task.fields or {})
            seat = Seat(self._sandbox, "run", task.job, self.home)
            thread = threading.Thread(target=act, args=(script,))
            thread.start()
            started = time.monotonic()
            reply = agent.take(self._turn(task), seat, self._hear)
            seconds = time.monotonic() - started
            thread.join()
        return Taken(reply, script, self.lines[begun:], seconds)

    def _hear(self, line: str) -> None:
        with self.heard:
            self.lines.append(line)
            self.heard.notify_all()

    def processes(self) -> list[int]:
        """Return the processes that have the agent's home as theirs: its program and what that started."""
        mine = f"HOME={self.home}".encode()
        found: list[int] = []
        for one in Path("/proc").iterdir():
            with suppress(OSError):
                if one.name.isdigit() and mine in (one / "environ").read_bytes().split(b"\0"):
                    found.append(int(one.name))
        return found

    def kill(self) -> None:
        """End the agent's program as a lack of memory would."""
        for one in self.processes():
            with suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)

    def _turn(self, task: Task) -> AgentTurn:
        place = Place(
            path=str(self.tree), writable=task.writable, base="main", base_commit=self._base, branch="delivery/x"
        )
        return AgentTurn(
            kind="coder" if task.writable else "review",
            session=task.job,
            item=_ITEM,
            prompt=task.prompt,
            schema=task.schema or {},
            workspace=place,
            limits=task.limits,
        )


def _nothing(script: Script) -> None:
    """Do nothing beside a turn."""


def fails(*checks: tuple[bool, str]) -> str:
    """Return what is said of the first thing that does not hold; empty: all hold.

    Args:
        checks: whether something holds, and what is said if it does not.
    """
    return next((said for held, said in checks if not held), "")


def leaked(texts: list[str]) -> bool:
    """Return whether the model's key stands in one of these."""
    return any(KEY in text for text in texts)
