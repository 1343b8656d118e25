"""A process of an installation that can be started, stopped and killed at any moment."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from contracts.errors import Unavailable

_START_SECONDS = 180.0


@dataclass
class Service:
    """One process of the installation, in a session of its own.

    Args:
        name: its name in compose.yaml, and of its log.
        command: what it runs.
        environment: all of its variables, references not yet resolved.
        folder: where it runs; its log lies beside.
    """

    name: str
    command: list[str]
    environment: dict[str, str]
    folder: Path
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def pid(self) -> int:
        """Its process."""
        assert self.process is not None, f"{self.name} was not started"
        return self.process.pid

    @property
    def log(self) -> Path:
        """What it said."""
        return self.folder.parent / f"{self.name}.log"

    def start(self) -> Service:
        """Start it."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "deployments.entry", *self.command],
                env=self.environment,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        return self

    def kill(self) -> None:
        """Kill it with everything that it started, as a lost host would."""
        self._signal(signal.SIGKILL)

    def stop(self) -> None:
        """End it, and kill what does not end within 20 seconds."""
        if self.process is None or self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self._signal(signal.SIGKILL)

    def run(self) -> None:
        """Start it and wait for its end.

        Raises:
            Unavailable: it ended with an error.
        """
        self.start()
        assert self.process is not None
        if self.process.wait(_START_SECONDS):
            raise Unavailable(f"{self.name} ended with code {self.process.returncode}", detail=self.log.read_text())

    def _signal(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            os.killpg(self.process.pid, number)
            self.process.wait()
