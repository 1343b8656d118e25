"""A coding agent's command line program in its headless mode: prepared, heard line by line, judged by what it did."""

from __future__ import annotations

import json
import tempfile
import uuid
from abc import abstractmethod
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator

from blocks.agent_home import folder_in, plant
from blocks.cli_note import Begun, Note
from blocks.coding_agent import CodingAgent
from blocks.sandbox import Command, CommandResult, Ending, Sandbox, Seat
from blocks.workspace import object_store
from contracts.agent import AgentReply, AgentTurn
from contracts.errors import Misconfigured
from contracts.prompt import go_on
from contracts.redaction import redact, redact_all
from contracts.transcript import Ended, Exit, Heard, Transcript, TurnEnding, added

__all__ = ["Begun", "CliAgent", "Invocation", "as_json"]

_NAMES = uuid.UUID("6f0a1d6e-52c1-4e53-9f0c-0c3a6d3c5b0e")
"""Name space of session ids: the same turn always asks for the same session."""


class Invocation(BaseModel):
    """How the program is called for one turn."""

    model_config = ConfigDict(frozen=True)

    argv: list[str] = Field(description="Program and arguments; nothing secret, and no text from outside.")
    stdin: str = Field(default="", description="Text for standard input.")
    environment: dict[str, str] = Field(default={}, description="Variables beside the block's own.")
    files: dict[str, str] = Field(default={}, description="Files below its home → content, written before it starts.")


@dataclass(frozen=True)
class _Place:
    turn: AgentTurn
    seat: Seat
    home: Path
    on_line: Callable[[str], None]


class CliAgent(CodingAgent):
    """Runs a program with sessions; each kind of program says how it is called and how its output is read."""

    _block_type_name = "Command Line Agent"
    _block_type_slug = "command-line-agent"

    program: str = Field(description="Program, by its name on the sandbox's PATH or by its absolute path.")
    model: str = Field(default="", description="Model, as the program names it; empty: the program's own choice.")
    base_url: str = Field(
        default="", description="Where its model answers, such as a gateway of yours; empty: at its own provider's."
    )
    environment: dict[str, SecretStr] = Field(
        default_factory=dict, description="Variables for the program, such as its model's key; never shown."
    )
    hosts: list[str] = Field(
        default=[], description="Hosts that it must reach beside its model's own; name or name:port."
    )
    retries: int = Field(
        default=2, ge=0, le=9, description="How often the program itself repeats a failed request to its model."
    )

    provider: ClassVar[tuple[str, ...]] = ()
    """Hosts of the program's own provider."""
    remembers: ClassVar[bool] = True
    """Whether the program has sessions, so that it can go on after its process was lost."""

    @field_validator("base_url")
    @classmethod
    def _names_a_host(cls, value: str) -> str:
        parts = urlsplit(value)
        if value and (parts.scheme not in ("http", "https") or not parts.hostname or parts.username):
            raise ValueError("must be an address like https://host/path, without a user; give keys as variables")
        return value.rstrip("/")

    @abstractmethod
    def prepare(self, turn: AgentTurn, prompt: str, home: Path, session: str, resumes: bool) -> Invocation:
        """Return how the program is called.

        Args:
            turn: the turn.
            prompt: what it is told.
            home: its home as it sees it.
            session: id of the session to begin or, with `resumes`, to go on with.
            resumes: whether the session exists.
        """

    @abstractmethod
    def transcript(self, turn: AgentTurn, begun: Begun) -> Transcript:
        """Return what reads the output of one process."""

    def check(self, sandbox: Sandbox) -> None:
        """Raise Misconfigured when the program is not in the sandbox."""
        if not sandbox.has(self.program):
            raise Misconfigured(
                f"the agent's program {self.program!r} is not in the sandbox; install it there, or correct "
                "the block's field 'program'"
            )

    def goes_on(self, seat: Seat) -> bool:
        """Return whether a lost turn runs on, or left a session that can be resumed; see `CodingAgent.goes_on`."""
        return seat.held or (self.remembers and seat.home is not None and Note(seat.home, seat.job).exists())

    def take(self, turn: AgentTurn, seat: Seat, on_line: Callable[[str], None]) -> AgentReply:
        """Take one turn; see `CodingAgent.take`.

        A session that the program does not know any more is begun anew; one that it has already is gone on with.
        """
        with _home(seat) as home:
            place, note = _Place(turn, seat, home, on_line), Note(home, seat.job)
            kept, own = note.read(), str(uuid.uuid5(_NAMES, seat.job or str(uuid.uuid4())))
            begun = Begun(session=own) if kept is None else kept if seat.held else kept.lost()
            resumes = kept is not None and (self.remembers or seat.held)
            ended = self._run(place, begun if resumes else begun.model_copy(update={"session": own}), resumes)
            if self.remembers and ended.ending is (TurnEnding.UNKNOWN_SESSION if resumes else TurnEnding.TAKEN_SESSION):
                seat.sandbox.forget(seat.run, seat.job)
                ended = self._run(place, Begun(session=own, before=ended.usage), not resumes)
            if ended.ending is not TurnEnding.KILLED:
                note.remove()
            return ended.reply()

    def _run(self, place: _Place, begun: Begun, resumes: bool) -> Ended:
        turn, seat = place.turn, place.seat
        held, note = seat.held, Note(place.home, seat.job)
        prompt = go_on(turn) if resumes and self.remembers and not held else turn.prompt
        called = self.prepare(turn, prompt, place.home, begun.session, resumes)
        if not held:
            for name, content in called.files.items():
                plant(place.home, name, content)
        note.write(begun)
        secrets = tuple(value.get_secret_value() for value in self.environment.values())
        reader, kept = self.transcript(turn, begun), [begun]

        def hear(line: str) -> bool:
            heard = reader.hear(line)
            kept[0] = note.hear(kept[0], heard)
            if heard.said:
                place.on_line(redact(_with_progress(heard), secrets))
            return heard.useful

        command = self._command(turn, called, place.home)
        result = seat.execute(command, lambda line: place.on_line(redact(line, secrets)), hear)
        ended = reader.end(_exit(result))
        return _hidden(ended.model_copy(update={"usage": added(begun.before, ended.usage)}), secrets)

    def _command(self, turn: AgentTurn, called: Invocation, home: Path) -> Command:
        directory = Path(turn.workspace.path) if turn.workspace else folder_in(home, "empty")
        objects = object_store(directory)
        return Command(
            argv=called.argv,
            directory=directory,
            writable=[directory] if turn.workspace is None or turn.workspace.writable else [],
            readable=[objects] if objects.exists() else [],
            stdin=called.stdin,
            environment={
                **called.environment,
                **{name: value.get_secret_value() for name, value in self.environment.items()},
            },
            limits=turn.limits,
            home=home,
            hosts=[*([_host(self.base_url)] if self.base_url else self.provider), *self.hosts],
        )


@contextmanager
def _home(seat: Seat) -> Generator[Path]:
    """The home that the run keeps for the agent, or one for this turn only."""
    if seat.home is not None:
        seat.home.mkdir(parents=True, exist_ok=True, mode=0o700)
        yield seat.home.resolve()
        return
    with tempfile.TemporaryDirectory(prefix="agent-", ignore_cleanup_errors=True) as folder:
        home = Path(folder).resolve() / "home"
        home.mkdir()
        yield home


def _host(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname or ""


def _exit(result: CommandResult) -> Exit:
    forced = "" if result.ending is Ending.EXITED else result.ending.value
    return Exit(code=result.code, forced=forced, stderr=result.stderr)


def _hidden(ended: Ended, secrets: tuple[str, ...]) -> Ended:
    shown = {name: redact(getattr(ended, name), secrets) for name in ("message", "detail", "text")}
    return ended.model_copy(update={**shown, "structured": redact_all(ended.structured, secrets)})


def _with_progress(heard: Heard) -> str:
    return f"{heard.said} ({heard.done} of {heard.planned})" if heard.planned else heard.said


def as_json(value: object) -> str:
    """Return a value as one line of JSON, for files and arguments of programs."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
