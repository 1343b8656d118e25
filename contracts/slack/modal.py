"""The form that Slack opens for a choice that needs words: one field for a comment, a text, or each finding.

(Slack, "Views" reference: 100 blocks of a form, 24 characters of its title, 3,000 of a field and of its metadata.)
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from pydantic import Field

from contracts.agent import Frozen
from contracts.answers import read_answers
from contracts.asked import Asked
from contracts.choices import NEEDS_COMMENT, Choice
from contracts.slack.blocks import WITH_COMMENT, button_name, does
from contracts.slack.markup import MOST_TEXT, context, cut, literal, section, words

CALLBACK = "gate"
"""Callback id of the form."""
CHOICE, COMMENT, ANSWER = "choice", "comment", "answer"
"""Names of its fields; an answer's has the number of its finding behind it."""
_MOST_RADIO = 10
_HEADER = re.compile(r"^(?====)", re.MULTILINE)
"""Where a line of an answer would read as the head of another answer."""


class Filled(Frozen):
    """A form that can be taken as an answer."""

    choice: str = Field(description="What was chosen.")
    text: str = Field(description="Comment, replacing text, or answers to the findings.")


def modal(asked: Asked, number: int, place: Mapping[str, str]) -> dict[str, Any]:
    """Return the form for one choice of a gate.

    Args:
        asked: what is asked.
        number: number of the choice from 0, or `WITH_COMMENT` for a form in which it is chosen.
        place: where the question stands: channel and ts.
    """
    choice = asked.choices[number] if number != WITH_COMMENT else ""
    kept = {"gate": asked.gate, "choice": number, **place}
    head = [section(f"*{literal(asked.name, 200)}:* {literal(asked.title, 2_000)}")]
    if asked.again:
        head.append(section(f"*Asked again:* {literal(asked.again, 2_000)}"))
    if choice:
        head.append(context(f"*{literal(button_name(choice, opens=False), 200)}*: {does(asked, choice)}"))
    return {
        "type": "modal",
        "callback_id": CALLBACK,
        "title": words(button_name(choice, opens=False) if choice else "Decide", 24),
        "submit": words("Send", 24),
        "close": words("Cancel", 24),
        "private_metadata": json.dumps(kept, separators=(",", ":")),
        "blocks": [*head, *_fields(asked, choice)],
    }


def read_modal(asked: Asked, number: int, values: Mapping[str, str]) -> Filled | dict[str, str]:
    """Return a filled-in form as an answer, or what is wrong with it by the names of its fields.

    Args:
        asked: what is asked.
        number: as `modal` was called with.
        values: field → what was typed or chosen.
    """
    choice = asked.choices[number] if number != WITH_COMMENT else _chosen(asked, values.get(CHOICE, ""))
    if not choice:
        return {CHOICE: "choose one"}
    if asked.answers_findings(choice):
        return _answers(asked, choice, values)
    text = values.get(COMMENT, "").strip()
    if choice in asked.wordy and not text:
        return {COMMENT: NEEDS_COMMENT[Choice(choice)]}
    return Filled(choice=choice, text=text)


def _fields(asked: Asked, choice: str) -> list[dict[str, Any]]:
    if choice and asked.answers_findings(choice):
        return [_finding(asked, number) for number in range(1, len(asked.findings) + 1)]
    if choice == Choice.APPROVE_MINE:
        return _text(asked)
    if choice:
        return [_input(COMMENT, "Comment", NEEDS_COMMENT.get(Choice(choice), "") if choice in set(Choice) else "")]
    wordless = [one for one in asked.choices if one != Choice.APPROVE_MINE and not asked.answers_findings(one)]
    needed = ", ".join(one for one in wordless if one in asked.wordy)
    hint = f"Whoever goes on with the work reads it.{f' Needed for: {needed}.' if needed else ''}"
    return [_choices(asked, wordless), _input(COMMENT, "Comment", hint) | {"optional": True}]


def _choices(asked: Asked, offered: list[str]) -> dict[str, Any]:
    options = [{"text": words(one, 75), "value": str(asked.choices.index(one))} for one in offered[:100]]
    sort = "radio_buttons" if len(options) <= _MOST_RADIO else "static_select"
    element = {"type": sort, "action_id": CHOICE, "options": options}
    return {"type": "input", "block_id": CHOICE, "label": words("Your choice", 100), "element": element}


def _text(asked: Asked) -> list[dict[str, Any]]:
    """The proposal to be edited; one that is longer than a field holds must be written anew or edited elsewhere."""
    fits = len(asked.proposal) <= MOST_TEXT
    field = _input(COMMENT, "The whole text that replaces the proposal", "", asked.proposal if fits else "")
    long = (
        f"The proposal is longer than Slack's {MOST_TEXT:,} characters; edit it on the run's page, or write a new one."
    )
    return [field] if fits else [context(long), field]


def _finding(asked: Asked, number: int) -> dict[str, Any]:
    one = asked.findings[number - 1]
    hint = f"{one.category}, {one.severity}. {one.detail} Write dismiss, or dismiss: reason, when it needs no answer."
    return _input(f"{ANSWER}-{number}", f"{number}. {one.title}", hint)


def _input(name: str, label: str, hint: str, text: str = "") -> dict[str, Any]:
    element: dict[str, Any] = {"type": "plain_text_input", "action_id": name, "multiline": True}
    element |= {"max_length": MOST_TEXT} | ({"initial_value": text} if text else {})
    field = {"type": "input", "block_id": name, "label": words(label, 300), "element": element, "optional": False}
    return field | ({"hint": words(hint, 1_000)} if hint else {})


def _chosen(asked: Asked, value: str) -> str:
    known = value.isascii() and value.isdigit() and len(value) < 4 and int(value) < len(asked.choices)
    return asked.choices[int(value)] if known else ""


def _answers(asked: Asked, choice: str, values: Mapping[str, str]) -> Filled | dict[str, str]:
    """The answers as one text with the numbers of the findings, which the gate reads strictly."""
    names = [f"{ANSWER}-{number}" for number in range(1, len(asked.findings) + 1)]
    missing = {name: "write an answer, or dismiss" for name in names if not values.get(name, "").strip()}
    if missing:
        return missing
    typed = [_HEADER.sub(" ", values[name].strip()) for name in names]
    text = "\n\n".join(f"=== {number} ===\n{answer}" for number, answer in enumerate(typed, 1))
    try:
        read_answers(text, asked.findings)
    except ValueError as error:
        return {names[0]: cut(str(error), 300)}
    return Filled(choice=choice, text=text)
