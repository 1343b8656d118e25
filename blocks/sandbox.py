"""Where a command of an agent or of a test suite runs: what it may see, and what ends it by force."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

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

    @abstractmethod
    def run(self, command: Command, on_line: Callable[[str], None] | None = None) -> CommandResult:
        """Run a command to its end and leave no process behind.

        Args:
            command: what to run.
            on_line: called with each line of standard error as it comes, for live logs.

        Returns:
            What was observed; a non-zero exit or a forced end is a result, not an error.

        Raises:
            Misconfigured: the program does not exist or cannot be executed.
            Unavailable: the sandbox itself could not start.
        """
