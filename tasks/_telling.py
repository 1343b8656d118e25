"""People are told what happened to a run, once for each event."""

from __future__ import annotations

from prefect import get_run_logger

from blocks.channel import Channel
from blocks.loading import load
from contracts.errors import Misconfigured, Unavailable
from contracts.journal import Opening
from contracts.message import Message, Subject
from contracts.redaction import redact
from tasks._effects import perform
from tasks._pages import run_page


def subject_of(opening: Opening, pull_request: str = "") -> Subject:
    """Return the run as messages name it."""
    item = opening.item
    return Subject(
        run=opening.run,
        title=item.title,
        repository=item.repository.name,
        pipeline=opening.pipeline.name,
        link=run_page(opening.run),
        pull_request=pull_request,
    )


def tell(opening: Opening, message: Message) -> str:
    """Post a message once and return its reference; empty when the channel does not answer.

    A channel that does not answer, or takes nothing, stops no run: the intent stays open in the ledger, and whoever
    comes there again posts it.
    """
    channel = load(opening.policy.channel, Channel)
    key = message.key.removeprefix(f"{opening.run}/")
    try:
        return perform(
            opening, key, "message", lambda: channel.post(message), lambda: channel.find(message.key), ended=True
        )
    except (Unavailable, Misconfigured) as error:
        get_run_logger().warning("nobody was told: %s", redact(error.message))
        return ""


def correct(opening: Opening, message: Message) -> None:
    """Let the posted message of this key say something else; nothing to do when it was never posted."""
    channel = load(opening.policy.channel, Channel)
    try:
        reference = channel.find(message.key)
        if reference is not None:
            channel.edit(reference, message)
    except (Unavailable, Misconfigured) as error:
        get_run_logger().warning("the message still says that the run waits: %s", redact(error.message))
