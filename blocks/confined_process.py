"""A process under the supervisor: pipes in and out, ended with all its descendants, never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from io import FileIO
from pathlib import Path
from typing import Self

from contracts.errors import Unavailable

SUPERVISOR = Path(__file__).with_name("supervise.py")
_ENVIRONMENT = {"PATH": os.defpath, "LC_ALL": "C.UTF-8"}
"""The supervisor's own; the command's comes with the plan, where no loader variable can act on the supervisor."""
KILL_SECONDS = 15.0
"""How long killed processes may take to be gone."""


class ConfinedProcess:
    """A supervisor that waits for a plan; leaving the context ends it with all its descendants.

    Args:
        prefix: arguments in front of the supervisor's own, such as those of bubblewrap.

    Raises:
        OSError: the first program of the command line could not be started.
    """

    def __init__(self, prefix: list[str]) -> None:
        self._open = ExitStack()
        with ExitStack() as failed, ExitStack() as theirs:
            failed.push(self._open)
            self.control, control = self._writer(theirs)
            self.stdin, stdin = self._writer(theirs)
            self.status, status = self._reader(theirs)
            self.stdout, stdout = self._reader(theirs)
            self.stderr, stderr = self._reader(theirs)
            self._process = subprocess.Popen(
                [*prefix, sys.executable, "-I", "-S", str(SUPERVISOR), str(control), str(status)],
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                pass_fds=(control, status),
                env=_ENVIRONMENT,
                cwd="/",
                start_new_session=True,
            )
            failed.pop_all()

    def _writer(self, theirs: ExitStack) -> tuple[FileIO, int]:
        """Open a pipe to the process; return our end and its descriptor."""
        read, write = os.pipe()
        theirs.callback(os.close, read)
        os.set_blocking(write, False)
        return self._open.enter_context(FileIO(write, "w")), read

    def _reader(self, theirs: ExitStack) -> tuple[FileIO, int]:
        """Open a pipe from the process; return our end and its descriptor."""
        read, write = os.pipe()
        theirs.callback(os.close, write)
        os.set_blocking(read, False)
        return self._open.enter_context(FileIO(read, "r")), write

    def end(self) -> None:
        """Have everything killed; does not wait."""
        self.control.close()
        self._process.send_signal(signal.SIGCONT)

    def join(self) -> None:
        """Wait until supervisor and namespace are gone.

        Raises:
            Unavailable: a process could not be ended, such as one that hangs in the kernel.
        """
        try:
            self._process.wait(KILL_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise Unavailable(
                f"The processes below supervisor {self._process.pid!r} could not be ended in {KILL_SECONDS:g} s; "
                "look for processes that hang on this host"
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with self._open:
            self.end()
            self.join()
