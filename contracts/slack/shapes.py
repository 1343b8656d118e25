"""The shapes of what Slack sends, as far as we read it."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

UserId = Annotated[str, StringConstraints(pattern=r"^[UW][A-Z0-9]{2,30}$")]
TeamId = Annotated[str, StringConstraints(pattern=r"^[TE][A-Z0-9]{2,30}$")]
ChannelId = Annotated[str, StringConstraints(pattern=r"^[CGD][A-Z0-9]{2,30}$")]
Stamp = Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}\.[0-9]{1,9}$")]
GateKey = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9-]{1,64}/[a-z0-9]+([.-][a-z0-9]+)*\.gate/[1-9][0-9]{0,5}$", max_length=200),
]
Word = Annotated[str, StringConstraints(min_length=1, max_length=300)]
MOST_WISH = 20_000
"""Longest request for work, in characters."""
Shape = TypeVar("Shape", bound=BaseModel)


class Unfit(ValueError):
    """A payload that is not what Slack sends for something of ours; the message says why."""


class Raw(BaseModel):
    """A part of a payload; what is not named here may stand there as well."""

    model_config = ConfigDict(frozen=True, extra="ignore", strict=True)


class User(Raw):
    """Who did it."""

    id: UserId
    username: str = Field(default="", max_length=300)
    name: str = Field(default="", max_length=300)
    team_id: TeamId | None = None


class Team(Raw):
    """The workspace."""

    id: TeamId


class Container(Raw):
    """The message that a button stands on."""

    message_ts: Stamp
    channel_id: ChannelId
    thread_ts: Stamp | None = None


class Action(Raw):
    """The button."""

    type: Literal["button"]
    action_id: Word
    value: Annotated[str, StringConstraints(max_length=2_000)]
    action_ts: Stamp


class Pressed(Raw):
    """A press."""

    user: User
    team: Team
    container: Container
    trigger_id: Word
    actions: Annotated[list[Action], Field(min_length=1, max_length=1)]


class Kept(Raw):
    """What a button or a form of ours carries."""

    gate: GateKey
    choice: int = Field(ge=-1, le=1_000)
    channel: ChannelId | None = None
    thread: str = ""


class State(Raw):
    """What a form holds."""

    values: dict[str, dict[str, Any]]


class View(Raw):
    """A form."""

    id: Word
    team_id: TeamId | None = None
    callback_id: str
    private_metadata: Annotated[str, StringConstraints(max_length=3_000)]
    state: State


class Submitted(Raw):
    """A form that was sent."""

    user: User
    team: Team
    view: View


class Command(Raw):
    """A slash command."""

    team_id: TeamId
    user_id: UserId
    user_name: str = Field(default="", max_length=300)
    channel_id: ChannelId
    trigger_id: Word
    command: Word
    text: Annotated[str, StringConstraints(max_length=MOST_WISH)] = ""


class Mention(Raw):
    """A mention of the app."""

    user: UserId
    text: Annotated[str, StringConstraints(max_length=MOST_WISH)]
    ts: Stamp
    channel: ChannelId
    thread_ts: Stamp | None = None
    team: TeamId | None = None
    user_team: TeamId | None = None


class Event(Raw):
    """An event with a mention."""

    team_id: TeamId
    event_id: Word
    event: Mention


def an_object(value: Any) -> dict[str, Any]:
    """Return an object as it is, anything else as an empty one."""
    return cast(dict[str, Any], value) if isinstance(value, dict) else {}


def parsed(model: type[Shape], value: Any) -> Shape:
    """Return a value as one of these shapes.

    Raises:
        Unfit: it has another one.
    """
    try:
        return model.model_validate(value)
    except ValidationError as error:
        fields = ", ".join(".".join(map(str, one["loc"])) or "all of it" for one in error.errors()[:5])
        raise Unfit(f"the payload is not what Slack sends: {fields}") from None
