"""A workspace of Slack with a connector in this process, and people who answer what runs ask there."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import SecretStr

import blocks
from bench.slack_server import Person, SlackServer
from blocks.ledger import Ledger
from blocks.loading import load
from blocks.slack_channel import SlackChannel
from deployments.bootstrap import save
from deployments.intake.rule_file import DEFAULT
from deployments.slack.connector import connect

_Found = TypeVar("_Found")
ADA, EVE = "U0ADA", "U0EVE"


@dataclass
class Room:
    """A workspace, its app and its people.

    Args:
        server: Slack.
        name: name of the channel's block.
    """

    server: SlackServer
    name: str
    seen: set[str] = field(default_factory=set[str])

    def __post_init__(self) -> None:
        self.server.workspace.add_user(ADA, "Ada Lovelace")
        self.server.workspace.add_user(EVE, "Eve Moneypenny")
        self.reference = save(self.channel(), self.name)

    def channel(self, **fields: Any) -> SlackChannel:
        space = self.server.workspace
        values: dict[str, Any] = {
            "token": SecretStr(space.token),
            "app_token": SecretStr(space.app_token),
            "signing_secret": SecretStr(space.signing_secret),
            "channel": space.channel.id,
            "address": self.server.url,
            "repository": self.name,
            **fields,
        }
        return blocks.SlackChannel(**values)

    @property
    def ada(self) -> Person:
        return Person(self.server, ADA)

    @property
    def eve(self) -> Person:
        return Person(self.server, EVE)

    def question(self) -> dict[str, Any]:
        """Wait for a question that nobody has seen yet, and return its message."""

        def look() -> dict[str, Any] | None:
            for one in self.server.workspace.messages():
                row = [block for block in one.get("blocks", []) if block["type"] == "actions"]
                if row and row[0]["block_id"] not in self.seen:
                    self.seen.add(row[0]["block_id"])
                    return one
            return None

        return soon(look)

    def form(self, person: Person) -> dict[str, Any]:
        """Wait for the form that a press opens, and return it."""
        return soon(lambda: next((v for v in self.server.workspace.views.values() if self._new(v, person)), None))

    def told(self, person: str, words: str) -> dict[str, Any]:
        """Wait until somebody was told something that nobody else sees."""
        return soon(lambda: next((w for w in self.server.workspace.whispers if self._says(w, person, words)), None))

    def _new(self, view: dict[str, Any], person: Person) -> bool:
        fresh = view["for"] == person.id and view["id"] not in self.seen
        if fresh:
            self.seen.add(view["id"])
        return fresh

    def _says(self, whisper: dict[str, Any], person: str, words: str) -> bool:
        return whisper["user"] == person and words in whisper["text"].replace("\u2060", "")

    @contextmanager
    def connected(self, rules: Path = DEFAULT) -> Generator[None]:
        """Let the connector run in a thread for the time of the block."""
        ending, failed = threading.Event(), list[BaseException]()
        ledger = load("ledger/main", Ledger)

        def run() -> None:
            try:
                connect(self.channel(), ledger, rules, ending)
            except BaseException as error:  # noqa: BLE001 - told by the test's own thread
                failed.append(error)

        before = self.server.socket.greeted
        thread = threading.Thread(target=copy_context().run, args=(run,))
        thread.start()
        try:
            self.server.socket.wait_for(before + 1)
            yield
        finally:
            ending.set()
            thread.join(60)
        assert not thread.is_alive()
        assert not failed, failed

    @contextmanager
    def acting(self, *acts: Callable[[], object]) -> Generator[None]:
        """Let people act one after the other while the block runs."""
        failed: list[BaseException] = []

        def run() -> None:
            try:
                for act in acts:
                    act()
            except BaseException as error:  # noqa: BLE001 - told by the test's own thread
                failed.append(error)

        thread = threading.Thread(target=run)
        thread.start()
        try:
            yield
        finally:
            thread.join(120)
        assert not thread.is_alive()
        if failed:
            raise failed[0]


def soon(look: Callable[[], _Found | None], seconds: float = 90.0) -> _Found:
    """Return what a look finds, as soon as it finds something."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = look()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds:.0f} s")
