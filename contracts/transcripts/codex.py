"""The output of Codex in its headless mode: `exec --json`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from uuid import UUID

from contracts.agent import Usage
from contracts.event import Event, brief, read_event
from contracts.failed_request import ending_of, resets_at
from contracts.transcript import Ended, Exit, Heard, Transcript, TurnEnding, forced_ending

_STATUS = re.compile(r"(?:unexpected|last) status:? (\d{3})\b")
_UNKNOWN = "no rollout found for thread id"
_SHELL = re.compile(r"^\S*/(?:ba|z|da)?sh -l?c (.*)$", re.DOTALL)
_WORDS = (
    (re.compile(r"quota exceeded", re.IGNORECASE), TurnEnding.QUOTA),
    (re.compile(r"out of room in the model.s context", re.IGNORECASE), TurnEnding.LIMIT),
    (re.compile(r"incomplete response returned, reason: max_output_tokens", re.IGNORECASE), TurnEnding.LIMIT),
    (re.compile(r"missing environment variable|model .{1,200} does not exist", re.IGNORECASE), TurnEnding.AUTH),
    (
        re.compile(r"high demand|connection failed|stream disconnected|reconnecting", re.IGNORECASE),
        TurnEnding.PROVIDER_DOWN,
    ),
)
"""The program's own words for failures whose status it does not tell."""


class CodexTranscript(Transcript):
    """Reads one process of Codex. Its counts of tokens are totals of the thread; of those one difference is made.

    Args:
        model: model that it was called with; its output names none.
        thread: thread that the process goes on with; empty: it begins one.
        before: what earlier processes of the turn consumed in that thread.
        begun: when the process began, for reset times that are told as a time of day; none: now.
    """

    def __init__(
        self, model: str = "", thread: str = "", before: Usage | None = None, begun: datetime | None = None
    ) -> None:
        self._model, self._goes_on_with = model, thread
        self._before = before or Usage()
        self._begun = begun or datetime.now(UTC)
        self._thread = self._text = self._error = ""
        self._failing = self._completed = False
        self._declined: set[str] = set()
        self._total = Event()

    def hear(self, line: str) -> Heard:
        """Take the next line; see `Transcript.hear`. What Codex says of a lost connection is no progress."""
        event = read_event(line)
        kind = event.text("type")
        if kind == "thread.started":
            self._thread = _identity(event.text("thread_id"))
            return Heard(session=self._thread)
        if kind == "turn.completed":
            self._completed, self._total = True, event.inner("usage")
            return Heard(useful=True, usage=self._consumed())
        if kind in ("error", "turn.failed"):
            self._error = event.text("message") or event.inner("error").text("message")
            self._failing = True
            return Heard(said=brief(self._error) if kind == "error" else "")
        if kind in ("item.started", "item.updated", "item.completed"):
            return self._item(event.inner("item"), kind.removeprefix("item."))
        return Heard()

    def end(self, process: Exit) -> Ended:
        """Judge the turn; see `Transcript.end`. Without a completed turn no exit code is a success."""
        ending, message = self._ending(process)
        limited = ending in (TurnEnding.QUOTA, TurnEnding.RATE_LIMITED)
        return Ended(
            ending=ending,
            message=message,
            detail="" if ending is TurnEnding.SUCCESS else f"{self._error}\n{process.stderr}".strip(),
            text=self._text,
            usage=self._consumed(),
            session=self._thread,
            resets_at=resets_at(self._error, self._begun) if limited else None,
        )

    def _item(self, item: Event, stage: str) -> Heard:
        kind, status = item.text("type"), item.text("status")
        if kind == "error":
            return Heard(said=brief(item.text("message")))
        self._failing = False
        if status == "declined":
            self._declined.add(brief(_command(item) or kind))
        if kind == "todo_list":
            points = item.each("items")
            done = sum(one.true("completed") for one in points)
            following = next((one.text("text") for one in points if not one.true("completed")), "")
            said = brief(f"next: {following}") if following and stage != "completed" else ""
            return Heard(useful=True, said=said, done=done, planned=len(points))
        if kind == "agent_message" and stage == "completed":
            self._text = item.text("text")
        return Heard(useful=True, said=brief(_said(item, stage)))

    def _consumed(self) -> Usage:
        """What this process consumed, which is never less than nothing."""
        if not self._total:
            return Usage()
        before = self._before if self._thread and self._thread == self._goes_on_with else Usage()
        read, written = self._total.count("cached_input_tokens"), self._total.count("cache_write_input_tokens")
        fresh = self._total.count("input_tokens") - read - written
        return Usage(
            model=self._model,
            input_tokens=max(0, fresh - before.input_tokens),
            output_tokens=max(0, self._total.count("output_tokens") - before.output_tokens),
            cache_read_tokens=max(0, read - before.cache_read_tokens),
            cache_write_tokens=max(0, written - before.cache_write_tokens),
        )

    def _ending(self, process: Exit) -> tuple[TurnEnding, str]:
        if self._completed:
            return self._judged(process)
        forced = forced_ending(process)
        if forced in (TurnEnding.HUNG, TurnEnding.OUT_OF_TIME) and self._failing:
            return self._failed() or TurnEnding.PROVIDER_DOWN, f"requests kept failing: {brief(self._error)}"
        if forced:
            return forced, "the process was ended before its turn was completed"
        if _UNKNOWN in process.stderr and not self._thread:
            return TurnEnding.UNKNOWN_SESSION, f"{_UNKNOWN} {self._goes_on_with!r}"
        if self._error:
            return self._failed() or TurnEnding.CRASHED, brief(self._error)
        said = brief(process.stderr)
        return TurnEnding.CRASHED, f"the program ended with code {process.code} without a completed turn: {said}"

    def _judged(self, process: Exit) -> tuple[TurnEnding, str]:
        if self._declined:
            return TurnEnding.DENIED, f"commands were declined: {brief('; '.join(sorted(self._declined)))}"
        if process.code and not process.forced:
            return TurnEnding.CRASHED, f"the program ended with code {process.code} after its turn was completed"
        return TurnEnding.SUCCESS, ""

    def _failed(self) -> TurnEnding | None:
        status = _STATUS.search(self._error)
        if status:
            return ending_of(int(status[1]), self._error)
        by_words = next((ending for pattern, ending in _WORDS if pattern.search(self._error)), None)
        return by_words or ending_of(0, self._error)


def _identity(thread: str) -> str:
    """The thread's id; a name that is none would silently begin another thread when it is resumed."""
    try:
        return str(UUID(thread))
    except ValueError:
        return ""


def _command(item: Event) -> str:
    """The command of an item, without the shell that Codex puts around it."""
    wrapped = _SHELL.match(item.text("command"))
    return wrapped[1].strip("'\"") if wrapped else item.text("command")


def _said(item: Event, stage: str) -> str:
    """What people read of an item: a command when it starts, and what failed or came of it when it has ended."""
    kind = item.text("type")
    if kind == "command_execution":
        if stage == "started":
            return f"$ {_command(item)}"
        last = (item.text("aggregated_output").strip().splitlines() or [""])[-1]
        return f"failed with code {item.count('exit_code')}: {last}" if item.text("status") == "failed" else ""
    if kind == "file_change":
        changed = [f"{one.text('kind')} {one.text('path')}" for one in item.each("changes")]
        prefix = "failed: " if item.text("status") == "failed" else ""
        return "" if stage == "started" else prefix + ", ".join(changed)
    if kind in ("mcp_tool_call", "web_search"):
        return (
            f"{item.text('server') or 'search'}: {item.text('tool') or item.text('query')}"
            if stage == "started"
            else ""
        )
    return item.text("text")
