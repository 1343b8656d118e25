"""The Docker engine: its SDK's calls, with this project's errors."""

from __future__ import annotations

import os
import socket
import time
import weakref
from collections.abc import Callable, Generator
from contextlib import contextmanager
from functools import cached_property
from typing import Any, NamedTuple, TypeVar

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from requests.exceptions import RequestException

from contracts.errors import Misconfigured, Unavailable

_POLL_SECONDS = 0.5
_KNOCK_SECONDS = 10.0
_DEFAULT = "unix:///var/run/docker.sock"
Answer = TypeVar("Answer")


class Seen(NamedTuple):
    """A container as a listing shows it."""

    name: str
    running: bool
    labels: dict[str, str]


class Standing(NamedTuple):
    """What is known of a container that was looked up.

    Args:
        running: whether it runs.
        said: what became of it, in words, when it does not.
    """

    running: bool
    said: str


class Image(NamedTuple):
    """An image: its id, and the variables that it sets."""

    id: str
    environment: dict[str, str]


class Engine:
    """One Docker engine.

    Args:
        address: such as unix:///var/run/docker.sock; empty: what the environment of this process names.
    """

    def __init__(self, address: str = "") -> None:
        self._address = address

    @cached_property
    def _api(self) -> Any:
        made: Any = docker.APIClient(base_url=self._address) if self._address else docker.from_env().api
        weakref.finalize(self, made.close)
        return made

    def version(self) -> str:
        """Return the engine's version."""
        with self._told():
            return str(self._api.version()["Version"])

    def wait(self, seconds: float) -> None:
        """Return as soon as the engine answers.

        Raises:
            Unavailable: it did not within some seconds.
        """
        self.persist(self.version, seconds)

    def persist(self, ask: Callable[[], Answer], seconds: float) -> Answer:
        """Return what the engine answers, asked again while it does not.

        Raises:
            Unavailable: it did not within some seconds.
        """
        deadline = time.monotonic() + seconds
        while True:
            try:
                return ask()
            except Unavailable:
                if time.monotonic() >= deadline:
                    raise
            time.sleep(_POLL_SECONDS)

    def image(self, name: str) -> Image:
        """Return an image.

        Raises:
            Misconfigured: there is none with this name.
        """
        with self._told():
            try:
                found: dict[str, Any] = self._api.inspect_image(name)
            except (ImageNotFound, NotFound) as error:
                raise Misconfigured(
                    f"the engine has no image {name!r}; build it with `make images`, or name another one in the block"
                ) from error
        entries: list[str] = found["Config"].get("Env") or []
        pairs = (entry.partition("=") for entry in entries)
        return Image(str(found["Id"]), {name: value for name, _, value in pairs})

    def containers(self, labels: dict[str, str]) -> list[Seen]:
        """Return the containers that carry all of these labels, stopped ones too."""
        wanted = [f"{name}={value}" if value else name for name, value in labels.items()]
        with self._told():
            found = self._api.containers(all=True, filters={"label": wanted})
        return [Seen(one["Names"][0].lstrip("/"), one["State"] == "running", one["Labels"]) for one in found]

    def start(self, image: str, name: str, host: dict[str, Any], **config: Any) -> None:
        """Create and start a container; one of that name is taken away first.

        Args:
            image: id of the image.
            name: of the container.
            host: the SDK's host settings.
            config: the SDK's other settings.
        """
        self.remove(name)
        with self._told():
            settings = self._api.create_host_config(**host)
            self._api.create_container(image, name=name, host_config=settings, **config)
            try:
                self._api.start(name)
            except APIError as error:
                self.remove(name)
                raise Misconfigured(
                    f"a container of image {image[:19]!r} does not start; see the detail, and check the image and the "
                    "sandbox block",
                    detail=str(error.explanation or error),
                ) from error

    def execute(self, name: str, argv: list[str], user: str, environment: dict[str, str]) -> None:
        """Start a further process in a container and leave it to itself; its variables appear in no listing."""
        with self._told():
            made = self._api.exec_create(
                name, argv, stdout=False, stderr=False, user=user, environment=environment, workdir="/"
            )
            self._api.exec_start(made["Id"], detach=True)

    def standing(self, name: str) -> Standing:
        """Return what became of a container."""
        with self._told():
            try:
                state: dict[str, Any] = self._api.inspect_container(name)["State"]
            except NotFound:
                return Standing(running=False, said="it was removed")
        if state["Running"]:
            return Standing(running=True, said="")
        if state.get("OOMKilled"):
            return Standing(running=False, said="it was killed for want of memory")
        return Standing(running=False, said=f"it ended with code {state['ExitCode']}")

    def log(self, name: str, lines: int = 20) -> str:
        """Return the end of what a container's main process wrote; empty when there is no container."""
        with self._told():
            try:
                return self._api.logs(name, tail=lines).decode(errors="replace")
            except NotFound:
                return ""

    def remove(self, name: str) -> None:
        """Remove a container with all its processes; nothing to do if there is none."""
        with self._told():
            try:
                self._api.remove_container(name, force=True, v=True)
            except NotFound:
                pass
            except APIError as error:
                if error.status_code != 409:  # somebody else removes it
                    raise

    @contextmanager
    def _told(self) -> Generator[None]:
        """Tell an engine that does not answer, or says no, in the project's own words."""
        try:
            self._knock()
            yield
        except (DockerException, RequestException, OSError) as error:
            said = str(getattr(error, "explanation", None) or error)
            raise Unavailable(
                f"the Docker engine did not do what was asked ({said[:300]}); check that it runs and that this user "
                "may use it",
                detail=said[:4_000],
            ) from error

    def _knock(self) -> None:
        """Find out without the SDK whether anybody listens, because it leaves a socket open when nobody does."""
        address = self._address or os.environ.get("DOCKER_HOST") or _DEFAULT
        scheme, _, path = address.partition("://")
        if scheme == "unix":
            with socket.socket(socket.AF_UNIX) as probe:
                probe.settimeout(_KNOCK_SECONDS)
                probe.connect(path)
