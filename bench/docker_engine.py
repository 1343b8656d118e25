"""A Docker engine for tests and measurements: the one that is there, or one of our own, and the images in it.

Usage: `python -m bench.docker_engine TARGET…` builds images; see `deployments/images/build.sh`.
"""

from __future__ import annotations

import fcntl
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

from blocks.docker_engine import Engine
from contracts.errors import Unavailable

FOLDER = Path(os.environ.get("DELIVERY_DOCKER", "/var/tmp/delivery-docker"))
"""Where an engine of our own keeps its images, so that they are built once on a machine."""
_BUILD = Path(__file__).parents[1] / "deployments" / "images" / "build.sh"
_START_SECONDS = 60.0


class Dockerd:
    """An engine of our own; it needs root.

    Args:
        folder: everything that it writes.
        options: further options of dockerd.
        apart: give it a network of its own, because two engines would quarrel over the bridge.
    """

    def __init__(self, folder: Path, *options: str, apart: bool = False) -> None:
        self.folder = folder
        self.address = f"unix://{folder}/docker.sock"
        self._options = options
        self._before = ["unshare", "--net"] if apart else []
        self._daemon: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and return when it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "docker.pid").unlink(missing_ok=True)
        command = [
            *self._before,
            "dockerd",
            f"--host={self.address}",
            f"--data-root={self.folder}/root",
            f"--exec-root={self.folder}/exec",
            f"--pidfile={self.folder}/docker.pid",
            *self._options,
        ]
        with (self.folder / "dockerd.log").open("ab") as log:
            self._daemon = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
        deadline = time.monotonic() + _START_SECONDS
        while not self._listens():
            if self._daemon.poll() is not None or time.monotonic() > deadline:
                said = (self.folder / "dockerd.log").read_text()[-4_000:]
                raise RuntimeError(f"dockerd did not start; it needs root and cgroups\n{said}")
            time.sleep(0.1)
        Engine(self.address).wait(_START_SECONDS)

    def _listens(self) -> bool:
        """Whether the engine is up: it closes early connections while it begins."""
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(5)
            try:
                probe.connect(self.address.removeprefix("unix://"))
                probe.sendall(b"GET /_ping HTTP/1.0\r\n\r\n")
                return bool(probe.recv(1))
            except OSError:
                return False

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the daemon and return when it is gone."""
        with suppress(FileNotFoundError, ProcessLookupError):
            pid = int((self.folder / "docker.pid").read_text())
            gone = os.pidfd_open(pid)
            os.kill(pid, number)
            select.select([gone], [], [], _START_SECONDS)
            os.close(gone)
            if self._daemon is not None:
                self._daemon.wait()

    def remove(self) -> None:
        """End it and delete everything that it wrote."""
        self.stop()
        # With live-restore it leaves its folder mounted upon itself, for containers that go on.
        subprocess.run(["umount", "--lazy", self.folder / "root"], check=False, capture_output=True)
        shutil.rmtree(self.folder, ignore_errors=True)


@contextmanager
def docker_engine() -> Generator[str]:
    """Give the address of an engine that answers; processes share the one of our own, and the last one ends it."""
    for address in filter(None, (os.environ.get("DOCKER_HOST"), "unix:///var/run/docker.sock")):
        if _answers(address):
            yield address
            return
    FOLDER.mkdir(parents=True, exist_ok=True)
    own = Dockerd(FOLDER)
    with (FOLDER / "users").open("w") as users:
        with _starting():
            fcntl.flock(users, fcntl.LOCK_SH)
            if not _answers(own.address):
                own.start()
        try:
            yield own.address
        finally:
            with _starting(), suppress(BlockingIOError):
                fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
                own.stop()


def _answers(address: str) -> bool:
    with suppress(Unavailable):
        Engine(address).version()
        return True
    return False


@contextmanager
def _starting() -> Generator[None]:
    with (FOLDER / "starting").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def build_images(address: str, *targets: str) -> None:
    """Build images that are not there or whose files have changed; see `deployments/images/build.sh`."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with (FOLDER / "building").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = subprocess.run(
            [_BUILD, *targets], env={**os.environ, "DOCKER_HOST": address}, capture_output=True, text=True, check=False
        )
    if done.returncode:
        raise RuntimeError(f"the images {targets!r} could not be built\n{(done.stdout + done.stderr)[-4_000:]}")


if __name__ == "__main__":
    # Before a test run, because the first build takes longer than a test may.
    with docker_engine() as here:
        build_images(here, *sys.argv[1:])
