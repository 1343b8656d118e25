"""Work that people ask for in Slack: one more delivery of the inbox, which the rules of triggers make a run of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import Event, Lock
from typing import Any

from blocks.ledger import Ledger
from blocks.ledger.inbox import WAITING, Delivery
from blocks.slack_channel import SlackChannel
from contracts.errors import DeliveryError
from contracts.intake.webhook import DeliveryOutcome, Source
from contracts.journal import short
from contracts.redaction import redact
from contracts.slack.markup import literal
from contracts.slack.payload import Wish
from contracts.slack.wish import Wanted, read_wish

EVENT = "deliver"
"""What rules call it."""
_LOOK_SECONDS = 1.0
_PATIENCE = timedelta(minutes=10)
_AWAY = "That could not be kept just now. Please say it again in a minute."


class Wishes:
    """Keeps what is asked for, and tells people what came of it.

    Args:
        ledger: whose inbox.
        channel: the app.
    """

    def __init__(self, ledger: Ledger, channel: SlackChannel) -> None:
        self._ledger, self._channel = ledger, channel
        self._watched: dict[str, tuple[Wish, datetime]] = {}
        self._lock = Lock()
        self.arrived = Event()
        """Set when something was kept."""

    def take(self, wish: Wish, whisper: Callable[[str], None]) -> dict[str, Any]:
        """Keep what is asked for; return what a command is acknowledged with, and answer a mention in its thread."""
        said = self._kept(wish)
        if wish.event == "command":
            return {"response_type": "ephemeral", "text": literal(said)}
        whisper(said)
        return {}

    def run(self, over: Event) -> None:
        """Tell people what came of what they asked for, until `over` is set."""
        while not over.wait(_LOOK_SECONDS):
            with self._lock:
                watched = dict(self._watched)
            for name, (wish, since) in watched.items():
                if self._told(name, wish) or datetime.now(UTC) - since > _PATIENCE:
                    with self._lock:
                        self._watched.pop(name, None)

    def _kept(self, wish: Wish) -> str:
        """Keep it, and return what the person is told."""
        wanted = read_wish(wish.text, self._channel.repository)
        if isinstance(wanted, str):
            return wanted
        row = _delivery(wish, wanted)
        try:
            new = self._ledger.receive([row])[0]
        except DeliveryError:
            return _AWAY
        self.arrived.set()
        with self._lock:
            self._watched[row.delivery] = wish, datetime.now(UTC)
        return f"Kept: {wanted.title} on {wanted.repository}." if new else "This is kept already."

    def _told(self, name: str, wish: Wish) -> bool:
        """Tell what came of it, when something did."""
        try:
            row = self._ledger.delivery(Source.SLACK.value, name)
            if row is None or row.outcome == WAITING:
                return row is None
            place = wish.place
            self._channel.link.whisper(place.channel, wish.person, literal(_outcome(row)), place.thread)
        except DeliveryError:
            return False
        return True


def _delivery(wish: Wish, wanted: Wanted) -> Delivery:
    """What rules see: who asked where, and what for."""
    at = datetime.now(UTC)
    person = {"id": wish.person, "name": redact(wish.name)}
    body = {"event": wish.event, "person": person, "channel": wish.place.channel, "thread": wish.place.thread}
    body |= {name: redact(value) for name, value in wanted.model_dump().items()}
    name = hashlib.sha256(wish.source.encode()).hexdigest()[:32]
    return Delivery(
        source=Source.SLACK.value,
        delivery=name,
        event=EVENT,
        digest=name,
        received_at=at,
        body=json.dumps(body).encode(),
        next_try_at=at,
    )


def _outcome(row: Delivery) -> str:
    runs = ", ".join(short(run) for run in row.runs.split())
    match row.outcome:
        case DeliveryOutcome.STARTED.value:
            return f"Started: run {runs}. Its messages come here."
        case DeliveryOutcome.DUPLICATE.value:
            return f"This was asked for before: run {runs or 'of an earlier time'}."
        case _:
            return f"Nothing was started: {row.reason}"
