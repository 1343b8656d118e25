"""Block Kit as Slack checks it: what a block may hold, how much of it, and how long each text may be.

The numbers are those of Slack's reference of blocks, block elements, composition objects and views.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, cast

Json = dict[str, Any]
_BLOCKS = {"message": 50, "modal": 100}
_ELEMENTS = {
    "button": {"text", "action_id", "url", "value", "style", "confirm", "accessibility_label"},
    "plain_text_input": {"action_id", "initial_value", "multiline", "min_length", "max_length", "placeholder"}
    | {"dispatch_action_config", "focus_on_load"},
    "radio_buttons": {"action_id", "options", "initial_option", "confirm", "focus_on_load"},
    "static_select": {"action_id", "options", "option_groups", "initial_option", "confirm", "focus_on_load"}
    | {"placeholder"},
}
_FIELDS = {
    "section": {"text", "fields", "accessory", "expand"},
    "context": {"elements"},
    "actions": {"elements"},
    "input": {"label", "element", "dispatch_action", "hint", "optional"},
    "header": {"text"},
    "divider": set[str](),
}
_VIEW = {"type", "callback_id", "title", "submit", "close", "private_metadata", "blocks", "clear_on_close"} | {
    "notify_on_close",
    "external_id",
    "submit_disabled",
}


def message_problems(blocks: Any) -> list[str]:
    """Return what is wrong with the blocks of a message, as Slack words it."""
    return [*_all(blocks, "message", "/blocks")]


def view_problems(view: Any) -> list[str]:
    """Return what is wrong with a form."""
    if not isinstance(view, dict):
        return ["[ERROR] must provide an object [json-pointer:/view]"]
    shown = cast(Json, view)
    found = [f"[ERROR] no more keys allowed: {one} [json-pointer:/view]" for one in sorted(set(shown) - _VIEW)]
    if shown.get("type") != "modal":
        found.append("[ERROR] unsupported type [json-pointer:/view/type]")
    for name, most in (("title", 24), ("submit", 24), ("close", 24)):
        if name in shown or name == "title":
            found += _text(shown.get(name), most, f"/view/{name}", ("plain_text",))
    found += _long(shown.get("private_metadata", ""), 3_000, "/view/private_metadata")
    found += _long(shown.get("callback_id", ""), 255, "/view/callback_id")
    rows = cast(list[Any], shown.get("blocks") or [])
    inputs = [one for one in (cast(Json, one) for one in rows if isinstance(one, dict)) if one.get("type") == "input"]
    if inputs and "submit" not in shown:
        found.append("[ERROR] missing required field: submit [json-pointer:/view]")
    return [*found, *_all(shown.get("blocks"), "modal", "/view/blocks")]


def _all(blocks: Any, surface: str, at: str) -> Iterator[str]:
    if not isinstance(blocks, list):
        yield f"[ERROR] must be an array [json-pointer:{at}]"
        return
    many = cast(list[Any], blocks)
    if len(many) > _BLOCKS[surface]:
        yield f"[ERROR] no more than {_BLOCKS[surface]} items allowed [json-pointer:{at}]"
    named = [cast(Json, one) for one in many if isinstance(one, dict)]
    names = [str(one["block_id"]) for one in named if "block_id" in one]
    for name in sorted({one for one in names if names.count(one) > 1}):
        yield f"[ERROR] `block_id` {name} already exists [json-pointer:{at}]"
    for number, block in enumerate(many):
        yield from _block(block, surface, f"{at}/{number}")


def _block(raw: Any, surface: str, at: str) -> Iterator[str]:
    if not isinstance(raw, dict) or cast(Json, raw).get("type") not in _FIELDS:
        yield f"[ERROR] unsupported type [json-pointer:{at}/type]"
        return
    block = cast(Json, raw)
    sort = str(block["type"])
    for name in sorted(set(block) - _FIELDS[sort] - {"type", "block_id"}):
        yield f"[ERROR] no more keys allowed: {name} [json-pointer:{at}]"
    yield from _long(block.get("block_id", "x"), 255, f"{at}/block_id", least=1)
    if sort == "section":
        yield from _text(block.get("text"), 3_000, f"{at}/text")
    elif sort == "header":
        yield from _text(block.get("text"), 150, f"{at}/text", ("plain_text",))
    elif sort == "context":
        yield from _many(block.get("elements"), 10, f"{at}/elements")
        for number, one in enumerate(block.get("elements") or []):
            yield from _text(one, 3_000, f"{at}/elements/{number}")
    elif sort == "actions":
        yield from _actions(block.get("elements"), f"{at}/elements")
    elif sort == "input":
        yield from _input(block, surface, at)


def _actions(raw: Any, at: str) -> Iterator[str]:
    yield from _many(raw, 25, at)
    elements = cast(list[Json], raw or [])
    names = [str(one.get("action_id")) for one in elements]
    for name in sorted({one for one in names if names.count(one) > 1}):
        yield f"[ERROR] `action_id` {name} already exists for other actions [json-pointer:{at}]"
    for number, one in enumerate(elements):
        yield from _element(one, f"{at}/{number}")


def _input(block: Json, surface: str, at: str) -> Iterator[str]:
    if surface == "message":
        yield f"[ERROR] unsupported type: input [json-pointer:{at}/type]"
    yield from _text(block.get("label"), 2_000, f"{at}/label", ("plain_text",))
    if "hint" in block:
        yield from _text(block["hint"], 2_000, f"{at}/hint", ("plain_text",))
    yield from _element(block.get("element"), f"{at}/element")


def _element(raw: Any, at: str) -> Iterator[str]:
    if not isinstance(raw, dict) or cast(Json, raw).get("type") not in _ELEMENTS:
        yield f"[ERROR] unsupported type [json-pointer:{at}/type]"
        return
    one = cast(Json, raw)
    sort = str(one["type"])
    for name in sorted(set(one) - _ELEMENTS[sort] - {"type"}):
        yield f"[ERROR] no more keys allowed: {name} [json-pointer:{at}]"
    yield from _long(one.get("action_id", ""), 255, f"{at}/action_id", least=1)
    if sort == "button":
        yield from _text(one.get("text"), 75, f"{at}/text", ("plain_text",))
        yield from _long(one.get("value", ""), 2_000, f"{at}/value")
        if one.get("style", "primary") not in ("primary", "danger"):
            yield f"[ERROR] invalid value [json-pointer:{at}/style]"
        if "confirm" in one:
            yield from _confirm(one["confirm"], f"{at}/confirm")
    elif sort == "plain_text_input":
        most = int(one.get("max_length", 3_000))
        if not 1 <= most <= 3_000:
            yield f"[ERROR] must be between 1 and 3000 [json-pointer:{at}/max_length]"
        yield from _long(one.get("initial_value", ""), most, f"{at}/initial_value")
    else:
        yield from _options(one.get("options"), 10 if sort == "radio_buttons" else 100, f"{at}/options")


def _options(raw: Any, most: int, at: str) -> Iterator[str]:
    yield from _many(raw, most, at)
    for number, one in enumerate(cast(list[Json], raw or [])):
        yield from _text(one.get("text"), 75, f"{at}/{number}/text")
        yield from _long(one.get("value"), 150, f"{at}/{number}/value")


def _confirm(raw: Any, at: str) -> Iterator[str]:
    if not isinstance(raw, dict):
        yield f"[ERROR] must be an object [json-pointer:{at}]"
        return
    for name, most in (("title", 100), ("text", 300), ("confirm", 30), ("deny", 30)):
        yield from _text(cast(Json, raw).get(name), most, f"{at}/{name}")


def _many(raw: Any, most: int, at: str) -> Iterator[str]:
    if not isinstance(raw, list) or not 1 <= len(cast(list[Any], raw)) <= most:
        yield f"[ERROR] must have between 1 and {most} items [json-pointer:{at}]"


def _text(raw: Any, most: int, at: str, sorts: tuple[str, ...] = ("mrkdwn", "plain_text")) -> Iterator[str]:
    if not isinstance(raw, dict) or cast(Json, raw).get("type") not in sorts:
        yield f"[ERROR] must be a text object of {' or '.join(sorts)} [json-pointer:{at}]"
        return
    text = cast(Json, raw)
    allowed = {"type", "text", "verbatim"} if text["type"] == "mrkdwn" else {"type", "text", "emoji"}
    for name in sorted(set(text) - allowed):
        yield f"[ERROR] no more keys allowed: {name} [json-pointer:{at}]"
    yield from _long(text.get("text"), most, f"{at}/text", least=1)


def _long(raw: Any, most: int, at: str, least: int = 0) -> Iterator[str]:
    if not isinstance(raw, str):
        yield f"[ERROR] must be a string [json-pointer:{at}]"
    elif len(raw) > most:
        yield f"[ERROR] must be less than {most + 1} characters [json-pointer:{at}]"
    elif len(raw) < least:
        yield f"[ERROR] must be more than {least - 1} characters [json-pointer:{at}]"
