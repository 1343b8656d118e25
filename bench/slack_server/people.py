"""People of the workspace: they press buttons, fill forms, run commands and mention the app."""

from __future__ import annotations

import secrets
import time
from dataclasses import dataclass
from typing import Any, cast

from bench.slack_server.server import SlackServer
from bench.slack_server.workspace import Json


@dataclass(frozen=True)
class Person:
    """Somebody in the workspace.

    Args:
        server: Slack.
        id: id of the user.
    """

    server: SlackServer
    id: str

    def press(self, ts: str, name: str) -> Json | None:
        """Press the button of this name on a message; return what the app acknowledges."""
        return self.server.deliver("interactive", self.pressed(ts, name))

    def pressed(self, ts: str, name: str) -> Json:
        """Return what Slack tells the app when the button is pressed."""
        channel = self.server.workspace.channel
        message = channel.find(ts)
        assert message is not None, f"there is no message {ts}"
        rows = [one for one in message.get("blocks", []) if one["type"] == "actions"]
        buttons = [(row, one) for row in rows for one in row["elements"]]
        found = [(row, one) for row, one in buttons if one["text"]["text"] == name]
        assert found, f"no button {name!r} among {[one['text']['text'] for _, one in buttons]}"
        row, button = found[0]
        action = {key: value for key, value in button.items() if key != "confirm"}
        action |= {"block_id": row.get("block_id", "b"), "action_ts": self.server.workspace.tick()}
        return {
            "type": "block_actions",
            **self._who(),
            "container": {"type": "message", "message_ts": ts, "channel_id": channel.id, "is_ephemeral": False},
            "channel": {"id": channel.id, "name": channel.name},
            "message": {key: value for key, value in message.items() if key != "metadata"},
            "state": {"values": {}},
            "response_url": self.server.url.replace("/api/", f"/response/{secrets.token_hex(8)}"),
            "actions": [action],
        }

    def form(self) -> Json:
        """Return the form that stands open for this person: the one that was opened last."""
        mine = [one for one in self.server.workspace.views.values() if one["for"] == self.id]
        assert mine, f"no form is open for {self.id}"
        return mine[-1]

    def submit(self, view: Json, **values: str) -> Json | None:
        """Send a form, checked as Slack's own program checks it; return what the app acknowledges."""
        return self.server.deliver("interactive", self.submitted(view, **values))

    def submitted(self, view: Json, **values: str) -> Json:
        """Return what Slack tells the app when the form is sent; `_` in a name stands for `-`."""
        typed = {name.replace("_", "-"): value for name, value in values.items()}
        state: Json = {}
        for block in (one for one in view["blocks"] if one["type"] == "input"):
            name, element = block["block_id"], block["element"]
            value = typed.pop(name, element.get("initial_value"))
            assert value or block.get("optional"), f"Slack does not send the form without {name!r}"
            state[name] = {element["action_id"]: _state(element, value)}
        assert not typed, f"the form has no fields {sorted(typed)}"
        kept = {key: value for key, value in view.items() if key != "for"}
        shown = {**kept, "state": {"values": state}}
        return {"type": "view_submission", **self._who(), "view": shown, "response_urls": []}

    def command(self, name: str, text: str = "") -> Json | None:
        """Run a slash command in the channel; return what the app acknowledges."""
        return self.server.deliver("slash_commands", self.commanded(name, text))

    def commanded(self, name: str, text: str = "") -> Json:
        """Return what Slack tells the app when the command is run."""
        space, who = self.server.workspace, self._who()
        return {
            "token": who["token"],
            "team_id": space.team,
            "team_domain": "acme",
            "channel_id": space.channel.id,
            "channel_name": space.channel.name,
            "user_id": self.id,
            "user_name": who["user"]["username"],
            "command": name,
            "text": text,
            "api_app_id": space.app,
            "is_enterprise_install": "false",
            "response_url": self.server.url.replace("/api/", f"/response/{secrets.token_hex(8)}"),
            "trigger_id": who["trigger_id"],
        }

    def mention(self, text: str) -> Json | None:
        """Mention the app in the channel; return what it acknowledges."""
        return self.server.deliver("events_api", self.mentioned(text))

    def mentioned(self, text: str) -> Json:
        """Return what Slack tells the app when it is mentioned; the words stand in the channel."""
        space = self.server.workspace
        said = space.say(space.channel, {"user": self.id, "text": f"<@{space.bot_user}> {text}"})
        named: Json = {"channel": space.channel.id, "event_ts": said["ts"], "client_msg_id": secrets.token_hex(8)}
        event: Json = {**said, **named, "type": "app_mention"}
        return {
            "token": "verification",
            "team_id": space.team,
            "api_app_id": space.app,
            "event": event,
            "type": "event_callback",
            "event_id": f"Ev{secrets.token_hex(5).upper()}",
            "event_time": int(time.time()),
            "authorizations": [{"team_id": space.team, "user_id": space.bot_user, "is_bot": True}],
        }

    def _who(self) -> Json:
        space = self.server.workspace
        name = str(space.users.get(self.id, {}).get("name", "somebody"))
        user = {"id": self.id, "username": name, "name": name, "team_id": space.team}
        return {
            "user": user,
            "api_app_id": space.app,
            "token": "verification",
            "trigger_id": space.trigger(self.id),
            "team": {"id": space.team, "domain": "acme"},
            "enterprise": None,
            "is_enterprise_install": False,
        }


def _state(element: Json, value: Any) -> Json:
    if element["type"] == "plain_text_input":
        text = cast(str | None, value)
        assert text is None or len(text) <= element.get("max_length", 3_000), "Slack takes no longer text here"
        return {"type": "plain_text_input", "value": text}
    chosen = [one for one in element["options"] if value in (one["value"], one["text"]["text"])]
    assert chosen, f"{value!r} is not offered"
    return {"type": element["type"], "selected_option": chosen[0]}
