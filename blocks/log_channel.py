"""Messages to people in a file, one JSON object a line, and in the log of the flow run that sends them."""

from __future__ import annotations

import os
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from prefect import get_run_logger
from prefect.exceptions import MissingContextError
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_core import to_json

from blocks.channel import Channel
from blocks.local_files import locked
from contracts.errors import Unavailable
from contracts.message import Message


def default_file() -> Path:
    """Return the file of messages: $DELIVERY_HOME/messages.log, or the same in the user's data directory."""
    home = os.environ.get("DELIVERY_HOME") or "~/.local/share/prefect-delivery"
    return Path(home).expanduser() / "messages.log"


class Line(BaseModel):
    """One line of the file."""

    model_config = ConfigDict(frozen=True)

    at: datetime = Field(description="When it was written, UTC.")
    what: Literal["post", "edit"] = Field(description="A new message, or what an earlier one says from now on.")
    reference: str = Field(description="The message that the line is about.")
    message: Message = Field(description="What it says.")


class LogChannel(Channel):
    """Writes messages to a file and to the flow run's log; needs no service. A reference is the message's key."""

    _block_type_name = "Log Channel"
    _block_type_slug = "log-channel"
    _description = "Writes messages to a file and to the flow run's log; needs no service."

    file: Path = Field(
        default_factory=default_file,
        description="File of the messages, one JSON object a line; with several workers, one that all of them share.",
    )

    def post(self, message: Message) -> str:
        """Append a message unless its key is there, and return its reference.

        Raises:
            Unavailable: the file cannot be read or written.
        """
        with self._held() as path:
            known, torn = _read(path, message.key)
            if known:
                _sync(path)
                return known[0].reference
            _append(path, Line(at=datetime.now(UTC), what="post", reference=message.key, message=message), torn)
        _tell(message)
        return message.key

    def edit(self, reference: str, message: Message) -> None:
        """Append what a message says from now on, unless it says so already.

        A reference that is no longer in the file, because older lines were put aside, is edited all the same.

        Raises:
            Unavailable: the file cannot be read or written.
        """
        with self._held() as path:
            known, torn = _read(path, reference)
            if known and known[-1].message == message:
                return _sync(path)
            _append(path, Line(at=datetime.now(UTC), what="edit", reference=reference, message=message), torn)
        return _tell(message)

    def find(self, key: str) -> str | None:
        """Return the reference of the message that was posted under a key, or none; the file is not created.

        Raises:
            Unavailable: the file cannot be read.
        """
        if not self.file.expanduser().exists():
            return None
        with self._held() as path:
            known, _ = _read(path, key)
        return known[0].reference if known else None

    @contextmanager
    def _held(self) -> Generator[Path]:
        """Hold the file alone; the kernel frees it when the process dies."""
        path = self.file.expanduser()
        try:
            with locked(path):
                if not path.stat().st_size:
                    _sync(path.parent)
                yield path
        except OSError as error:
            raise Unavailable(
                f"the message file {str(path)!r} cannot be used: {error.strerror}; see to its disk and its rights, "
                "or name another file in the block"
            ) from error


def _read(path: Path, name: str) -> tuple[list[Line], bytes]:
    """The lines about a key or reference, oldest first, and the last line if a crash kept it from being ended."""
    found: list[Line] = []
    raw, needle = b"", to_json(name)
    with path.open("rb") as file:
        for raw in file:
            line = _parsed(raw) if needle in raw else None
            if line and name in (line.reference, line.message.key):
                found.append(line)
    return found, b"" if raw.endswith(b"\n") else raw


def _parsed(raw: bytes) -> Line | None:
    try:
        return Line.model_validate_json(raw)
    except ValidationError:
        return None


def _append(path: Path, line: Line, torn: bytes) -> None:
    """Write a line so that it is there whole or not at all, after ending or removing a torn one."""
    left = memoryview((b"\n" if torn and _parsed(torn) else b"") + line.model_dump_json().encode() + b"\n")
    with path.open("ab", buffering=0) as file:
        if torn and left[0] != ord("\n"):
            file.truncate(file.tell() - len(torn))
        size = os.fstat(file.fileno()).st_size
        try:
            while left:
                left = left[file.write(left) :]
            os.fsync(file.fileno())
        except OSError:
            file.truncate(size)
            raise


def _sync(path: Path) -> None:
    """Wait until the disk has it: whoever wrote it may have died before that."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _tell(message: Message) -> None:
    try:
        get_run_logger().info("%s", message.text)
    except MissingContextError:
        return
