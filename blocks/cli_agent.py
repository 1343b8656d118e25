"""A coding agent's command line program in its headless mode: prepared, heard line by line, judged by what it did."""

from __future__ import annotations

import hashlib
import json
import tempfile
import uuid
from abc import abstractmethod
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError

from blocks.coding_agent import CodingAgent
from blocks.sandbox import Command, CommandResult, Ending, Sandbox, Seat
from blocks.workspace import object_store
from contracts.agent import AgentReply, AgentTurn, Usage
from contracts.errors import Misconfigured
from contracts.prompt import go_on
from contracts.redaction import redact
from contracts.transcript import Ended, Exit, Heard, Transcript, TurnEnding

_NAMES = uuid.UUID("6f0a1d6e-52c1-4e53-9f0c-0c3a6d3c5b0e")
"""Name space of session ids: the same turn always asks for the same session."""


class Begun(BaseModel):
    """What is kept of a turn from the moment when it begins, so that a lost one is gone on with."""

    model_config = ConfigDict(frozen=True)

    session: str = Field(description="The program's own session id.")
    before: Usage = Field(default_factory=Usage, description="Consumed in this session before the present process.")


class Invocation(BaseModel):
    """How the program is called for one turn."""

    model_config = ConfigDict(frozen=True)

    argv: list[str] = Field(description="Program and arguments; nothing secret, and no text from outside.")
    stdin: str = Field(default="", description="Text for standard input.")
    environment: dict[str, str] = Field(default={}, description="Variables beside the block's own.")
    files: dict[str, str] = Field(default={}, description="Files below its home → content, written before it starts.")


class CliAgent(CodingAgent):
    """Runs a program with sessions; each kind of program says how it is called and how its output is read."""

    program: str = Field(description="Program, by its name on the sandbox's PATH or by its absolute path.")
    model: str = Field(default="", description="Model, as the program names it; empty: the program's own choice.")
    environment: dict[str, SecretStr] = Field(
        default_factory=dict, description="Variables for the program, such as its model's key; never shown."
    )
    hosts: list[str] = Field(
        default=[], description="Hosts that it must reach beside its provider's own; name or name:port."
    )

    provider: ClassVar[tuple[str, ...]] = ()
    """Hosts of the program's own provider."""

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
        return seat.held or (seat.home is not None and _note(seat.home, seat.job).exists())

    def take(self, turn: AgentTurn, seat: Seat, on_line: Callable[[str], None]) -> AgentReply:
        """Take one turn; see `CodingAgent.take`. A session that the program does not know any more is begun anew."""
        with _home(seat) as home:
            note = _note(home, seat.job)
            begun = _read(note)
            if begun is not None:
                ended = self._run(turn, seat, home, begun, on_line, resumes=True)
                if ended.ending is not TurnEnding.UNKNOWN_SESSION:
                    return self._settled(note, ended)
            session = str(uuid.uuid5(_NAMES, seat.job or str(uuid.uuid4())))
            begun = Begun(session=session)
            return self._settled(note, self._run(turn, seat, home, begun, on_line, resumes=False))

    def _settled(self, note: Path, ended: Ended) -> AgentReply:
        if ended.ending is not TurnEnding.KILLED:
            note.unlink(missing_ok=True)
        return ended.reply()

    def _run(
        self, turn: AgentTurn, seat: Seat, home: Path, begun: Begun, on_line: Callable[[str], None], *, resumes: bool
    ) -> Ended:
        prompt = go_on(turn) if resumes and not seat.held else turn.prompt
        called = self.prepare(turn, prompt, home, begun.session, resumes)
        for name, content in called.files.items():
            _write(home / name, content)
        _write(_note(home, seat.job), begun.model_dump_json())
        secrets = tuple(value.get_secret_value() for value in self.environment.values())
        reader = self.transcript(turn, begun)

        def hear(line: str) -> bool:
            heard = reader.hear(line)
            if heard.session and heard.session != begun.session:
                _write(_note(home, seat.job), begun.model_copy(update={"session": heard.session}).model_dump_json())
            if heard.said:
                on_line(redact(_with_progress(heard), secrets))
            return heard.useful

        result = seat.execute(self._command(turn, called, home), lambda line: on_line(redact(line, secrets)), hear)
        ended = reader.end(_exit(result))
        hidden = {name: redact(getattr(ended, name), secrets) for name in ("message", "detail", "text")}
        return ended.model_copy(update=hidden)

    def _command(self, turn: AgentTurn, called: Invocation, home: Path) -> Command:
        directory = Path(turn.workspace.path) if turn.workspace else home / "empty"
        directory.mkdir(parents=True, exist_ok=True)
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
            hosts=[*self.provider, *self.hosts],
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


def _note(home: Path, job: str) -> Path:
    """The file that tells of a turn under way; it lies beside the home, out of the agent's reach."""
    return home.with_name(f"{home.name}.{hashlib.sha256(job.encode()).hexdigest()[:16]}.begun")


def _read(note: Path) -> Begun | None:
    try:
        return Begun.model_validate_json(note.read_bytes())
    except (FileNotFoundError, ValidationError):
        return None


def _write(file: Path, content: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(content)
    file.chmod(0o600)


def _exit(result: CommandResult) -> Exit:
    forced = "" if result.ending is Ending.EXITED else result.ending.value
    return Exit(code=result.code, forced=forced, stderr=result.stderr)


def _with_progress(heard: Heard) -> str:
    return f"{heard.said} ({heard.done} of {heard.planned})" if heard.planned else heard.said


def as_json(value: object) -> str:
    """Return a value as one line of JSON, for files and arguments of programs."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
