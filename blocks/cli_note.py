"""What is kept of a turn of a command line program while it is under way, so that a lost one is gone on with."""

from __future__ import annotations

import hashlib
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from contracts.agent import Usage
from contracts.transcript import Heard, added


class Begun(BaseModel):
    """What is kept of a turn from the moment when it begins."""

    model_config = ConfigDict(frozen=True)

    session: str = Field(description="The program's own session id.")
    before: Usage = Field(default_factory=Usage, description="Consumed in this turn before the present process.")
    seen: Usage = Field(default_factory=Usage, description="Consumed by the present process, as far as it was heard.")

    def lost(self) -> Begun:
        """Return it as it stands for the next process, when the present one is gone."""
        return Begun(session=self.session, before=added(self.before, self.seen))


class Note:
    """The file that tells of a turn under way; it lies beside the agent's home, out of the agent's reach.

    Args:
        home: the agent's home.
        job: the turn's name.
    """

    def __init__(self, home: Path, job: str) -> None:
        self._file = home.with_name(f"{home.name}.{hashlib.sha256(job.encode()).hexdigest()[:16]}.begun")

    def exists(self) -> bool:
        """Return whether there is one."""
        return self._file.exists()

    def read(self) -> Begun | None:
        """Return what is kept; none: nothing, or nothing readable."""
        try:
            return Begun.model_validate_json(self._file.read_bytes())
        except (FileNotFoundError, ValidationError):
            return None

    def write(self, begun: Begun) -> None:
        """Keep it; a crash leaves the old or the new content."""
        fresh = self._file.with_suffix(".new")
        fresh.write_text(begun.model_dump_json())
        fresh.chmod(0o600)
        fresh.replace(self._file)

    def hear(self, begun: Begun, heard: Heard) -> Begun:
        """Keep what a line tells of session and consumption; return what is kept now."""
        told = Begun(session=heard.session or begun.session, before=begun.before, seen=heard.usage or begun.seen)
        if told != begun:
            self.write(told)
        return told

    def remove(self) -> None:
        """Remove it: the turn is over."""
        self._file.unlink(missing_ok=True)
