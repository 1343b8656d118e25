"""Calls to Slack's Web API: limits of its rate are waited for, everything that goes wrong has a place in our errors."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from http.client import HTTPException
from typing import Any, NamedTuple, cast

from pydantic import SecretStr

from contracts.errors import DeliveryError, Misconfigured, Unavailable
from contracts.redaction import redact

_TIMEOUT_SECONDS = 15
_PAGE = 200
_GONE = frozenset({"message_not_found", "cant_update_message", "edit_window_closed", "thread_not_found"})
"""What was to be changed is not there any more, because a person removed it."""
_PASSING = frozenset(
    {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable", "request_timeout"}
    | {"team_added_to_org", "accesslimited"}
)
_ADVICE = {
    "missing_scope": "add the scope to the app and install it again",
    "not_in_channel": "invite the app to the channel",
    "channel_not_found": "name the channel by its id, and invite the app to it",
    "is_archived": "name another channel in the block",
}
_TOKEN = "see to the token of the app in the block"  # noqa: S105 - advice, no password


class Gone(DeliveryError):
    """The message is not there any more."""


class Identity(NamedTuple):
    """Whom a token stands for."""

    team: str
    user: str
    bot: str


class Person(NamedTuple):
    """A user of the workspace."""

    id: str
    name: str
    team: str
    active: bool


class SlackLink:
    """One app's way into its workspace.

    Args:
        token: bot token.
        address: address of the Web API, with a slash at its end.
        patience: longest wait for the limit of a rate, in seconds.
    """

    def __init__(self, token: SecretStr, address: str, patience: float) -> None:
        from slack_sdk import WebClient  # noqa: PLC0415 - most processes never speak to Slack

        # The library's own retries would send a message twice when its answer was lost.
        self._client: Any = WebClient(token.get_secret_value(), address, timeout=_TIMEOUT_SECONDS, retry_handlers=[])
        self._patience = patience

    def identity(self) -> Identity:
        """Return whom the token stands for."""
        found = self._call("auth.test", self._client.auth_test)
        return Identity(str(found.get("team_id")), str(found.get("user_id")), str(found.get("bot_id")))

    def post(self, channel: str, said: dict[str, Any], thread: str = "", *, broadcast: bool = False) -> str:
        """Post a message and return its ts.

        Args:
            channel: id of the channel.
            said: text, blocks and metadata.
            thread: ts of the message whose thread it belongs to; empty: none.
            broadcast: whether a message of a thread is shown in the channel as well.
        """
        place: dict[str, Any] = {"thread_ts": thread, "reply_broadcast": broadcast} if thread else {}
        quiet: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False, "link_names": False, "parse": "none"}
        send = self._client.chat_postMessage
        return str(self._call("chat.postMessage", lambda: send(channel=channel, **said, **place, **quiet))["ts"])

    def update(self, channel: str, ts: str, said: dict[str, Any]) -> None:
        """Let a message say something else.

        Raises:
            Gone: it is not there any more.
        """
        change = self._client.chat_update
        self._call("chat.update", lambda: change(channel=channel, ts=ts, link_names=False, parse="none", **said))

    def history(self, channel: str, oldest: float) -> Iterator[list[dict[str, Any]]]:
        """Yield the pages of a channel's history since a time in seconds, the newest first."""
        read = self._client.conversations_history
        yield from self._pages(
            "conversations.history",
            lambda cursor: read(
                channel=channel, oldest=f"{oldest:.6f}", limit=_PAGE, cursor=cursor, include_all_metadata=True
            ),
        )

    def replies(self, channel: str, thread: str) -> Iterator[list[dict[str, Any]]]:
        """Yield the pages of a thread, its first message included."""
        read = self._client.conversations_replies
        yield from self._pages(
            "conversations.replies",
            lambda cursor: read(channel=channel, ts=thread, limit=_PAGE, cursor=cursor, include_all_metadata=True),
        )

    def whisper(self, channel: str, person: str, text: str, thread: str = "") -> None:
        """Tell one person something that nobody else sees."""
        place: dict[str, Any] = {"thread_ts": thread} if thread else {}
        send = self._client.chat_postEphemeral
        self._call("chat.postEphemeral", lambda: send(channel=channel, user=person, text=text, parse="none", **place))

    def open_form(self, trigger: str, view: dict[str, Any]) -> None:
        """Open a form for the person whose press made a trigger, at most three seconds ago."""
        self._call("views.open", lambda: self._client.views_open(trigger_id=trigger, view=view))

    def open_socket(self, token: SecretStr) -> str:
        """Return the address of a new connection, which carries its own permission; the token is the app's."""
        grant = self._client.apps_connections_open
        return str(self._call("apps.connections.open", lambda: grant(app_token=token.get_secret_value()))["url"])

    def person(self, user: str) -> Person:
        """Return a user of the workspace."""
        found: dict[str, Any] = self._call("users.info", lambda: self._client.users_info(user=user))["user"]
        profile: dict[str, Any] = found.get("profile") or {}
        names = (profile.get("display_name"), profile.get("real_name"), found.get("real_name"), found.get("name"))
        name = next((str(one) for one in names if one), user)
        gone = found.get("deleted") or found.get("is_bot")
        return Person(str(found.get("id")), name, str(found.get("team_id")), not gone)

    def members(self, group: str) -> set[str]:
        """Return the users of a user group."""
        found = self._call("usergroups.users.list", lambda: self._client.usergroups_users_list(usergroup=group))
        return {str(one) for one in found.get("users", [])}

    def _pages(self, method: str, read: Callable[[str | None], Any]) -> Iterator[list[dict[str, Any]]]:
        cursor: str | None = None
        while True:
            page = self._call(method, lambda: read(cursor))  # noqa: B023 - it is called before the cursor moves
            yield page.get("messages", [])
            following: dict[str, Any] = page.get("response_metadata") or {}
            cursor = str(following.get("next_cursor") or "") or None
            if not cursor:
                return

    def _call(self, method: str, act: Callable[[], Any]) -> dict[str, Any]:
        """Do a call, again after a limit of its rate that is short enough.

        Raises:
            Unavailable: Slack did not answer, or the limit lasts longer than our patience.
            Misconfigured: the token, its scopes or the channel do not fit.
            Gone: what was to be changed is not there.
        """
        from slack_sdk.errors import SlackApiError, SlackClientError  # noqa: PLC0415

        end = time.monotonic() + self._patience
        while True:
            try:
                return cast(dict[str, Any], act().data)
            except SlackApiError as error:
                pause = _pause(error.response)
                if pause is None or time.monotonic() + pause > end:
                    raise _translated(method, error.response, pause) from None
                time.sleep(pause)
            except (SlackClientError, OSError, HTTPException, ValueError) as error:
                said = f"Slack did not answer {method} ({type(error).__name__}); it is tried again later"
                raise Unavailable(said, detail=redact(str(error))[:500]) from None


def _pause(response: Any) -> float | None:
    """How long a limit of the rate lasts, in seconds; none: there is none."""
    if response.status_code != 429:
        return None
    stated = {str(name).lower(): str(value) for name, value in response.headers.items()}.get("retry-after", "")
    return float(stated) if stated.isdigit() else 1.0


def _translated(method: str, response: Any, pause: float | None) -> DeliveryError:
    raw: Any = response.data
    data = cast(dict[str, Any], raw) if isinstance(raw, dict) else {}
    code = redact(str(data.get("error", "")))[:100]
    if pause is not None:
        until = datetime.now(UTC) + timedelta(seconds=pause)
        return Unavailable(f"Slack takes no {method} for {pause:.0f} s; it is tried again later", until=until)
    if response.status_code >= 500 or code in _PASSING:
        return Unavailable(f"Slack could not do {method} ({code or response.status_code}); it is tried again later")
    if code in _GONE:
        return Gone(f"Slack has no such message for {method} ({code}); somebody has removed it")
    needed = f", needed: {data['needed']}" if data.get("needed") else ""
    told: dict[str, Any] = data.get("response_metadata") or {}
    detail = redact("; ".join(map(str, told.get("messages", []))))[:1_000]
    return Misconfigured(f"Slack refused {method} ({code}{needed}); {_ADVICE.get(code, _TOKEN)}", detail=detail)
