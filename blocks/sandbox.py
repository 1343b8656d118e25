"""Where a command of an agent or of a test suite runs: what it may see, and what ends it by force."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import ClassVar

from prefect.blocks.core import Block
from pydantic import BaseModel, ConfigDict, Field

from contracts.agent import Limits


class Ending(StrEnum):
    """How a command ended."""

    EXITED = "exited"
    WALL_CLOCK = "wall_clock"
    QUIET = "quiet"
    OUTPUT_LIMIT = "output_limit"
    KILLED = "killed"


class Command(BaseModel):
    """One command for a sandbox."""

    model_config = ConfigDict(frozen=True)

    argv: list[str] = Field(min_length=1, description="Program and arguments; never a shell line.")
    directory: Path = Field(description="Working directory on the host; it is always visible in the sandbox.")
    writable: list[Path] = Field(default_factory=list[Path], description="Host paths that the command may change.")
    readable: list[Path] = Field(default_factory=list[Path], description="Further host paths that it may read.")
    stdin: str = Field(default="", description="Text for standard input.")
    environment: dict[str, str] = Field(default_factory=dict, description="Variables added to the allow-list's.")
    limits: Limits = Field(default_factory=Limits, description="What ends it by force.")
    home: Path | None = Field(
        default=None, description="Host directory that is its HOME and stays; none: an empty one that vanishes."
    )
    hosts: list[str] = Field(
        default_factory=list[str],
        description="Hosts that it must reach, as name or name:port; a filter of the network lets these through.",
    )
    run: str = Field(default="", description="Flow run that it belongs to; empty: none, and nothing outlives it.")
    job: str = Field(
        default="",
        description="Its name within the run; a sandbox that outlives the flow process goes on with its namesake.",
    )


class CommandResult(BaseModel):
    """What was observed of a command."""

    model_config = ConfigDict(frozen=True)

    ending: Ending = Field(description="How it ended.")
    code: int = Field(description="Exit code; negative signal number when a signal ended it.")
    stdout: str = Field(description="Standard output, decoded as UTF-8 with replacement, cut at the limit.")
    stderr: str = Field(description="Standard error, likewise.")
    seconds: float = Field(description="Wall clock.")

    @property
    def succeeded(self) -> bool:
        """Whether it ended by itself with exit code 0."""
        return self.ending is Ending.EXITED and self.code == 0


class Sandbox(Block):
    """Runs commands of agents and test suites apart from the flow process."""

    _block_type_name = "Sandbox"
    _block_type_slug = "sandbox"

    evicts: ClassVar[bool] = False
    """Whether a command that ends as killed has lost its place, so that it may be run again in another one."""

    @abstractmethod
    def run(
        self,
        command: Command,
        on_line: Callable[[str], None] | None = None,
        on_output: Callable[[str], bool] | None = None,
    ) -> CommandResult:
        """Run a command to its end and leave no process behind.

        Args:
            command: what to run. When the sandbox still has its job, that one is gone on with instead.
            on_line: called with each line of standard error as it comes, for live logs.
            on_output: called with each line of standard output from the beginning of the job; returns whether the
                line shows progress, and then nothing else counts as progress for the limit of silence.

        Returns:
            What was observed; a non-zero exit or a forced end is a result, not an error.

        Raises:
            Misconfigured: the program does not exist or cannot be executed.
            Unavailable: the sandbox itself could not start.
        """

    def holds(self, run: str, job: str) -> bool:
        """Return whether a job that a lost process began still runs, or has ended and waits to be collected."""
        return False

    def forget(self, run: str, job: str) -> None:
        """Drop what is kept of a job whose result is recorded; nothing to do if there is none."""

    def release(self, run: str) -> None:
        """End everything that is kept for a run; nothing to do if there is nothing."""

    def runs(self) -> list[str]:
        """Return the runs that something is kept for."""
        return []

    def has(self, program: str) -> bool:
        """Return whether a program can be started, by its name on the PATH or by its absolute path."""
        return True

    def check(self) -> None:
        """Raise Misconfigured when the sandbox cannot work as it is set up; by default everything is well."""


@dataclass(frozen=True)
class Seat:
    """A sandbox as one turn has it.

    Args:
        sandbox: where its commands run.
        run: id of the flow run; empty: none, and nothing outlives the turn.
        job: name of the turn within the run; the same when a lost turn is taken up again, another for each new one.
        home: host directory that the agent of the run keeps between turns, made when it is needed; none: none is kept.
    """

    sandbox: Sandbox
    run: str = ""
    job: str = ""
    home: Path | None = None

    def execute(
        self,
        command: Command,
        on_line: Callable[[str], None] | None = None,
        on_output: Callable[[str], bool] | None = None,
    ) -> CommandResult:
        """Run the turn's command under its names; see `Sandbox.run`."""
        named = command.model_copy(update={"run": self.run, "job": self.job})
        return self.sandbox.run(named, on_line, on_output)

    @property
    def held(self) -> bool:
        """Whether the sandbox still has the turn that a lost process began."""
        return bool(self.job) and self.sandbox.holds(self.run, self.job)
