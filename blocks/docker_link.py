"""A conversation with the keeper of a container, over a socket in a folder that container and host share."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path
from typing import Any, NamedTuple, Self


class LinkLost(Exception):
    """The keeper is gone, and most likely its container."""


class Frame(NamedTuple):
    """One message of the keeper; see `blocks/container_keeper.py`."""

    letter: bytes
    payload: bytes


class Link:
    """One connection to a keeper.

    Args:
        folder: the shared folder.

    Raises:
        LinkLost: no keeper listens there.
    """

    def __init__(self, folder: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._received = bytearray()
        try:
            # The path of a socket may have 107 bytes only; that of a folder has no such limit.
            descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
            try:
                self._socket.connect(f"/proc/self/fd/{descriptor}/s")
            finally:
                os.close(descriptor)
        except OSError as error:
            self._socket.close()
            raise LinkLost(str(error)) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def send(self, letter: bytes, payload: bytes) -> None:
        """Send one frame.

        Raises:
            LinkLost: the keeper is gone.
        """
        try:
            self._socket.settimeout(30)
            self._socket.sendall(letter + len(payload).to_bytes(4, "big") + payload)
        except OSError as error:
            raise LinkLost(str(error)) from error

    def ask(self, **request: object) -> None:
        """Send a request."""
        self.send(b"r", json.dumps(request).encode())

    def receive(self, seconds: float) -> Frame | None:
        """Return the next frame, or none when no more has come after some seconds.

        Raises:
            LinkLost: the keeper is gone.
        """
        while (frame := self._next()) is None:
            self._socket.settimeout(max(seconds, 0.001))
            try:
                chunk = self._socket.recv(262_144)
            except TimeoutError:
                return None
            except OSError as error:
                raise LinkLost(str(error)) from error
            if not chunk:
                raise LinkLost("the keeper closed the connection")
            self._received += chunk
        return frame

    def answer(self, **request: object) -> dict[str, Any]:
        """Send a request and return the answer to it.

        Raises:
            LinkLost: the keeper is gone or does not answer within 30 seconds.
        """
        self.ask(**request)
        while (frame := self.receive(30)) is not None:
            if frame.letter == b"x":
                return json.loads(frame.payload)
        raise LinkLost("the keeper does not answer")

    def _next(self) -> Frame | None:
        end = 5 + int.from_bytes(self._received[1:5], "big")
        if len(self._received) < 5 or len(self._received) < end:
            return None
        frame = Frame(bytes(self._received[:1]), bytes(self._received[5:end]))
        del self._received[:end]
        return frame
