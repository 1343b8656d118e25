"""The state of a workspace: people, groups, channels, messages, forms."""

from __future__ import annotations

import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
TRIGGER_SECONDS = 3.0
"""How long a trigger opens a form."""


class Refusal(Exception):
    """What Slack answers when it does not do a call.

    Args:
        error: its word for why.
        messages: what exactly is wrong, for blocks and views.
    """

    def __init__(self, error: str, messages: list[str] | None = None) -> None:
        super().__init__(error)
        self.error = error
        self.messages = messages or []


@dataclass
class Channel:
    """A channel and what was said there, the oldest first."""

    id: str
    name: str
    members: set[str]
    archived: bool = False
    messages: list[Json] = field(default_factory=list[Json])

    def find(self, ts: str) -> Json | None:
        """Return the message with this ts."""
        return next((one for one in self.messages if one["ts"] == ts), None)


class Workspace:
    """One workspace with one app in it.

    Args:
        team: id of the workspace.
        channel: id of its one channel, of which the app is a member.
    """

    bot_user, bot, app = "U0DELIVERY", "B0DELIVERY", "A0DELIVERY"

    def __init__(self, team: str = "T0ACME", channel: str = "C0DELIVERY") -> None:
        self.team = team
        self.token, self.app_token = f"xoxb-{secrets.token_hex(12)}", f"xapp-{secrets.token_hex(12)}"
        self.signing_secret = secrets.token_hex(16)
        self.users: dict[str, Json] = {}
        self.groups: dict[str, list[str]] = {}
        self.channels = {channel: Channel(channel, "deliveries", {self.bot_user})}
        self.whispers: list[Json] = []
        self.responses: list[Json] = []
        self.views: dict[str, Json] = {}
        self.triggers: dict[str, tuple[float, str]] = {}
        self.lock = threading.RLock()
        self._ticks = 0

    @property
    def channel(self) -> Channel:
        """The first channel."""
        return next(iter(self.channels.values()))

    def add_user(self, user: str, name: str, **fields: Any) -> Json:
        """Let somebody be in the workspace and in every channel."""
        profile = {"real_name": name, "display_name": name.split(maxsplit=1)[0], "team": self.team}
        row: Json = {"id": user, "team_id": self.team, "name": name.split(maxsplit=1)[0].lower(), "real_name": name}
        self.users[user] = row | {"profile": profile, "deleted": False, "is_bot": False} | fields
        for one in self.channels.values():
            one.members.add(user)
        return self.users[user]

    def tick(self) -> str:
        """Return the ts of a new message; no two are alike."""
        with self.lock:
            self._ticks += 1
            return f"{int(time.time())}.{self._ticks:06d}"

    def trigger(self, user: str) -> str:
        """Return a trigger of something that a person did now."""
        with self.lock:
            made = f"{secrets.randbelow(10**12)}.{secrets.randbelow(10**12)}.{secrets.token_hex(16)}"
            self.triggers[made] = (time.monotonic(), user)
            return made

    def say(self, channel: Channel, message: Json) -> Json:
        """Let a message stand in a channel."""
        with self.lock:
            stands = {"type": "message", **message, "ts": self.tick(), "team": self.team}
            channel.messages.append(stands)
            return stands

    def messages(self, channel: str = "") -> list[Json]:
        """Return the messages of a channel, those in threads included, the oldest first."""
        with self.lock:
            found = self.channels[channel] if channel else self.channel
            return [dict(one) for one in found.messages]
