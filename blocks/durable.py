"""Files that are replaced whole: temporary file, fsync, rename, fsync of the folder."""

from __future__ import annotations

import os
import secrets
from pathlib import Path


def write(path: str | Path, content: bytes, *, mode: int = 0o600, lasting: bool = True) -> None:
    """Replace the file at `path`: whoever dies at any moment leaves the old content or the new one.

    The folder is created when it is missing.

    Args:
        path: the file.
        content: all of it.
        mode: who may read and write it, less what the umask takes; by default nobody but the owner.
        lasting: the new content is on the disk when this returns. Without that it is safe from the death of every
            process, but a power cut within the next seconds may take it or tear it.

    Raises:
        OSError: nothing was written, or the disk did not confirm it.
    """
    folder, name = os.path.split(path)
    written = os.path.join(folder, f".{name}.{secrets.token_hex(8)}")  # noqa: PTH118 - paths would take longer than the file
    descriptor = _create(written, mode)
    try:
        try:
            _write(descriptor, content)
            if lasting:
                os.fsync(descriptor)
        finally:
            os.close(descriptor)
        os.replace(written, path)  # noqa: PTH105 - see there
    except BaseException:
        Path(written).unlink(missing_ok=True)
        raise
    if lasting:
        _sync_folder(folder)


def _create(file: str, mode: int) -> int:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        return os.open(file, flags, mode)
    except FileNotFoundError:
        make_folder(Path(file).parent)
        return os.open(file, flags, mode)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, so that their names survive a power cut as well."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _write(descriptor: int, content: bytes) -> None:
    """Write all of it: a full disk may take a part."""
    left = memoryview(content)
    while left:
        left = left[os.write(descriptor, left) :]


def _sync_folder(folder: str | Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
