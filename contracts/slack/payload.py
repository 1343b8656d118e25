"""What Slack tells of a person: a press, a filled-in form, a command or a mention, read strictly.

A payload that came over Socket Mode, or with a good signature, is Slack's; what it quotes is a person's, and is text.
(Slack, "Interaction payloads", "Slash commands", "app_mention".)
"""

from __future__ import annotations

import json
import re
from typing import Any, Literal

from pydantic import Field

from contracts.agent import Frozen
from contracts.gate import MOST_COMMENT
from contracts.intake.payload import plain_text
from contracts.slack.blocks import CHOOSE, OPEN, WITH_COMMENT
from contracts.slack.modal import CALLBACK
from contracts.slack.shapes import (
    ChannelId,
    Command,
    Event,
    GateKey,
    Kept,
    Pressed,
    Submitted,
    Unfit,
    UserId,
    an_object,
    parsed,
)

_LINK = re.compile(r"<(https?://[^|<>\s]+)(?:\|[^<>]*)?>")
_NAMED = re.compile(r"<[@#!][^|<>]*(?:\|([^<>]*))?>")


class Place(Frozen):
    """Where a person was, and is told what came of it."""

    channel: ChannelId = Field(description="Id of the channel.")
    thread: str = Field(default="", pattern=r"^([0-9]{1,12}\.[0-9]{1,9})?$", description="Thread there; empty: none.")


class Deed(Frozen):
    """Something that a person did."""

    source: str = Field(description="Natural key: the same deed, delivered again, has the same one.")
    person: UserId = Field(description="Id of the person.")
    name: str = Field(description="Name of the person, as Slack states it here.")
    place: Place = Field(description="Where they did it.")


class Press(Deed):
    """A button of a gate was pressed."""

    gate: GateKey = Field(description="Key of the gate.")
    choice: int = Field(ge=-1, le=1_000, description="Number of the choice; -1: the form has it.")
    opens: bool = Field(description="Whether a form follows.")
    trigger: str = Field(description="What opens a form within three seconds.")


class Sent(Deed):
    """A form of a gate was sent."""

    gate: GateKey = Field(description="Key of the gate.")
    choice: int = Field(ge=-1, le=1_000, description="Number of the choice; -1: the form has it.")
    values: dict[str, str] = Field(description="Field → what was typed or chosen.")


class Wish(Deed):
    """Work was asked for."""

    event: Literal["command", "mention"] = Field(description="How.")
    text: str = Field(description="What was said, without the command or the mention.")


def read_interaction(payload: Any, team: str) -> Press | Sent | None:
    """Return what a person did with a message or a form of ours, or none when it concerns nothing of ours.

    Args:
        payload: what Slack sent, read as JSON.
        team: id of the workspace that the app serves.

    Raises:
        Unfit: it is not what Slack sends, or comes from another workspace.
    """
    sort = an_object(payload).get("type")
    if sort == "block_actions":
        return _press(parsed(Pressed, payload), team)
    if sort == "view_submission":
        return _sent(parsed(Submitted, payload), team)
    return None


def read_command(payload: Any, team: str) -> Wish:
    """Return the work that a slash command asks for; see `read_interaction`."""
    raw = parsed(Command, payload)
    _check_team(team, raw.team_id)
    return Wish(
        source=f"command:{raw.trigger_id}",
        person=raw.user_id,
        name=plain_text(raw.user_name),
        place=Place(channel=raw.channel_id),
        event="command",
        text=_written(raw.text),
    )


def read_event(payload: Any, team: str) -> Wish | None:
    """Return the work that a mention asks for; none: it is another event, or a program's; see `read_interaction`."""
    event = an_object(an_object(payload).get("event"))
    if event.get("type") != "app_mention" or event.get("bot_id") or event.get("subtype"):
        return None
    raw = parsed(Event, payload)
    _check_team(team, raw.team_id, raw.event.team, raw.event.user_team)
    said = re.sub(r"^\s*<@[UW][A-Z0-9]+(?:\|[^<>]*)?>", "", raw.event.text)
    return Wish(
        source=f"event:{raw.event_id}",
        person=raw.event.user,
        name="",
        place=Place(channel=raw.event.channel, thread=raw.event.thread_ts or raw.event.ts),
        event="mention",
        text=_written(said),
    )


def _press(raw: Pressed, team: str) -> Press | None:
    _check_team(team, raw.team.id, raw.user.team_id)
    action, there = raw.actions[0], raw.container
    does = action.action_id.rpartition(".")[0]
    if does not in (CHOOSE, OPEN):
        return None
    kept = _kept(action.value)
    if does == CHOOSE and kept.choice == WITH_COMMENT:
        raise Unfit("the button answers at once and carries no choice")
    return Press(
        source=f"press:{raw.user.id}/{there.channel_id}/{there.message_ts}/{action.action_id}/{action.action_ts}",
        person=raw.user.id,
        name=plain_text(raw.user.name or raw.user.username),
        place=Place(channel=there.channel_id, thread=there.thread_ts or there.message_ts),
        gate=kept.gate,
        choice=kept.choice,
        opens=does == OPEN,
        trigger=raw.trigger_id,
    )


def _sent(raw: Submitted, team: str) -> Sent | None:
    _check_team(team, raw.team.id, raw.user.team_id, raw.view.team_id)
    if raw.view.callback_id != CALLBACK:
        return None
    kept = _kept(raw.view.private_metadata)
    if kept.channel is None:
        raise Unfit("the form does not say where it was opened")
    return Sent(
        source=f"form:{raw.user.id}/{raw.view.id}",
        person=raw.user.id,
        name=plain_text(raw.user.name or raw.user.username),
        place=parsed(Place, {"channel": kept.channel, "thread": kept.thread}),
        gate=kept.gate,
        choice=kept.choice,
        values={name: _typed(fields) for name, fields in raw.view.state.values.items()},
    )


def _kept(text: str) -> Kept:
    try:
        return parsed(Kept, json.loads(text))
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, Unfit) else Unfit("the button or form carries no JSON of ours") from None


def _typed(fields: dict[str, Any]) -> str:
    """What stands in a field: words, or the value of what was chosen."""
    element = an_object(next(iter(fields.values()), None))
    value = element.get("value") if "value" in element else an_object(element.get("selected_option")).get("value")
    return plain_text(value or "")[:MOST_COMMENT]


def _written(text: str) -> str:
    """Text as the person wrote it: Slack encodes three signs, and turns links and names into tokens."""
    bare = _NAMED.sub(lambda found: found[1] or "", _LINK.sub(r"\1", text))
    plain = bare.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")
    return plain_text(plain).strip()


def _check_team(team: str, *stated: str | None) -> None:
    foreign = next((one for one in stated if one is not None and one != team), None)
    if foreign is not None:
        raise Unfit(f"it comes from the workspace {foreign!r}, and this app serves {team!r}")
