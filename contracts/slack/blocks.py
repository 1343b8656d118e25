"""A message as Slack shows it: Block Kit, with a button for each choice while it can be answered.

A button carries the key of its gate and the number of its choice, nothing else: what it means is looked up.
(Slack, "Block Kit" reference: 50 blocks of a message, 25 elements of a row, 75 characters on a button.)
"""

from __future__ import annotations

import json
from typing import Any

from contracts.asked import Asked
from contracts.choices import ADVANCING, Choice
from contracts.message import Message
from contracts.slack.markup import context, cut, cut_marked, literal, mrkdwn, section, words

EVENT_TYPE = "delivery_message"
"""Type of the metadata by which a message is found again."""
CHOOSE, OPEN = "gate.choose", "gate.open"
"""What a button does: give an answer at once, or open a form."""
WITH_COMMENT = -1
"""Number of the choice on the button that opens a form with all choices."""
_MOST_BUTTONS = 20
_MOST_FALLBACK = 3_000
_NAMES = {Choice.APPROVE_MINE: "Edit and approve", Choice.OTHER: "Another answer"}
_DOES = {
    Choice.APPROVE_MINE: "you edit the proposal, and the run goes on with your text",
    Choice.OTHER: "you write the answer",
}
"""What a choice does here, where a form follows."""
_WEIGHTY = {
    Choice.MERGE: "primary",
    Choice.REJECT: "danger",
    Choice.STOP: "danger",
    Choice.LET_PASS: "primary",
}
"""Choices that cannot be taken back by a second press, and how Slack colours them."""


def blocks_of(message: Message) -> list[dict[str, Any]]:
    """Return a message as blocks."""
    first, *parts = message.text.split("\n\n")
    links = parts.pop() if parts and parts[-1].startswith(("[", "run: ", "pull request: ")) else ""
    blocks = [section(mrkdwn(first))]
    if message.asked is None:
        blocks += [section(mrkdwn(part)) for part in parts]
    else:
        blocks += [section(f"*Why:* at {literal(message.asked.name)}, {literal(message.asked.title, 1_000)}")]
        blocks += _question(message.asked)
    if message.event == "escalated":
        blocks.append(context("Its buttons are further up in this run's thread."))
    return [*blocks, *([context(mrkdwn(links))] if links else [])]


def fallback(message: Message) -> str:
    """Return the text that notifications and screen readers have instead of the blocks."""
    first = message.text.split("\n\n")[0]
    return cut_marked(mrkdwn(first), _MOST_FALLBACK)


def metadata_of(message: Message) -> dict[str, Any]:
    """Return what identifies a message in the channel's history."""
    payload = {"key": message.key, "run": message.run, "event": message.event}
    return {"event_type": EVENT_TYPE, "event_payload": payload}


def button_name(choice: str, *, opens: bool) -> str:
    """Return what stands on the button of a choice; dots say that a form follows."""
    name = _NAMES.get(Choice(choice), choice.capitalize()) if choice in set(Choice) else choice
    return f"{cut(name, 70)}…" if opens else name


def opens_form(asked: Asked, choice: str) -> bool:
    """Whether a choice needs words, so that its button opens a form."""
    return choice in asked.wordy or asked.answers_findings(choice)


def does(asked: Asked, choice: str) -> str:
    """Return what a choice does, as mrkdwn."""
    here = _DOES.get(Choice(choice)) if choice in set(Choice) else None
    return literal(here or asked.does.get(choice, ""), 200)


def _question(asked: Asked) -> list[dict[str, Any]]:
    known = set(Choice)
    options = " · ".join(f"*{_shown(asked, one)}*" for one in _listed(asked) if one not in known)
    lines = [f"• {options}: this is the answer to the agent's question"] if options else []
    lines += [f"• *{_shown(asked, one)}*: {does(asked, one)}" for one in _listed(asked) if one in known]
    more = "\n• more choices are on the run's page" if len(asked.choices) > _MOST_BUTTONS else ""
    blocks = [section(f"*Asked again:* {literal(asked.again, 1_000)}")] if asked.again else []
    blocks += _findings(asked)
    blocks.append(section("*Next:* decide here or on the run's page.\n" + "\n".join(lines) + more))
    return [*blocks, _buttons(asked)]


def _listed(asked: Asked) -> list[str]:
    return asked.choices[:_MOST_BUTTONS]


def _shown(asked: Asked, choice: str) -> str:
    return literal(button_name(choice, opens=opens_form(asked, choice)), 120)


def _findings(asked: Asked) -> list[dict[str, Any]]:
    """The findings by their numbers, so many in a block as it holds."""
    blocks: list[str] = []
    for number, one in enumerate(asked.findings, 1):
        detail = f": {literal(one.detail, 300)}" if one.detail else ""
        line = f"{number}. *{literal(one.title, 200)}* ({one.category}, {one.severity}){detail}"
        if blocks and len(blocks[-1]) + len(line) < 2_900:
            blocks[-1] += f"\n{line}"
        else:
            blocks.append(line)
    return [section(block) for block in blocks]


def _buttons(asked: Asked) -> dict[str, Any]:
    buttons = [_button(asked, number, choice) for number, choice in enumerate(_listed(asked))]
    if any(not opens_form(asked, choice) for choice in asked.choices):
        buttons.append(_plain(asked, OPEN, WITH_COMMENT, "With a comment…"))
    return {"type": "actions", "block_id": cut(f"gate:{asked.gate}", 255), "elements": buttons}


def _button(asked: Asked, number: int, choice: str) -> dict[str, Any]:
    opens = opens_form(asked, choice)
    button = _plain(asked, OPEN if opens else CHOOSE, number, button_name(choice, opens=opens))
    known = Choice(choice) if choice in set(Choice) else None
    if known is not None and known in _WEIGHTY:
        button |= {"style": _WEIGHTY[known], "confirm": _confirm(asked, choice)}
    elif known in ADVANCING and not opens:
        button |= {"style": "primary"}
    return button


def _plain(asked: Asked, action: str, number: int, name: str) -> dict[str, Any]:
    value = json.dumps({"gate": asked.gate, "choice": number}, separators=(",", ":"))
    return {"type": "button", "action_id": f"{action}.{number}", "text": words(name, 75), "value": value}


def _confirm(asked: Asked, choice: str) -> dict[str, Any]:
    """The question that Slack asks before a choice that cannot be taken back."""
    return {
        "title": words(choice.capitalize(), 100),
        "text": words(f"{asked.name}: {asked.does.get(choice, '')}.", 300),
        "confirm": words(f"Yes, {choice}", 30),
        "deny": words("Not yet", 30),
    }
