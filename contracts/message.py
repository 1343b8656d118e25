"""What is told to people while a run goes on: one message for each event, under a natural key.

    <run>/waiting/<gate>       a person must decide; the same message says later how it was settled
    <run>/escalated/<gate>     nobody decided in time
    <run>/failed/<attempt>     the run failed
    <run>/delivered/<attempt>  the run ended in any other way
    <run>/parked/<turn>        a turn must wait for budget or a quota; the run goes on by itself

What comes from outside is shown as it was written and does nothing: it is no link, no mention and no heading.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Literal
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, Field

from contracts.asked import Asked
from contracts.delivery import DeliveryStatus
from contracts.failure import Failure
from contracts.markdown import plain
from contracts.redaction import redact
from contracts.report import NEXT, SYMBOLS

Event = Literal["waiting", "settled", "escalated", "failed", "delivered", "parked"]

_MOST_CHOICES = 10
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_JOINER = "\u2060"
"""Invisible; it parts an address or a mention before it becomes one."""
_SIGNS = re.compile(r"[\\`*~\[\]]|(?<![^\W_])_|_(?![^\W_])")
_NAMES = re.compile(r"(?<=@)(?=\w)|(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
_ADDRESS = re.compile(r"(https?|file)://\S+")


class Message(BaseModel):
    """One message to people. All outside text in it is redacted, cut and free of markup."""

    model_config = ConfigDict(frozen=True)

    key: str = Field(description="Natural key: a channel shows one message of a key.")
    event: Event = Field(description="What happened.")
    title: str = Field(description="What happened and to which work item, one line of Markdown.")
    text: str = Field(description="The message: what happened, what to do, links; Markdown.")
    link: str = Field(description="Address of the flow run's page; empty when there is none.")
    run: str = Field(description="Id of the run.")
    asked: Asked | None = Field(default=None, description="What a waiting message asks; none: nothing can be answered.")


class Subject(BaseModel):
    """The run that a message is about."""

    model_config = ConfigDict(frozen=True)

    run: str = Field(description="Id of the run.")
    title: str = Field(description="Title of the work item.")
    repository: str = Field(description="Name of the repository.")
    pipeline: str = Field(description="Name of the pipeline.")
    link: str = Field(default="", description="Address of the flow run's page; empty: none.")
    pull_request: str = Field(default="", description="Address of the pull request; empty: none.")


class Settlement(BaseModel):
    """How a question was settled."""

    model_config = ConfigDict(frozen=True)

    who: str = Field(description="Who decided.")
    proven: bool = Field(default=False, description="The name is known, not only stated in the form.")
    choice: str = Field(description="What was chosen.")
    comment: str = Field(default="", description="What the person added.")
    seconds: float = Field(ge=0, description="How long the gate waited.")


def waiting(
    subject: Subject, gate: str, step: str, reason: str, choices: Mapping[str, str], asked: Asked | None = None
) -> Message:
    """Return the message that a person must decide before the run goes on.

    Args:
        subject: the run.
        gate: name of the gate within its run, such as architect-companion 1, or the key of its record.
        step: id of the step that waits.
        reason: why a person is asked, in words.
        choices: what may be chosen → what it does; at most ten are shown.
        asked: the question, for a channel that takes answers; none: it takes none.
    """
    parts = [_why(step, reason), _next(choices)]
    said = _message(subject, "waiting", gate, "🟡 **Waiting for a decision:**", parts)
    return said.model_copy(update={"asked": asked})


def settled(subject: Subject, gate: str, step: str, settlement: Settlement) -> Message:
    """Return what the message of a gate says when it is settled; gate and step are those of `waiting`."""
    stated = "" if settlement.proven else " (name as stated)"
    chosen = f"{shown(settlement.who)}{stated} chose {shown(settlement.choice)}"
    parts = [
        f"**Who:** at {shown(step)}, {chosen} after {duration(settlement.seconds)}",
        f"**Comment:** {shown(settlement.comment, 300)}" if settlement.comment.strip() else "",
        "**Next:** nothing to do here.",
    ]
    return _message(subject, "settled", gate, "⚪ **Decided:**", parts)


def escalated(subject: Subject, gate: str, step: str, reason: str, seconds: float) -> Message:
    """Return the one reminder that nobody has decided yet; `seconds` is how long the gate has waited."""
    head = f"🟠 **Still waiting after {duration(seconds)}:**"
    return _message(subject, "escalated", gate, head, [_why(step, reason), _next({})])


def failed(subject: Subject, attempt: int, failure: Failure) -> Message:
    """Return the message that an attempt failed: where, why, and what to do about it."""
    where = f" at {shown(failure.step)}" if failure.step else ""
    hint = failure.hint.replace(" below", " in the run's report")
    parts = [f"**Why:** {failure.kind}{where}, {shown(failure.message, 500)}", f"**Next:** {hint}"]
    return _message(subject, "failed", str(attempt), "🔴 **Failed:**", parts)


def parked(subject: Subject, turn: str, step: str, reason: str, waits: str) -> Message:
    """Return the message that a run waits for budget or a quota, without a decision of anybody.

    Args:
        subject: the run.
        turn: name of the turn that must wait; a run that waits on for the same one tells nobody again.
        step: id of the step.
        reason: why it waits.
        waits: what it waits for and until when, in a few words.
    """
    parts = [_why(step, reason), f"**Next:** nothing; it {shown(waits)}."]
    return _message(subject, "parked", turn, "⏸️ **Waiting without a process:**", parts)


def delivered(subject: Subject, attempt: int, status: DeliveryStatus, reason: str = "") -> Message:
    """Return the message that an attempt ended without a failure.

    Args:
        subject: the run.
        attempt: number of the attempt.
        status: how it ended.
        reason: why, in one sentence; empty: it needs none.
    """
    head = f"{SYMBOLS[status]} **{status.value.capitalize()}:**"
    parts = [f"**Why:** {shown(reason, 300)}" if reason.strip() else "", f"**Next:** {NEXT[status]}"]
    return _message(subject, "delivered", str(attempt), head, parts)


def shown(text: str, most: int = 120) -> str:
    """Return outside text as one line of Markdown that reads as it was written and does nothing.

    Args:
        text: any text.
        most: characters of it that are shown; a sign tells where it was cut.

    It must not begin a line, where Markdown gives further signs a meaning.
    """
    visible = "".join(sign for sign in text if sign.isspace() or unicodedata.category(sign) not in {"Cc", "Cf", "Cs"})
    flat = _NAMES.sub(_JOINER, plain(redact(visible), most))
    escaped = _SIGNS.sub(r"\\\g<0>", flat)
    return re.sub("[&<>]", lambda found: _ENTITIES[found[0]], escaped)


def duration(seconds: float) -> str:
    """Return a wait as a person reads it, in its two largest units: 40 s, 12 min, 3 h 20 min, 2 d 4 h."""
    minutes = int(seconds // 60)
    days, hours, rest = minutes // 1_440, minutes // 60 % 24, minutes % 60
    named = [f"{days} d" if days else "", f"{hours} h" if hours else "", f"{rest} min" if rest and not days else ""]
    return " ".join(part for part in named if part) or f"{int(seconds)} s"


def _message(subject: Subject, event: Event, part: str, head: str, parts: list[str]) -> Message:
    first = f"{head} {shown(subject.title)}"
    where = f"({shown(subject.pipeline)} on {shown(subject.repository)})"
    topic = "waiting" if event == "settled" else event
    links = [_link("run", subject.link), _link("pull request", subject.pull_request)]
    lines = [f"{first} {where}", *parts, " · ".join(link for link in links if link)]
    return Message(
        key=f"{subject.run}/{topic}/{part.removeprefix(f'{subject.run}/')}",
        event=event,
        title=first,
        text="\n\n".join(line for line in lines if line),
        link=_address(subject.link),
        run=subject.run,
    )


def _why(step: str, reason: str) -> str:
    return f"**Why:** at {shown(step)}, {shown(reason, 300)}"


def _next(choices: Mapping[str, str]) -> str:
    lines = [f"- **{shown(choice)}**: {shown(effect, 200)}" for choice, effect in choices.items()]
    more = [f"- and {len(lines) - _MOST_CHOICES} more on the run's page"] if len(lines) > _MOST_CHOICES else []
    listed = "\n".join([*lines[:_MOST_CHOICES], *more])
    return "\n\n".join(part for part in ("**Next:** decide on the run's page.", listed) if part)


def _link(words: str, address: str) -> str:
    """A link, or the address as text when it is of a sort that nobody should click."""
    target = _address(address)
    if target:
        return f"[{words}]({target})"
    return f"{words}: {shown(address, 300)}" if address.strip() else ""


def _address(address: str) -> str:
    """A web address or a file's, with every sign that could end it in Markdown or Slack encoded; else empty."""
    target = quote(redact(address.strip()), safe="/:?#@!$&'*+,=%~-._[]", errors="replace")
    return target if _ADDRESS.fullmatch(target) else ""
