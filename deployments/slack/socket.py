"""A connection to Slack that is opened from here, so that no port is: envelopes come in, acknowledgements go out.

The library's own client of this protocol spins for half a minute, and loses what it acknowledges, when a connection
ends without a word; this one is told by the socket. (Slack, "Using Socket Mode".)
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from pydantic import SecretStr
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from websockets.exceptions import WebSocketException
from websockets.sync.client import ClientConnection, connect

from blocks.slack_link import SlackLink
from contracts.errors import DeliveryError, Unavailable
from contracts.redaction import redact

_OPEN_SECONDS, _CLOSE_SECONDS, _BEAT_SECONDS = 10.0, 2.0, 10.0
_FIRST_WAIT, _MOST_WAIT = 0.5, 30.0
_WORKERS = 8


class SlackSocket:
    """A connection for the time of a block; it is opened again whenever it is lost or Slack ends it.

    Args:
        link: the app.
        token: its app token.
        take: takes a sort and a payload, and returns what it is acknowledged with.
        say: where troubles are told.
    """

    def __init__(
        self, link: SlackLink, token: SecretStr, take: Callable[[str, Any], dict[str, Any]], say: Callable[[str], None]
    ) -> None:
        self._link, self._token, self._take, self._say = link, token, take, say
        self._over = threading.Event()
        self._connection: ClientConnection | None = None
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="slack socket")
        self._thread = threading.Thread(target=self._run, name="slack socket", daemon=True)

    def __enter__(self) -> SlackSocket:
        """Open the first connection.

        Raises:
            Misconfigured: the token is not valid.
            Unavailable: Slack did not answer.
        """
        self._connection = self._opened()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Close the connection and finish what was begun."""
        self._over.set()
        connection = self._connection
        if connection is not None:
            connection.close()
        self._thread.join()
        self._workers.shutdown()

    def connected(self) -> bool:
        """Return whether Slack reaches us just now."""
        return self._connection is not None

    def _run(self) -> None:
        wait = _FIRST_WAIT
        while not self._over.is_set():
            connection = self._connection
            if connection is not None:
                self._listen(connection)
                wait = _FIRST_WAIT
            try:
                self._connection = None if self._over.is_set() else self._opened()
            except DeliveryError as error:
                self._connection = None
                self._say(f"{error.message}; tried again in {wait:.0f} s")
                self._over.wait(wait)
                wait = min(wait * 2, _MOST_WAIT)
            if connection is not None:
                connection.close()  # after the next one is there, so that nothing falls between them

    def _listen(self, connection: ClientConnection) -> None:
        """Take what comes until the connection ends, or Slack wants a new one."""
        try:
            for raw in connection:
                frame = _frame(raw)
                if frame.get("type") == "disconnect":
                    return
                request = cast(Any, SocketModeRequest).from_dict(frame)
                if request is not None:
                    self._workers.submit(self._answer, connection, request)
        except (WebSocketException, OSError) as error:
            if not self._over.is_set():
                self._say(f"the connection to Slack was lost ({type(error).__name__}); it is opened again")

    def _answer(self, connection: ClientConnection, request: Any) -> None:
        reply = self._take(str(request.type), request.payload)
        payload = reply if reply and request.accepts_response_payload else None
        ack = json.dumps(cast(Any, SocketModeResponse(request.envelope_id, payload)).to_dict())
        for one in (connection, self._connection):
            try:
                if one is not None:
                    return one.send(ack)
            except (WebSocketException, OSError):  # it was replaced by the other one
                continue
        return self._say("an acknowledgement did not reach Slack; what it was about is kept")

    def _opened(self) -> ClientConnection:
        address = self._link.open_socket(self._token)
        try:
            return connect(
                address,
                open_timeout=_OPEN_SECONDS,
                close_timeout=_CLOSE_SECONDS,
                ping_interval=_BEAT_SECONDS,
                ping_timeout=_BEAT_SECONDS,
            )
        except (WebSocketException, OSError, ValueError) as error:
            said = f"Slack did not take the connection ({type(error).__name__})"
            raise Unavailable(said, detail=redact(str(error)[:300], (address,))) from None


def _frame(raw: str | bytes) -> dict[str, Any]:
    try:
        frame: Any = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return cast(dict[str, Any], frame) if isinstance(frame, dict) else {}
