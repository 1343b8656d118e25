"""The journal's storage: a record is written whole or not at all, survives a power cut, and shows damage."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from prefect._internal.result_records import ResultRecord, ResultRecordMetadata
from prefect.filesystems import WritableFileSystem
from prefect.serializers import JSONSerializer
from pydantic import BaseModel, Field

from blocks import durable
from blocks.run_lock import holder, locked
from contracts.errors import DeliveryError, Unavailable
from contracts.failure import FailureKind

OWN_SECONDS = 60.0
"""How long a process waits for an old one of the same run to leave."""
_PREFIX = b"sha256:"


class JournalDamaged(DeliveryError):
    """A record exists and cannot be trusted; the step that wrote it must not run again by itself."""

    kind = FailureKind.JOURNAL


def default_folder() -> Path:
    """Return the folder of journals: $DELIVERY_HOME/journal, or the user's data directory."""
    home = os.environ.get("DELIVERY_HOME") or "~/.local/share/prefect-delivery"
    return Path(home).expanduser() / "journal"


class Journal(WritableFileSystem):
    """Keeps the outcome of every step visit, so that no finished step runs again."""

    _block_type_name = "Delivery Journal"
    _block_type_slug = "delivery-journal"
    _description = "Keeps the outcome of every step visit, so that no finished step runs again."

    folder: Path = Field(
        default_factory=default_folder,
        description="Folder of the records; with several workers, one that all of them share.",
    )

    def _name(self, key: str) -> str:
        """The name of a key's file: <run>/<step>-<visit>.json; a step looks a dozen of them up."""
        parts = key.split("/")
        if not all(parts) or not {".", ".."}.isdisjoint(parts):
            raise ValueError(f"{key!r} leads out of the journal")
        *folders, visit = parts
        name = f"{folders.pop()}-{visit}.json" if folders else visit
        return os.path.join(os.path.expanduser(self.folder), *folders, name)  # noqa: PTH111, PTH118 - ten times as fast

    def _path(self, key: str) -> Path:
        return Path(self._name(key))

    def _lock(self, run: str) -> Path:
        return self._path(f"{run}/lock/1").with_name(".lock")

    @contextmanager
    def own(self, run: str, seconds: float = OWN_SECONDS) -> Generator[None]:
        """Let no other process walk a run for the time of the block; the death of this process ends it as well.

        Args:
            run: id of the run.
            seconds: how long to wait for a process that has it; 0: one try.

        Raises:
            Unavailable: another process still has it, or the folder cannot be written.
        """
        file = self._lock(run)
        try:
            durable.make_folder(file.parent)
        except OSError as error:
            raise Unavailable(f"the journal's folder {str(file.parent)!r} cannot be made: {error.strerror}") from error
        with locked(file, seconds) as taken:
            if not taken:
                raise Unavailable(
                    f"run {run!r} is in the hands of {self.owner(run) or 'another process'}; "
                    "wait until that process leaves, or end it"
                )
            yield

    def owner(self, run: str) -> str:
        """Return which process walks a run now, or an empty text when none does."""
        return holder(self._lock(run))

    def last_written(self, run: str) -> datetime | None:
        """Return when the newest record of a run was written, or none when there is no record."""
        times = [record.stat().st_mtime for record in self._lock(run).parent.glob("*.json")]
        return datetime.fromtimestamp(max(times), UTC) if times else None

    def verify(self, key: str) -> bool:
        """Return whether a record exists.

        Raises:
            JournalDamaged: it exists and its content is not what was written.
        """
        try:
            self.read_path(key)
        except FileNotFoundError:
            return False
        return True

    def holds(self, key: str) -> bool:
        """Return whether a record is there, without looking at its content."""
        return os.path.isfile(self._name(key))  # noqa: PTH113 - see there

    def keys(self, run: str) -> list[str]:
        """Return the keys of a run's records, sorted; none when nothing was ever recorded."""
        names = [path.stem.rpartition("-") for path in self._path(f"{run}/any/1").parent.glob("[!.]*-*.json")]
        return sorted(f"{run}/{step}/{visit}" for step, _, visit in names)

    def recall(self, key: str) -> Any:
        """Return what a record holds, or none when there is no such record.

        Raises:
            JournalDamaged: it exists and its content is not what was written.
        """
        if not self.verify(key):
            return None
        return ResultRecord[Any].deserialize(self.read_path(key)).result

    def keep(self, key: str, value: BaseModel, *, lasting: bool = True) -> None:
        """Write a record that is no task's result; a later one under the same key replaces it.

        Args:
            key: its key.
            value: what it holds.
            lasting: whether it survives a power cut, too; not needed for one that only bridges the moment until a
                task's result says the same.

        Raises:
            DeliveryError: of kind ENVIRONMENT: it could not be written; no Unavailable, because to try the step again
                would pay for what could not be kept.
        """
        metadata = ResultRecordMetadata(storage_key=key, serializer=JSONSerializer())
        try:
            self._write(key, ResultRecord[Any](result=value, metadata=metadata).serialize(), lasting)
        except OSError as error:
            raise DeliveryError(
                f"the journal did not keep {key!r}: {error.strerror}; check the disk of its folder, then retry the run",
                kind=FailureKind.ENVIRONMENT,
            ) from error

    def read_path(self, path: str, *, _sync: bool = True) -> bytes:  # pyright: ignore[reportIncompatibleMethodOverride] - Prefect passes it to every storage
        """Return the content of a record.

        Raises:
            FileNotFoundError: there is no such record.
            JournalDamaged: its content is not what was written.
        """
        try:
            with open(self._name(path), "rb") as file:  # noqa: PTH123 - see there
                raw = file.read()
        except FileNotFoundError:
            raise
        except OSError as error:
            raise JournalDamaged(f"the journal's record {path!r} cannot be read: {error.strerror}") from error
        head, _, content = raw.partition(b"\n")
        if head != _PREFIX + hashlib.sha256(content).hexdigest().encode():
            raise JournalDamaged(
                f"the journal's record {path!r} is damaged ({len(raw)} bytes); restore it from a backup, "
                "or restart the run from the step before it"
            )
        return content

    def write_path(self, path: str, content: bytes, *, _sync: bool = True) -> None:  # pyright: ignore[reportIncompatibleMethodOverride] - Prefect passes it to every storage
        """Write a record durably; a kill or a power cut leaves the one before or this one."""
        self._write(path, content, lasting=True)

    def _write(self, key: str, content: bytes, lasting: bool) -> None:
        head = _PREFIX + hashlib.sha256(content).hexdigest().encode() + b"\n"
        durable.write(self._name(key), head + content, lasting=lasting)
