"""The sandbox in containers: a run's commands in a container of the run, everything else in one of its own."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field

from blocks.command_check import check_command
from blocks.disk_guard import DiskGuard
from blocks.docker_container import Container, Containers
from blocks.docker_engine import Engine, Image
from blocks.docker_job import JobWatch
from blocks.docker_link import LinkLost
from blocks.docker_mounts import Mount, mounts_of, owned_by_command
from blocks.docker_run import DockerRun
from blocks.docker_shape import HOME, PROXY_PORT, Shape, check_hosts
from blocks.handover import lent, take_back
from blocks.process_watch import Hearing
from blocks.sandbox import Command, CommandResult, Sandbox
from contracts.agent import Limits

_MB = 1_000_000
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy")
_DIRECT = "localhost,127.0.0.1,::1"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class DockerSandbox(Sandbox):
    """Runs commands in containers of an image of yours, which holds your agents' programs and your suites' tools.

    A run's commands share a container as long as they may see the same paths; a job that runs there goes on when the
    flow process dies, and the next process collects it. A command without a run has a container of its own that
    vanishes with it. Commands are never root, the image is read-only, no capability is left, and the host's paths
    that the command names are all that is mounted.
    """

    _block_type_name = "Docker Sandbox"
    _block_type_slug = "docker-sandbox"
    _description = "Runs commands in containers: own files, processes and network, limited memory, disk and time."

    evicts: ClassVar[bool] = True

    image: str = Field(
        default="prefect-delivery-agent", description="Image of the commands; it needs python3, 3.11 or later."
    )
    network: Literal["none", "allow-list", "open"] = Field(
        default="allow-list",
        description="allow-list: HTTP and HTTPS through a proxy that lets the named hosts through, and nothing else.",
    )
    hosts: list[str] = Field(
        default=[],
        description="Hosts that every command may reach, as name or name:port, beside those that the command names; "
        "host.docker.internal:port is a port of this machine's 127.0.0.1.",
    )
    egress_image: str = Field(default="prefect-delivery-egress", description="Image of the proxy of an allow-list.")
    environment: dict[str, str] = Field(default={}, description="Variables of every command; none with a credential.")
    path: list[str] = Field(default=[], description="Directories of the image in front of PATH, absolute.")
    readable: list[Path] = Field(default=[], description="Host paths that every command may read, at the same path.")
    memory_mb: int = Field(default=4_096, ge=64, description="Memory of a container, with its temporary files.")
    cpus: float = Field(default=2.0, gt=0, description="Processors of a container.")
    pids: int = Field(default=512, ge=32, description="Processes and threads of a container.")
    scratch_mb: int = Field(default=1_024, ge=16, description="Room in /tmp and in an empty home, each; it is memory.")
    disk_mb: int = Field(default=4_096, ge=16, description="Megabytes by which a command's writable paths may grow.")
    user: int = Field(
        default=10_001, ge=1, description="User id of commands when the flow is root; otherwise it is the flow's own."
    )
    engine: str = Field(default="", description="Address of the engine; empty: what DOCKER_HOST or the default says.")
    engine_seconds: float = Field(default=120, ge=0, description="How long an engine that restarts is waited for.")
    installation: str = Field(
        default="main", description="Name on the containers; installations that share an engine need different ones."
    )

    @cached_property
    def _engine(self) -> Engine:
        return Engine(self.engine)

    @cached_property
    def _containers(self) -> Containers:
        return Containers(self._engine, self.installation)

    def run(
        self,
        command: Command,
        on_line: Callable[[str], None] | None = None,
        on_output: Callable[[str], bool] | None = None,
    ) -> CommandResult:
        """Run a command to its end and leave no process behind; see `Sandbox.run`.

        A lost container and a command that died for want of memory end as `killed`, and the last lines of standard
        error say what happened. Growing beyond `disk_mb` ends as `output_limit`.

        Raises:
            Misconfigured: program, path or image does not exist, or a path cannot be mounted.
            Unavailable: the engine does not answer, or a container did not start.
        """
        check_command(command, self.readable)
        shown = mounts_of(command, self.readable)
        self._engine.wait(self.engine_seconds)
        trees = owned_by_command(command)
        guard = DiskGuard([mount.path for mount in shown if mount.writable], self.disk_mb * _MB)
        watch = JobWatch(command.limits, Hearing(on_line, on_output), guard)
        holder = self._holder(command.run, command.job)
        if holder is not None:
            try:
                return DockerRun(holder, command, watch, self.engine_seconds).follow()
            finally:
                for tree in trees:
                    take_back(tree, os.getuid(), os.getgid())
        image = self._engine.image(self.image)
        shape = self._shape(command, image, shown)
        with lent(trees, *shape.user), ExitStack() as stack:
            container = self._containers.open(command.run, shape, once=not command.run)
            if not command.run:
                stack.callback(container.remove)
            run = DockerRun(container, command, watch, self.engine_seconds)
            return run.begin(shape.user, self._environment(command, shape, image))

    def holds(self, run: str, job: str) -> bool:
        """Return whether a container still has a job; see `Sandbox.holds`."""
        return self._holder(run, job) is not None

    def forget(self, run: str, job: str) -> None:
        """Drop what is kept of a job, and a container that nobody can use again; see `Sandbox.forget`."""
        if not run:
            return
        for container in self._containers.of(run):
            with suppress(LinkLost), container.link() as link:
                link.answer(op="forget", job=job)
        self._containers.tidy(run)

    def release(self, run: str) -> None:
        """Remove the run's containers; see `Sandbox.release`."""
        if run:
            self._containers.release(run)

    def runs(self) -> list[str]:
        """Return the runs that have containers; see `Sandbox.runs`."""
        return self._containers.runs()

    def has(self, program: str) -> bool:
        """Return whether the image has a program; see `Sandbox.has`."""
        with tempfile.TemporaryDirectory() as folder:
            argv = ["sh", "-c", 'command -v -- "$1"', "sh", program]
            command = Command(argv=argv, directory=Path(folder), limits=Limits(wall_seconds=60))
            return self.model_copy(update={"network": "none"}).run(command).succeeded

    def check(self) -> None:
        """Raise when the engine does not answer or an image is missing; see `Sandbox.check`."""
        self._engine.image(self.image)
        if self.network == "allow-list":
            self._engine.image(self.egress_image)

    def _user(self) -> tuple[int, int]:
        return (os.getuid(), os.getgid()) if os.getuid() else (self.user, self.user)

    def _environment(self, command: Command, shape: Shape, image: Image) -> dict[str, str]:
        """Return all variables of a command."""
        path = [*self.path, *image.environment.get("PATH", _PATH).split(":")]
        proxy = f"http://127.0.0.1:{PROXY_PORT}"
        proxies = dict.fromkeys(_PROXIES, proxy) | {"NO_PROXY": _DIRECT, "no_proxy": _DIRECT}
        return {
            "LANG": "C.UTF-8",
            **image.environment,
            **self.environment,
            "PATH": ":".join(dict.fromkeys(path)),
            "HOME": shape.home,
            "TMPDIR": "/tmp",  # noqa: S108 - the container's own
            "PYTHONDONTWRITEBYTECODE": "1",
            "GIT_CONFIG_NOSYSTEM": "1",
            **(proxies if shape.egress else {}),
            **command.environment,
        }

    def _shape(self, command: Command, image: Image, shown: tuple[Mount, ...]) -> Shape:
        filtered = self.network == "allow-list"
        hosts = sorted({*self.hosts, *command.hosts}) if filtered else []
        check_hosts(hosts)
        return Shape(
            image=image.id,
            mounts=shown,
            user=self._user(),
            home=str(command.home or HOME),
            network=self.network,
            hosts=tuple(hosts),
            egress=self._engine.image(self.egress_image).id if hosts else "",
            memory=self.memory_mb * _MB,
            cpus=self.cpus,
            pids=self.pids,
            scratch=self.scratch_mb * _MB,
        )

    def _holder(self, run: str, job: str) -> Container | None:
        """Return the container of the run that has the job."""
        for container in self._containers.of(run) if run and job else []:
            with suppress(LinkLost), container.link() as link:
                if job in link.answer(op="jobs")["jobs"]:
                    return container
        return None
