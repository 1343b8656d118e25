"""The turn as far as this agent reads it, the settings that hold for it, and the answer."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

PROTOCOL = 1
FAILED, UNSERVED, NO_RUFF = 1, 2, 3
"""Exit codes."""

SELECT = "F401,F541,F632,F811,E711,E712,E713,E714,W605,UP,C4,PIE,SIM,RET5"
"""Rules whose findings are worth repairing and rarely a matter of taste."""
MAX_LINES = 200
"""The merge policy rates larger changes as riskier."""


class CannotServe(Exception):
    """The turn ends without a reply.

    Args:
        message: what was observed and what to do.
        code: exit code of the process.
    """

    def __init__(self, message: str, code: int = UNSERVED) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Settings:
    """What a person chose: rules as ruff takes them, left-out paths as patterns, most changed lines."""

    select: str
    exclude: tuple[str, ...]
    max_lines: int


@dataclass(frozen=True)
class Turn:
    """One turn: its kind, checkout (none without one), base commit, remarks to act on and settings."""

    kind: str
    root: Path | None
    base: str
    feedback: str
    comments: tuple[tuple[str, str], ...]
    revised: bool
    settings: Settings


@dataclass(frozen=True)
class Answer:
    """What the reply says; fields as in the protocol."""

    text: str
    structured: dict[str, Any] | None = None
    no_change_needed: str = ""
    commit_message: str = ""

    def document(self) -> dict[str, Any]:
        """Return the reply as it is written."""
        return {
            "protocol": PROTOCOL,
            "text": self.text,
            "structured": self.structured,
            "no_change_needed": self.no_change_needed,
            "commit_message": self.commit_message,
        }


def say(line: str) -> None:
    """Show a line of progress."""
    print(line, file=sys.stderr, flush=True)


def read_turn(document: bytes, arguments: list[str]) -> Turn:
    """Return the turn; its own options outweigh the arguments.

    Raises:
        CannotServe: the document is no turn of this protocol, or a setting is unusable.
    """
    flags = _arguments(arguments)
    try:
        data = json.loads(document)
    except ValueError as error:
        raise CannotServe(f"standard input holds no JSON ({error}); write one agent turn to it") from error
    if not isinstance(data, dict) or "kind" not in data:
        raise CannotServe("standard input holds no agent turn; write one JSON object with a kind to it")
    turn = cast("dict[str, Any]", data)
    if turn.get("protocol") != PROTOCOL:
        raise CannotServe(f"the turn has protocol {turn.get('protocol')!r}; this agent speaks {PROTOCOL}")
    place: dict[str, Any] = turn.get("workspace") or {}
    revision: dict[str, Any] = turn.get("revision") or {}
    return Turn(
        kind=str(turn["kind"]),
        root=Path(place["path"]).resolve() if place else None,
        base=place.get("base_commit", ""),
        feedback=revision.get("feedback", ""),
        comments=tuple((one["severity"], one.get("file", "")) for one in revision.get("comments", [])),
        revised=bool(revision),
        settings=_settings(flags, turn.get("options") or {}),
    )


def _arguments(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="ruff_agent", description="Repairs what ruff finds; reads one agent turn.")
    parser.add_argument("--select", default=SELECT, help="rules, as ruff takes them (default: %(default)s)")
    parser.add_argument("--exclude", action="append", default=[], help="pattern of paths to leave alone; repeatable")
    parser.add_argument("--max-lines", type=int, default=MAX_LINES, help="most changed lines (default: %(default)s)")
    return parser.parse_args(arguments)


def _settings(flags: argparse.Namespace, options: dict[str, Any]) -> Settings:
    select, lines = options.get("select", flags.select), options.get("max_lines", flags.max_lines)
    if isinstance(lines, bool) or not isinstance(lines, int) or lines < 1:
        raise CannotServe(f"max_lines is {lines!r}; give a whole number from 1 on")
    rules = ",".join(_texts("select", select))
    if not rules:
        raise CannotServe("select names no rule; give rules such as F401,UP or leave it out")
    return Settings(rules, (*flags.exclude, *_texts("exclude", options.get("exclude", []))), lines)


def _texts(name: str, value: object) -> list[str]:
    """Read a list of texts, or one text with commas."""
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in cast("list[object]", parts)):
        raise CannotServe(f"{name} is {value!r}; give a list of texts")
    return [part.strip() for part in cast("list[str]", parts) if part.strip()]
