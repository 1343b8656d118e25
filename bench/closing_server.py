"""An HTTP server that can be closed at any moment, because it knows its open connections."""

from __future__ import annotations

import socket
import sys
import threading
from http.server import ThreadingHTTPServer
from typing import Any


class ClosingServer(ThreadingHTTPServer):
    """Ends the connections that are still open when it is closed, so that none keeps a thread.

    Args:
        address: host and port; port 0: any that is free.
        exchange: makes the handler of a connection.
    """

    daemon_threads = False
    block_on_close = True

    def __init__(self, address: tuple[str, int], exchange: Any) -> None:
        super().__init__(address, exchange)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()

    def process_request(self, request: Any, client_address: Any) -> None:
        """Take note of a connection, and serve it in a thread."""
        with self._lock:
            self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Forget a connection that has ended."""
        with self._lock:
            self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away in mid-answer is no event; anything else is told."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)

    def hang_up(self) -> None:
        """End the connections that are still open."""
        with self._lock:
            for one in self._open:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue
