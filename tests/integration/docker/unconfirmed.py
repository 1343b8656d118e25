"""An engine that goes away while a process is started in a container: the connection ends instead of an answer."""

from __future__ import annotations

import re
import socket
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path

_START = re.compile(rb"POST /\S*/exec/\w+/start ")


@contextmanager
def unconfirmed(engine: str, *, started: bool) -> Generator[str]:
    """Give the address of a way to an engine on which no start of a process is answered.

    Args:
        engine: address of the engine, unix://….
        started: whether such a request reaches the engine.
    """
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(Path(folder) / "s"))
        listener.listen()
        threading.Thread(target=_serve, args=(listener, engine.removeprefix("unix://"), started), daemon=True).start()
        yield f"unix://{folder}/s"
        listener.shutdown(socket.SHUT_RDWR)


def _serve(listener: socket.socket, engine: str, started: bool) -> None:
    with suppress(OSError):
        while True:
            client, _ = listener.accept()
            threading.Thread(target=_carry, args=(client, engine, started), daemon=True).start()


def _carry(client: socket.socket, engine: str, started: bool) -> None:
    with client, socket.socket(socket.AF_UNIX) as server, suppress(OSError):
        server.connect(engine)
        answers = threading.Thread(target=_pump, args=(server, client), daemon=True)
        answers.start()
        while chunk := client.recv(65_536):
            if not _START.match(chunk):
                server.sendall(chunk)
                continue
            request = _whole(chunk, client)
            if started:
                _begin(request, engine)
            client.shutdown(socket.SHUT_RDWR)
            return


def _whole(request: bytes, client: socket.socket) -> bytes:
    """A request up to the end of its body, which is sent apart from the head."""
    head, _, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)content-length: (\d+)", head)
    while len(body) < int(length[1] if length else 0) and (chunk := client.recv(65_536)):
        body += chunk
    return head + b"\r\n\r\n" + body


def _begin(request: bytes, engine: str) -> None:
    """Have the engine start the process, on a connection of its own; its answer is read and goes nowhere."""
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(engine)
        server.sendall(request)
        assert server.recv(65_536).startswith(b"HTTP/1.1 20")


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while chunk := source.recv(65_536):
            sink.sendall(chunk)
