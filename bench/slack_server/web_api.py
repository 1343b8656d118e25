"""The methods of the Web API that an app of ours calls."""

from __future__ import annotations

import base64
import json
import secrets
import time
from collections.abc import Callable
from typing import Any, cast

from bench.slack_server.block_kit import message_problems, view_problems
from bench.slack_server.workspace import TRIGGER_SECONDS, Channel, Json, Refusal, Workspace

_MOST_TEXT = 40_000
_SAID = ("text", "blocks", "metadata")


class WebApi:
    """Answers calls of the app.

    Args:
        workspace: the state.
        issue: makes the address of a new Socket Mode connection.
    """

    def __init__(self, workspace: Workspace, issue: Callable[[], str]) -> None:
        self._space, self._issue = workspace, issue
        self._methods: dict[str, Callable[[Json], Json]] = {
            "auth.test": self._auth_test,
            "chat.postMessage": self._post,
            "chat.update": self._update,
            "chat.postEphemeral": self._whisper,
            "conversations.history": self._history,
            "conversations.replies": self._replies,
            "views.open": self._open_view,
            "users.info": self._user,
            "usergroups.users.list": self._group,
            "apps.connections.open": self._connect,
        }

    def answer(self, method: str, token: str, given: Json) -> Json:
        """Return what Slack answers to a call."""
        try:
            with self._space.lock:
                self._admit(method, token)
                return {"ok": True, **self._methods[method](given)}
        except Refusal as refusal:
            detail: Json = {"response_metadata": {"messages": refusal.messages}} if refusal.messages else {}
            return {"ok": False, "error": refusal.error, **detail}

    def _admit(self, method: str, token: str) -> None:
        if method not in self._methods:
            raise Refusal("unknown_method")
        if not token:
            raise Refusal("not_authed")
        if token not in (self._space.token, self._space.app_token):
            raise Refusal("invalid_auth")
        if (method == "apps.connections.open") != (token == self._space.app_token):
            raise Refusal("not_allowed_token_type")

    def _auth_test(self, _: Json) -> Json:
        one = self._space
        named = {"url": "https://acme.slack.com/", "team": "Acme", "user": "delivery", "is_enterprise_install": False}
        return named | {"team_id": one.team, "user_id": one.bot_user, "bot_id": one.bot}

    def _channel(self, given: Json) -> Channel:
        channel = self._space.channels.get(str(given.get("channel", "")))
        if channel is None:
            raise Refusal("channel_not_found")
        if self._space.bot_user not in channel.members:
            raise Refusal("not_in_channel")
        return channel

    def _said(self, given: Json) -> Json:
        """Text, blocks and metadata of a message, checked."""
        said = {name: _decoded(given[name]) for name in _SAID if given.get(name) is not None}
        if not said.get("text") and not said.get("blocks"):
            raise Refusal("no_text")
        if len(str(said.get("text", ""))) > _MOST_TEXT:
            raise Refusal("msg_too_long")
        problems = message_problems(said["blocks"]) if "blocks" in said else []
        if problems:
            raise Refusal("invalid_blocks", problems)
        metadata: Any = said.get("metadata", {"event_type": "x", "event_payload": {}})
        if not isinstance(metadata, dict) or not {"event_type", "event_payload"} <= set(cast(Json, metadata)):
            raise Refusal("invalid_metadata_format")
        return said

    def _post(self, given: Json) -> Json:
        channel = self._channel(given)
        if channel.archived:
            raise Refusal("is_archived")
        said = self._said(given)
        who = {"user": self._space.bot_user, "bot_id": self._space.bot, "app_id": self._space.app}
        thread = str(given.get("thread_ts") or "")
        if thread:
            root = channel.find(thread)
            if root is None:
                raise Refusal("thread_not_found")
            root["thread_ts"] = thread
            loud = str(given.get("reply_broadcast", "")).lower() in ("true", "1")
            who |= {"thread_ts": thread} | ({"subtype": "thread_broadcast"} if loud else {})
        message = self._space.say(channel, {**who, **said})
        return {"channel": channel.id, "ts": message["ts"], "message": _shown(message, metadata=True)}

    def _update(self, given: Json) -> Json:
        channel = self._channel(given)
        message = channel.find(str(given.get("ts", "")))
        if message is None:
            raise Refusal("message_not_found")
        if message.get("bot_id") != self._space.bot:
            raise Refusal("cant_update_message")
        message.update(self._said(given) | {"edited": {"user": self._space.bot_user, "ts": self._space.tick()}})
        return {"channel": channel.id, "ts": message["ts"], "text": message.get("text", ""), "message": message}

    def _whisper(self, given: Json) -> Json:
        channel = self._channel(given)
        if given.get("user") not in channel.members:
            raise Refusal("user_not_in_channel")
        said = self._said(given)
        row = {"channel": channel.id, "user": given["user"], "thread_ts": given.get("thread_ts"), **said}
        self._space.whispers.append(row)
        return {"message_ts": self._space.tick()}

    def _history(self, given: Json) -> Json:
        channel = self._channel(given)
        oldest, latest = float(given.get("oldest") or 0), float(given.get("latest") or "inf")
        found = [one for one in channel.messages if oldest < float(one["ts"]) < latest]
        top = [
            one
            for one in found
            if one.get("thread_ts", one["ts"]) == one["ts"] or one.get("subtype") == "thread_broadcast"
        ]
        return _page(top[::-1], given)

    def _replies(self, given: Json) -> Json:
        channel, thread = self._channel(given), str(given.get("ts", ""))
        if channel.find(thread) is None:
            raise Refusal("thread_not_found")
        return _page([one for one in channel.messages if thread in (one["ts"], one.get("thread_ts"))], given)

    def _open_view(self, given: Json) -> Json:
        trigger, view = str(given.get("trigger_id", "")), _decoded(given.get("view"))
        if trigger not in self._space.triggers:
            raise Refusal("invalid_trigger_id")
        at, user = self._space.triggers[trigger]
        if not user:
            raise Refusal("exchanged_trigger_id")
        if time.monotonic() - at > TRIGGER_SECONDS:
            raise Refusal("expired_trigger_id")
        problems = view_problems(view)
        if problems:
            raise Refusal("invalid_arguments", problems)
        self._space.triggers[trigger] = (at, "")
        names = {"id": f"V{secrets.token_hex(5).upper()}", "hash": secrets.token_hex(8), "for": user}
        shown: Json = {**cast(Json, view), **names, "team_id": self._space.team, "app_id": self._space.app}
        self._space.views[shown["id"]] = shown
        return {"view": shown}

    def _user(self, given: Json) -> Json:
        user = self._space.users.get(str(given.get("user", "")))
        if user is None:
            raise Refusal("user_not_found")
        return {"user": user}

    def _group(self, given: Json) -> Json:
        users = self._space.groups.get(str(given.get("usergroup", "")))
        if users is None:
            raise Refusal("no_such_subteam")
        return {"users": users}

    def _connect(self, _: Json) -> Json:
        return {"url": self._issue()}


def _decoded(value: Any) -> Any:
    """What came in a form is JSON in a text."""
    if isinstance(value, str) and value[:1] in "[{":
        try:
            return json.loads(value)
        except ValueError:
            return value
    return value


def _shown(message: Json, *, metadata: bool) -> Json:
    return {name: value for name, value in message.items() if metadata or name != "metadata"}


def _page(messages: list[Json], given: Json) -> Json:
    """One page of messages, and the cursor of the next."""
    limit = int(given.get("limit") or 100)
    if not 1 <= limit <= 999:
        raise Refusal("invalid_limit")
    cursor = str(given.get("cursor") or "")
    try:
        start = int(base64.b64decode(cursor).decode().removeprefix("next:")) if cursor else 0
    except ValueError as error:
        raise Refusal("invalid_cursor") from error
    metadata = str(given.get("include_all_metadata", "")).lower() in ("true", "1")
    shown = [_shown(one, metadata=metadata) for one in messages[start : start + limit]]
    more = start + limit < len(messages)
    following = base64.b64encode(f"next:{start + limit}".encode()).decode() if more else ""
    return {"messages": shown, "has_more": more, "response_metadata": {"next_cursor": following}}
