"""Bubblewrap: what a command sees of the host, as arguments for `bwrap`.

The host's file system is read-only; hidden directories are empty; of two nested paths the deeper one decides.
"""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

_TMP = Path("/tmp")  # noqa: S108 - the sandbox's own, not the host's
_ISOLATION = (
    *("--die-with-parent", "--new-session", "--as-pid-1", "--cap-drop", "ALL"),
    *("--unshare-pid", "--unshare-ipc", "--unshare-uts"),
)
_SYSTEM = ("--ro-bind", "/", "/", "--proc", "/proc", "--dev", "/dev")
_PROBE_SECONDS = 20


@dataclass(frozen=True)
class View:
    """What a command sees of the host.

    Args:
        tmp: host directory that is the sandbox's /tmp.
        hidden: host directories that are empty and host files that are unreadable; those that do not exist are
            left out. What `writable` or `readable` names as well is not hidden.
        writable: host paths that the command may change.
        readable: host paths that stay readable although they lie below a hidden directory.
        tools: like `readable`, but a path that is hidden itself stays hidden, and one that does not exist is left out.
        network: whether the host's network can be reached.
    """

    tmp: Path
    hidden: Iterable[Path] = ()
    writable: Iterable[Path] = ()
    readable: Iterable[Path] = ()
    tools: Iterable[Path] = ()
    network: bool = True


@dataclass
class _Mounts:
    """Mount points, each with its arguments; the writer of a point last is the one that counts."""

    arguments: dict[Path, list[str]] = field(default_factory=dict[Path, list[str]])
    hidden: set[Path] = field(default_factory=set[Path])

    def bind(self, source: Path, place: Path, *, writable: bool) -> None:
        self.arguments[place] = ["--bind" if writable else "--ro-bind", str(source), str(place)]
        self.hidden.discard(place)

    def hide(self, path: Path) -> None:
        self.arguments[path] = ["--tmpfs", str(path)] if path.is_dir() else ["--ro-bind", "/dev/null", str(path)]
        self.hidden.add(path)

    def covers(self, path: Path) -> bool:
        """Return whether the innermost mount above a path hides it."""
        return next((place in self.hidden for place in (path, *path.parents) if place in self.arguments), False)

    def render(self) -> list[str]:
        """Return all arguments, outer mount points first; hidden directories are read-only at the end."""
        outer_first = sorted(self.arguments, key=lambda place: (len(place.parts), place))
        mounts = [argument for place in outer_first for argument in self.arguments[place]]
        empty = [place for place in outer_first if place in self.hidden and place.is_dir() and place != _TMP.resolve()]
        return mounts + [argument for place in empty for argument in ("--remount-ro", str(place))]


def bubblewrap(view: View) -> list[str]:
    """Return the start of a command line that gives what follows it only this view, in an own process namespace.

    The process that follows is the first of its namespace: when it ends, the kernel kills all others in it. The
    environment is the caller's to choose and is passed on; it does not stand in the arguments, which every user of
    the host can read.
    """
    mounts = _Mounts()
    for path in {path.resolve() for path in view.hidden if _exists(path)} - {Path("/")}:
        mounts.hide(path)
    tmp = _TMP.resolve()
    mounts.bind(view.tmp, tmp, writable=True)
    mounts.hidden.add(tmp)
    for path in view.writable:
        mounts.bind(path.resolve(), path.resolve(), writable=True)
    covered = frozenset(mounts.hidden)
    tools = [path for path in view.tools if _exists(path) and path.resolve() not in covered]
    exposed = {place: path for path in (*view.readable, *tools) for place in _places(path)}
    for place in sorted(exposed, key=lambda place: len(place.parts)):
        if mounts.covers(place):
            mounts.bind(exposed[place].resolve(), place, writable=False)
    network = () if view.network else ("--unshare-net",)
    return ["bwrap", *_ISOLATION, *network, *_SYSTEM, *mounts.render(), "--chdir", "/", "--"]


def _places(path: Path) -> set[Path]:
    """Return where a path is looked up: at its own name and at what that name, if a symbolic link, stands for."""
    return {path.parent.resolve() / path.name, path.resolve()}


def _exists(path: Path) -> bool:
    """Return whether a path exists as far as this user may see."""
    try:
        return path.exists()
    except OSError:
        return False


@cache
def obstacle(network: bool) -> str:
    """Return why bubblewrap does not work on this host, an empty text when it does; tried once per process.

    Args:
        network: False to try a namespace without network as well.
    """
    if shutil.which("bwrap") is None:
        return "bwrap is not on PATH"
    start = ["bwrap", *_ISOLATION, *(() if network else ("--unshare-net",)), *_SYSTEM, "--tmpfs", str(_TMP)]
    try:
        probe = subprocess.run([*start, "--", "true"], capture_output=True, timeout=_PROBE_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return "" if probe.returncode == 0 else probe.stderr.decode(errors="replace").strip() or f"code {probe.returncode}"
