"""A machine with an installation, as an operator has it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deployments.server import ADDRESS, free_port

TERMINAL = Path(__file__).with_name("terminal.py")
PATIENCE = 240.0


@dataclass
class Machine:
    """A machine with an installation: its environment, its service and its operator's terminal."""

    root: Path
    port: int = field(default_factory=free_port)

    @property
    def home(self) -> Path:
        return self.root / "delivery"

    @property
    def api(self) -> str:
        return f"http://{ADDRESS}:{self.port}/api"

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        path = f"{Path(sys.executable).parent}{os.pathsep}{kept['PATH']}"
        return {**kept, "PATH": path, "DELIVERY_HOME": str(self.home), "DELIVERY_PORT": str(self.port), "NO_COLOR": "1"}

    @contextmanager
    def up(self, command: str) -> Generator[Callable[[], None]]:
        """What `delivery up` runs, ended by Ctrl-C; yields what waits until it is ready."""
        log = self.root / "up.log"
        with log.open("ab") as output:
            begun = log.stat().st_size
            service = subprocess.Popen(
                shlex.split(command), env=self.environment, cwd=self.root, stdout=output, stderr=subprocess.STDOUT
            )

            def ready() -> None:
                until(lambda: "ready;" in log.read_text()[begun:] or service.poll() is not None, "`delivery up`")
                assert service.poll() is None, log.read_text()[-3000:]

            try:
                yield ready
                service.send_signal(signal.SIGINT)
                assert service.wait(60) == 0, log.read_text()[-3000:]
                assert self.processes() == [], "something outlives the service"
            finally:
                for process in self.processes():  # only a test that fails leaves any
                    with suppress(ProcessLookupError):
                        os.kill(process, signal.SIGKILL)
                service.wait()

    def processes(self) -> list[int]:
        """Everything that runs for this installation."""
        mark, found = f"DELIVERY_HOME={self.home}\0".encode(), list[int]()
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                found += [int(folder.name)] if mark in (folder / "environ").read_bytes() else []
        return found

    @contextmanager
    def terminal(self) -> Generator[Callable[[str], str]]:
        """Yields what runs a command line and returns what it printed; a command that fails fails the test."""
        process = subprocess.Popen(
            [sys.executable, str(TERMINAL)],
            env=self.environment,
            cwd=self.root,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        with process:
            assert process.stdin
            assert process.stdout
            sent, heard = process.stdin, process.stdout
            assert json.loads(heard.readline()) == "ready"

            def say(line: str) -> str:
                program, *arguments = shlex.split(line)
                assert program == "delivery"
                print(json.dumps(arguments), file=sent, flush=True)
                code, output = json.loads(heard.readline())
                assert code == 0, f"{line}: {output}"
                return output

            yield say
            sent.close()


def until(done: Callable[[], Any], what: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        assert time.monotonic() < deadline, f"{what} did not come"
        time.sleep(0.1)
