"""Loaded by the flow process of a chaos run: names what the process does, and ends it at one of these moments.

The product has no seam for it: audit events, statements of the ledger, log lines and calls of Prefect become labels
such as `push branch#2`, counted over all processes of the run. Each is a line of the file `labels`.
"""

from __future__ import annotations

import logging
import os
import re
import signal
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

FOLDER = os.environ.get("CHAOS_FOLDER", "")
POINT = os.environ.get("CHAOS_POINT", "")
HOLD_SECONDS = 90.0
"""Longest time that a process stands still at its point while the driver acts."""
_RUN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_SHA = re.compile(r"\b[0-9a-f]{40}\b")
_CALL = re.compile(r"POST http://[^/]+/api(/flow_runs/<run>/(?:set_state|input)|/artifacts/) .* (\d+) ")
_WRITES = re.compile(r"\s*(INSERT INTO|UPDATE|DELETE FROM) (\w+)")
_VERBS = {"INSERT INTO": "insert", "UPDATE": "update", "DELETE FROM": "delete"}
_ENDED = re.compile(r"Finished in state (\w+)")
_ENTRY = re.compile(r"^[0-9.]+ \d+ (.*)#(\d+)$")


def plain(text: str) -> str:
    """Take out of a text what is different in each run."""
    return _SHA.sub("<sha>", _RUN.sub("<run>", text))


class Moments:
    """The labels of one run, and the one at which something happens."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.inside = threading.local()
        self._lock = threading.RLock()
        self._counts: dict[str, int] = {}
        file = folder / "labels"
        for line in file.read_text().splitlines() if file.exists() else []:
            if found := _ENTRY.match(line):
                self._counts[found[1]] = int(found[2])
        self._log = os.open(file, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def reach(self, label: str) -> None:
        """Count a label and write it down; act when it is the point of the run."""
        self.inside.busy = True
        try:
            with self._lock:
                count = self._counts[label] = self._counts.get(label, 0) + 1
                os.write(self._log, f"{time.time():.3f} {os.getpid()} {label}#{count}\n".encode())
            if f"{label}#{count}" == POINT:
                self._act()
        finally:
            self.inside.busy = False

    def _act(self) -> None:
        """Die, or tell the driver and stand still until it has acted; once a run, whichever process comes by."""
        try:
            (self.folder / "reached").touch(exist_ok=False)
        except FileExistsError:
            return
        if os.environ["CHAOS_ACT"] == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        end = time.monotonic() + HOLD_SECONDS
        while not (self.folder / "go").exists() and time.monotonic() < end:
            time.sleep(0.02)


class Calls:
    """Audit events as labels: records of the journal, files of the forge, pushes, sandboxes."""

    def __init__(self, moments: Moments) -> None:
        self._moments = moments
        self._renamed = threading.local()

    def hear(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Look at one audit event; it must never fail, for it is heard in the middle of the product's work."""
        if event not in ("open", "os.rename", "subprocess.Popen") or getattr(self._moments.inside, "busy", False):
            return
        with suppress(TypeError, ValueError, IndexError):
            label = {"open": self._opened, "os.rename": self._moved, "subprocess.Popen": _started}[event](*arguments)
            if label:
                self._moments.reach(label)

    def _opened(self, raw: Any, _: Any, flags: int) -> str:
        if isinstance(raw, int):
            return ""
        path = os.fsdecode(raw)
        renamed = getattr(self._renamed, "path", "")
        if renamed and path == os.path.dirname(renamed):  # noqa: PTH120 - no pathlib in an audit hook
            self._renamed.path = ""
            return f"{_file(renamed)} in place"
        name = _file(path)
        if not name:
            return ""
        if flags & os.O_CREAT:
            return f"{name} writing"
        return "" if not name.startswith("record ") or os.path.exists(path) else f"{name} missing"  # noqa: PTH110

    def _moved(self, source: Any, target: Any, *_: Any) -> str:
        path = os.fsdecode(target)
        name = _file(path)
        if name and os.path.dirname(os.fsdecode(source)) == os.path.dirname(path):  # noqa: PTH120
            self._renamed.path = path
            return f"{name} renaming"
        return ""


def _file(path: str) -> str:
    """The record of the journal or of the forge that a path, or its temporary one, is about; empty: none."""
    folder, _, name = path.rpartition("/")
    record = re.fullmatch(r"\.?([a-z.-]+)-(\d+)\.json(\.[0-9a-f]+)?", name)
    if record and re.search(r"/journal/[0-9a-f-]{36}$", folder):
        return f"record {record[1]} {record[2]}"
    forge = re.fullmatch(r"\.?[0-9a-f]+\.(json|md)(\.tmp)?", name)
    if forge and folder.endswith((".git/delivery/pulls", ".git/delivery/checks")):
        return f"forge {folder.rpartition('/')[2]} {forge[1]}"
    return ""


def _started(_: Any, arguments: Any, *__: Any) -> str:
    words = [os.fsdecode(one) for one in arguments] if not isinstance(arguments, str) else [arguments]
    if "push" in words:
        return "push base" if words[-1].endswith("refs/heads/main") else "push branch"
    return "sandbox start" if any(word.endswith("supervise.py") for word in words) else ""


class Statements:
    """Writes to the ledger as labels: about to be executed, about to be committed, committed."""

    def __init__(self, moments: Moments) -> None:
        self._reach = moments.reach

    def listen(self) -> None:
        """Hear every engine of this process."""
        from sqlalchemy import Engine, event  # noqa: PLC0415 - the worker's processes have no use for it
        from sqlalchemy.pool import Pool  # noqa: PLC0415 - likewise

        event.listen(Engine, "before_cursor_execute", self._execute)
        event.listen(Engine, "commit", self._commit)
        event.listen(Pool, "checkin", self._checkin)

    def _execute(self, connection: Any, _: Any, statement: str, parameters: Any, *__: Any) -> None:
        found = _WRITES.match(statement)
        if not found or not os.fspath(connection.engine.url.database or "").endswith("ledger.db"):
            return
        label = f"ledger {_VERBS[found[1]]} {found[2]} {_natural(found[2], parameters)}".strip()
        self._reach(label)
        connection.info["chaos"] = label

    def _commit(self, connection: Any) -> None:
        if label := connection.info.get("chaos"):
            self._reach(f"{label} committing")

    def _checkin(self, _: Any, entry: Any) -> None:
        if label := entry.info.pop("chaos", ""):
            self._reach(f"{label} committed")


def _natural(table: str, parameters: Any) -> str:
    """The natural key of an effect among a statement's parameters."""
    values: list[Any] = list(parameters.values() if hasattr(parameters, "values") else parameters)
    keys = [one for one in values if isinstance(one, str) and _RUN.match(one) and "/" in one]
    return plain(keys[-1]).removeprefix("<run>/") if table == "effects" and keys else ""


class Lines(logging.Filter):
    """Log lines and calls of Prefect as labels."""

    def __init__(self, moments: Moments) -> None:
        super().__init__()
        self._moments = moments

    def filter(self, record: logging.LogRecord) -> bool:
        """Look at one line; every line is let through."""
        if not getattr(self._moments.inside, "busy", False) and (label := self._label(record)):
            self._moments.reach(label)
        return True

    def _label(self, record: logging.LogRecord) -> str:
        said = plain(record.getMessage())
        if record.name == "httpx":
            found = _CALL.search(f"{said} ")
            return f"prefect {found[1].rpartition('<run>/')[2].strip('/')} done" if found else ""
        if ended := _ENDED.match(said):
            return f"finished {getattr(record, 'task_run_name', '') or ended[1].lower()}"
        if said.startswith(("waiting for a person at ", "nobody answered so far")):
            return said.partition(":")[0].partition(";")[0]
        return said if said.startswith("turn ") else ""


def arm(folder: Path) -> None:
    """Begin to listen in this process."""
    moments = Moments(folder)
    Statements(moments).listen()
    lines = Lines(moments)
    for name in ("prefect.flow_runs", "prefect.task_runs", "httpx"):
        logging.getLogger(name).addFilter(lines)
    calls = logging.getLogger("httpx")
    calls.setLevel(logging.INFO)
    calls.propagate = False
    calls.addHandler(logging.NullHandler())
    sys.addaudithook(Calls(moments).hear)
    moments.reach("process")


if FOLDER and "prefect.engine" in sys.orig_argv:
    arm(Path(FOLDER))
