"""Messages to people in a channel of Slack, one thread for each run, with buttons where they can be answered."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field, PrivateAttr, SecretStr, StringConstraints

from blocks.channel import Channel
from blocks.slack_link import Gone, Identity, SlackLink
from contracts.errors import Misconfigured
from contracts.message import Message
from contracts.slack.blocks import EVENT_TYPE, blocks_of, fallback, metadata_of

_LOUD = ("waiting", "escalated", "failed")
"""Events that are shown in the channel even when they belong to a thread."""
_SKEW = timedelta(minutes=10)
"""How much the clocks of Slack and of Prefect's server may differ."""


class SlackChannel(Channel):
    """Tells people in Slack what happened; a message with buttons can be answered there by the connector.

    The first message of a run opens its thread. What was posted is found again by its metadata, so that nobody is
    told twice when a process dies between a message and its record. A reference is channel/ts.
    """

    _block_type_name = "Slack Channel"
    _block_type_slug = "slack-channel"
    _description = "Tells people in a channel of Slack what happened, and takes their answers there."

    token: SecretStr = Field(description="Bot token of the app, xoxb-….")
    channel: Annotated[str, StringConstraints(pattern=r"^[CGD][A-Z0-9]{2,30}$")] = Field(
        description="Id of the channel, such as C012AB3CD; the app must be a member."
    )
    app_token: SecretStr | None = Field(
        default=None, description="App token, xapp-…, by which the connector listens without an open port."
    )
    signing_secret: SecretStr | None = Field(
        default=None, description="Signing secret of the app, for the connector behind an HTTP address."
    )
    repository: str = Field(
        default="", max_length=200, description="Repository of work that is asked for without naming one; empty: none."
    )
    address: str = Field(
        default="https://slack.com/api/",
        pattern=r"^(https://\S+/|http://(127\.0\.0\.1|localhost)(:\d+)?/(\S*/)?)$",
        description="Address of the Web API; it sees the token, so that it must be encrypted or on this machine.",
    )
    history_days: float = Field(
        default=30, gt=0, le=365, description="How far back messages are looked for whose run has no time in its id."
    )
    patience_seconds: float = Field(
        default=30, ge=0, le=600, description="Longest wait for a limit of Slack's rate; then it counts as away."
    )
    _identity: Identity | None = PrivateAttr(default=None)

    @property
    def link(self) -> SlackLink:
        """The app's way into its workspace."""
        return SlackLink(self.token, self.address, self.patience_seconds)

    def identity(self) -> Identity:
        """Return whom the token stands for; asked once.

        Raises:
            Unavailable: Slack did not answer.
            Misconfigured: the token is not valid.
        """
        if self._identity is None:
            self._identity = self.link.identity()
        return self._identity

    def post(self, message: Message) -> str:
        """Post a message unless its key is there, and return its reference.

        Raises:
            Unavailable: Slack did not answer, or takes nothing for longer than our patience.
            Misconfigured: the token, its scopes or the channel do not fit.
        """
        thread, known = self._posted(message.run)
        if message.key not in known:
            loud = message.event in _LOUD
            known[message.key] = self.link.post(self.channel, _said(message), thread, broadcast=loud)
        return f"{self.channel}/{known[message.key]}"

    def edit(self, reference: str, message: Message) -> None:
        """Let a message say something else; one that a person removed stays away.

        Raises:
            Unavailable: Slack did not answer, or takes nothing for longer than our patience.
            Misconfigured: the reference is none of Slack's, or the token does not fit.
        """
        channel, _, ts = reference.partition("/")
        if not (channel and ts.replace(".", "").isdigit()):
            raise Misconfigured(f"{reference!r} is no message of Slack; let the policy name the channel that posted it")
        try:
            self.link.update(channel, ts, _said(message))
        except Gone:
            return

    def find(self, key: str) -> str | None:
        """Return the reference of the message that was posted under a key, or none.

        Raises:
            Unavailable: Slack did not answer, or takes nothing for longer than our patience.
            Misconfigured: the token, its scopes or the channel do not fit.
        """
        _, known = self._posted(key.partition("/")[0])
        return f"{self.channel}/{known[key]}" if key in known else None

    def _posted(self, run: str) -> tuple[str, dict[str, str]]:
        """The ts of a run's thread, empty when there is none, and of its messages by their keys."""
        own, link = self.identity().bot, self.link
        for page in link.history(self.channel, self._oldest(run)):
            roots = [str(one.get("thread_ts") or one["ts"]) for one in page if _key(one, run, own)]
            if roots:
                break
        else:
            return "", {}
        try:
            replies = [one for page in link.replies(self.channel, min(roots)) for one in page]
        except Gone:
            return "", {}
        found = {_key(one, run, own): str(one["ts"]) for one in reversed(replies)}
        found.pop("", None)
        return min(roots), found

    def _oldest(self, run: str) -> float:
        """When the run was made, which its id tells, or as far back as messages are looked for; seconds."""
        try:
            identifier = UUID(run)
        except ValueError:
            identifier = UUID(int=0)
        if identifier.version == 7:
            return (identifier.int >> 80) / 1_000 - _SKEW.total_seconds()
        return time.time() - timedelta(days=self.history_days).total_seconds()


def _said(message: Message) -> dict[str, Any]:
    return {"text": fallback(message), "blocks": blocks_of(message), "metadata": metadata_of(message)}


def _key(raw: dict[str, Any], run: str, own: str) -> str:
    """The key of a message of this run that this app posted, or an empty text."""
    metadata: dict[str, Any] = raw.get("metadata") or {}
    payload: dict[str, Any] = metadata.get("event_payload") or {}
    ours = metadata.get("event_type") == EVENT_TYPE and payload.get("run") == run and raw.get("bot_id") == own
    return str(payload.get("key", "")) if ours else ""
