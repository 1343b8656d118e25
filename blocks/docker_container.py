"""The containers of a run: made for what a command may see, found again by their labels, removed."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from blocks.docker_engine import Engine, Seen
from blocks.docker_link import Link
from blocks.docker_shape import (
    HOME,
    KEEPER_USER,
    PROXY_PORT,
    Shape,
    bind,
    confined,
    furnish,
    host_settings,
    is_loopback,
)
from contracts.errors import Unavailable

INSTALLATION, RUN, ROLE, FOLDER, PATHS = (
    f"prefect-delivery.{name}" for name in ("installation", "run", "role", "folder", "paths")
)
_START_SECONDS = 60.0
_PYTHON = ["python3", "-E", "-s", "-S", "-B"]


@dataclass(frozen=True)
class Container:
    """A container with its keeper.

    Args:
        engine: where it is.
        name: its name.
        folder: the folder that it shares with the host.
    """

    engine: Engine
    name: str
    folder: Path

    def link(self) -> Link:
        """Return a new connection to the keeper.

        Raises:
            LinkLost: it is gone.
        """
        return Link(self.folder / "host")

    def launch(self, token: str, user: tuple[int, int]) -> None:
        """Start the launcher that shows a token."""
        scratch = [HOME, "/tmp", "/dev/shm"]  # noqa: S108 - the container's own
        argv = [*_PYTHON, "/opt/delivery/launcher.py", "/run/jobs/s", *scratch]
        self.engine.execute(self.name, argv, f"{user[0]}:{user[1]}", {"DELIVERY_TOKEN": token})

    def remove(self) -> None:
        """End it with everything in it, and its proxy."""
        self.engine.remove(self.name)
        self.engine.remove(f"{self.name}-egress")
        shutil.rmtree(self.folder, ignore_errors=True)


@dataclass(frozen=True)
class Containers:
    """The containers of one installation.

    Args:
        engine: where they are.
        installation: its name.
    """

    engine: Engine
    installation: str

    def of(self, run: str) -> list[Container]:
        """Return the containers of a run that still run; what is left of others is removed."""
        living: list[Container] = []
        for seen in self.engine.containers({INSTALLATION: self.installation, RUN: run, ROLE: "jobs"}):
            container = self._container(seen)
            if seen.running:
                living.append(container)
            else:
                container.remove()
        return living

    def tidy(self, run: str) -> None:
        """Remove the run's containers that no further command can use: a path that they show is gone."""
        for seen in self.engine.containers({INSTALLATION: self.installation, RUN: run, ROLE: "jobs"}):
            if not all(Path(path).exists() for path in seen.labels[PATHS].split("\n")):
                self._container(seen).remove()

    def release(self, run: str) -> None:
        """Remove everything of a run."""
        for seen in self.engine.containers({INSTALLATION: self.installation, RUN: run}):
            self._container(seen).remove()

    def runs(self) -> list[str]:
        """Return the runs that have a container."""
        found = self.engine.containers({INSTALLATION: self.installation, RUN: ""})
        return sorted({run for seen in found if (run := seen.labels[RUN])})

    def open(self, run: str, shape: Shape, *, once: bool = False) -> Container:
        """Return the run's container of a shape, made now unless it runs.

        Args:
            run: id of the flow run; empty: none.
            shape: what it must be like.
            once: nobody else may use it, and it ends with its first connection.
        """
        seed = f"{self.installation}\0{run}\0{os.urandom(8).hex() if once else ''}"
        name = f"delivery-{hashlib.sha256(seed.encode()).hexdigest()[:12]}-{shape.digest}"
        for container in self.of(run) if run and not once else []:
            if container.name == name:
                return container
        container = Container(self.engine, name, _folder(name))
        try:
            self._make(container, run, shape, once=once)
        except BaseException:
            container.remove()
            raise
        return container

    def _container(self, seen: Seen) -> Container:
        return Container(self.engine, seen.name.removesuffix("-egress"), Path(seen.labels[FOLDER]))

    def _make(self, container: Container, run: str, shape: Shape, *, once: bool) -> None:
        labels = {INSTALLATION: self.installation, RUN: run, FOLDER: str(container.folder)}
        furnish(container.folder, shape)
        if shape.egress:
            network = "host" if any(is_loopback(host) for host in shape.hosts) else "bridge"
            self.engine.start(
                shape.egress,
                f"{container.name}-egress",
                confined(network, 256 << 20, 64, [bind(container.folder / "egress", "/run/egress", writable=True)])
                | {"restart_policy": {"Name": "on-failure"}},
                command=list(shape.hosts),
                user=f"{KEEPER_USER}:{KEEPER_USER}",
                labels=labels | {ROLE: "egress"},
            )
        keeper = [*_PYTHON, "/opt/delivery/keeper.py", "/run/keeper", "/run/jobs/s", str(PROXY_PORT)]
        self.engine.start(
            shape.image,
            container.name,
            host_settings(container.folder, shape),
            entrypoint=[*keeper, "once" if once else "kept"],
            command=[],
            user=f"{KEEPER_USER}:{KEEPER_USER}",
            working_dir="/",
            hostname="sandbox",
            labels=labels | {ROLE: "jobs", PATHS: "\n".join(str(mount.path) for mount in shape.mounts)},
        )
        self._await(container, shape)

    def _await(self, container: Container, shape: Shape) -> None:
        """Return when keeper and proxy listen."""
        deadline, looked = time.monotonic() + _START_SECONDS, time.monotonic()
        sockets = [container.folder / "host" / "s", *([container.folder / "egress" / "s"] if shape.egress else [])]
        while not all(path.exists() for path in sockets):
            time.sleep(0.01)
            if time.monotonic() < looked + 1:
                continue
            looked = time.monotonic()
            gone = not self.engine.standing(container.name).running
            if gone or looked > deadline:
                said = self.engine.log(container.name) + self.engine.log(f"{container.name}-egress")
                raise Unavailable(
                    f"the container {container.name!r} did not get ready; its image needs python3, 3.11 or later",
                    detail=said[-4_000:],
                )


def _folder(name: str) -> Path:
    """The folder that a container shares with the host; nobody else on the host can enter it."""
    parent = Path(tempfile.gettempdir()).resolve() / f"delivery-sandboxes-{os.getuid()}"
    parent.mkdir(mode=0o700, exist_ok=True)
    if parent.is_symlink() or parent.stat().st_uid != os.getuid():
        raise Unavailable(f"the folder {str(parent)!r} belongs to somebody else; remove it")
    return parent / name
