"""The home that an agent keeps between its turns: the agent writes it too, so nothing that lies there is trusted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from contracts.errors import Misconfigured

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def plant(home: Path, name: str, content: str) -> None:
    """Write a file below a home, for its owner only. No link is followed, and what stands in the way is removed.

    Args:
        home: the home; it exists, and nobody but the flow process can put anything in its place.
        name: path of the file below it.
        content: its new content.

    Raises:
        Misconfigured: the agent left something there that cannot be replaced.
    """
    path = PurePosixPath(name)
    with _folder(home, path.parent) as folder:
        temporary = f".{path.name}.new"
        _clear(folder, temporary)
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600, dir_fd=folder)
        with os.fdopen(file, "w", encoding="utf-8", errors="replace") as stream:
            stream.write(content)
        try:
            os.replace(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except IsADirectoryError:
            _clear(folder, path.name)
            os.replace(temporary, path.name, src_dir_fd=folder, dst_dir_fd=folder)


def folder_in(home: Path, name: str) -> Path:
    """Return the path of a folder below a home that is none of the agent's links; it is made when it is missing.

    Raises:
        Misconfigured: the agent left something there that cannot be replaced.
    """
    with _folder(home, PurePosixPath(name)):
        return home / name


@contextmanager
def _folder(home: Path, path: PurePosixPath) -> Generator[int]:
    opened = [os.open(home, _FOLDER)]
    try:
        for part in path.parts:
            opened.append(_enter(opened[-1], part))
        yield opened[-1]
    except PermissionError as error:
        raise Misconfigured(f"the agent's home {str(home)!r} cannot be prepared ({error}); remove it") from error
    finally:
        for one in opened:
            os.close(one)


def _enter(parent: int, name: str) -> int:
    for _ in range(2):
        with suppress(FileExistsError):
            os.mkdir(name, 0o700, dir_fd=parent)
        try:
            return os.open(name, _FOLDER, dir_fd=parent)
        except PermissionError:
            raise
        except OSError:  # a link, or a file
            os.unlink(name, dir_fd=parent)
    raise PermissionError(f"{name!r} is no folder")


def _clear(folder: int, name: str) -> None:
    try:
        os.unlink(name, dir_fd=folder)
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):
        shutil.rmtree(name, dir_fd=folder)
