"""One command in a container: begun or gone on with, and what became of it."""

from __future__ import annotations

import os
import secrets
import signal
import time
from contextlib import suppress
from typing import Any

from blocks.docker_container import Container
from blocks.docker_engine import Standing
from blocks.docker_job import JobWatch, Stuck
from blocks.docker_link import LinkLost
from blocks.sandbox import Command, CommandResult, Ending
from blocks.supervise import Plan
from contracts.errors import Misconfigured, Unavailable

_FORCED = {ending.value: ending for ending in Ending} | {"disk": Ending.OUTPUT_LIMIT}
_FOLLOWS = 20
_PAUSE_SECONDS = 0.5
_NOTES = {
    "disk": "it wrote more to its folders than the sandbox's disk_mb allows",
    "forgotten": "its run let go of it",
    "replaced": "another turn of its run began",
}


class DockerRun:
    """A command with the container in which it runs.

    Args:
        container: the container.
        command: the command.
        watch: who hears it.
        patience: how long an engine that restarts is waited for, in seconds.
    """

    def __init__(self, container: Container, command: Command, watch: JobWatch, patience: float) -> None:
        self._container, self._command, self._watch, self._patience = container, command, watch, patience
        self._job = command.job or secrets.token_hex(8)
        self._unanswered = ""

    def begin(self, user: tuple[int, int], environment: dict[str, str]) -> CommandResult:
        """Start the command and hear it to its end.

        Args:
            user: user and group that it runs as.
            environment: all its variables.

        Raises:
            Misconfigured: the program cannot be executed.
            Unavailable: it could not be started.
        """
        token, limits = secrets.token_hex(16), self._command.limits
        try:
            with self._container.link() as link:
                wall, most = limits.wall_seconds, limits.output_bytes
                link.ask(op="start", job=self._job, token=token, wall=wall, most=most)
                link.send(b"p", _plan(self._command, environment).encode())
                link.send(b"i", self._command.stdin.encode())
                self._launch(token, user)
                return self._result(self._watch.listen(link))
        except LinkLost as error:
            return self._recovered(error)

    def follow(self) -> CommandResult:
        """Hear a job that a lost process began, from its beginning to its end.

        Raises:
            Misconfigured: its program could not be executed.
            Unavailable: it had not been started.
        """
        try:
            return self._followed()
        except LinkLost as error:
            return self._recovered(error)

    def _launch(self, token: str, user: tuple[int, int]) -> None:
        """Have the engine start the process; when it did not say so, the keeper knows whether the process came."""
        try:
            self._container.launch(token, user)
        except Unavailable as error:
            self._unanswered = error.message
            if not self._standing().running:
                raise LinkLost("the container is gone") from None

    def _followed(self) -> CommandResult:
        with self._container.link() as link:
            link.ask(op="follow", job=self._job)
            return self._result(self._watch.listen(link))

    def _recovered(self, error: LinkLost) -> CommandResult:
        """Take the connection up again, or tell how the container was lost; nothing of it is left then."""
        said = str(error)
        for _ in range(0 if isinstance(error, Stuck) else _FOLLOWS):
            standing = self._standing()
            if not standing.running:
                said = standing.said
                break
            with suppress(LinkLost):
                return self._followed()
            time.sleep(_PAUSE_SECONDS)  # an engine that shuts down tells of containers that it is ending
        self._container.engine.persist(self._container.remove, self._patience)
        return self._told(Ending.KILLED, -signal.SIGKILL, f"the container {self._container.name!r} was lost: {said}")

    def _standing(self) -> Standing:
        engine = self._container.engine
        return engine.persist(lambda: engine.standing(self._container.name), self._patience)

    def _result(self, end: dict[str, Any]) -> CommandResult:
        """Return what the keeper tells of the job's end as the contract of all sandboxes."""
        program = self._command.argv[0]
        if end.get("missing") or end["forced"] == "unlaunched":
            self._container.remove()
            said = f"the container {self._container.name!r} could not start a process for {program!r}"
            raise Unavailable(said, detail=self._unanswered)
        if end["unusable"]:
            raise Misconfigured(
                f"The program {program!r} could not be executed ({os.strerror(end['unusable'])}); install it in the "
                "sandbox's image, add its directory to the block's path, and check the working directory"
            )
        if end["lost"] and not end["forced"]:
            self._container.remove()
            return self._told(Ending.KILLED, -signal.SIGKILL, "the command killed its supervisor")
        if end["lost"]:
            self._container.remove()
        return self._ended(end)

    def _ended(self, end: dict[str, Any]) -> CommandResult:
        code, forced = int(end["code"]), str(end["forced"])
        if forced:
            return self._told(_FORCED.get(forced, Ending.KILLED), -signal.SIGKILL, _NOTES.get(forced, ""))
        if end["oom"] and code:
            return self._told(Ending.KILLED, code, "the container's memory was used up and the kernel killed a process")
        return self._told(Ending.KILLED if code == -signal.SIGKILL else Ending.EXITED, code, "")

    def _told(self, ending: Ending, code: int, note: str) -> CommandResult:
        self._watch.finish()
        stderr = self._watch.stderr.decode(errors="replace")
        return CommandResult(
            ending=ending,
            code=code,
            stdout=self._watch.stdout.decode(errors="replace"),
            stderr=f"{stderr.rstrip()}\n[sandbox] {note}\n".lstrip() if note else stderr,
            seconds=self._watch.seconds,
        )


def _plan(command: Command, environment: dict[str, str]) -> Plan:
    return Plan(
        directory=os.fsencode(command.directory),
        program=command.argv[0].encode(),
        argv=[argument.encode() for argument in command.argv],
        environment={name.encode(): value.encode("utf-8", "surrogateescape") for name, value in environment.items()},
    )
