"""The output of opencode in its headless mode: `run --format json`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import reduce

from contracts.agent import Usage
from contracts.event import Event, brief, read_event
from contracts.failed_request import ending_of, resets_at
from contracts.transcript import Ended, Exit, Heard, Transcript, TurnEnding, added, forced_ending

_UNKNOWN = "Session not found"
_FAILED_REQUEST = re.compile(
    r'^timestamp=(\S+) level=ERROR .*message="stream error" .*error\.error="(.*)"$', re.MULTILINE
)
"""What the program's log says of a request that it will repeat; its events do not tell."""
_PLAIN = re.compile(r"\x1b\[[0-9;]*m")
_NAMED = {"ProviderAuthError": TurnEnding.AUTH, "ContextOverflowError": TurnEnding.LIMIT}
_DENIED = re.compile(r"rejected permission|prevents you from using this|permission.{0,40}denied", re.IGNORECASE)
_SHOWN = ("command", "filePath", "path", "pattern", "url", "query", "description", "prompt")


class OpenCodeTranscript(Transcript):
    """Reads one process of opencode. Tokens and costs are told for each step, and are added up here.

    Args:
        model: model that it was called with; its output names none.
        begun: when the process began, for reset times that are told as a time of day; none: now.
    """

    def __init__(self, model: str = "", begun: datetime | None = None) -> None:
        self._model = model
        self._begun = begun or datetime.now(UTC)
        self._session = self._text = self._reason = ""
        self._usage = Usage()
        self._error = Event()
        self._progress = 0.0
        self._empty = 0
        self._denied: set[str] = set()

    def hear(self, line: str) -> Heard:
        """Take the next line; see `Transcript.hear`. A step in which the model said nothing is no progress."""
        event = read_event(line)
        part, kind = event.inner("part"), event.text("type")
        self._session = event.text("sessionID") or self._session
        if kind == "error":
            self._error = event.inner("error")
            return Heard(said=brief(_failure(self._error)), session=self._session)
        if kind == "step_finish":
            return self._finished(part)._replace(session=self._session)
        if kind not in ("text", "reasoning", "tool_use"):
            return Heard(session=self._session)
        self._progress, self._empty = event.number("timestamp") or 0.0, 0
        heard = self._tool(part) if kind == "tool_use" else Heard(said=brief(part.text("text")))
        if kind == "text":
            self._text = part.text("text")
        return heard._replace(useful=True, session=self._session)

    def end(self, process: Exit) -> Ended:
        """Judge the turn; see `Transcript.end`. Only a step that ended by the model's own will is a success."""
        ending, message = self._ending(process)
        limited = ending in (TurnEnding.QUOTA, TurnEnding.RATE_LIMITED)
        return Ended(
            ending=ending,
            message=message,
            detail="" if ending is TurnEnding.SUCCESS else f"{_failure(self._error)}\n{process.stderr}".strip(),
            text=self._text,
            usage=self._usage,
            session=self._session,
            resets_at=self._resets(f"{message}\n{process.stderr}") if limited else None,
        )

    def _finished(self, part: Event) -> Heard:
        tokens, cache = part.inner("tokens"), part.inner("tokens").inner("cache")
        self._reason = part.text("reason")
        used = Usage(
            model=self._model,
            input_tokens=tokens.count("input"),
            output_tokens=tokens.count("output") + tokens.count("reasoning"),
            cache_read_tokens=cache.count("read"),
            cache_write_tokens=cache.count("write"),
            cost=part.number("cost") or None,
        )
        if used == Usage(model=self._model):
            self._empty += 1
            return Heard()
        self._usage = reduce(added, (self._usage, used))
        return Heard(useful=True, usage=self._usage)

    def _tool(self, part: Event) -> Heard:
        state = part.inner("state")
        given, failed = state.inner("input"), state.text("status") == "error"
        if failed and _DENIED.search(state.text("error")):
            self._denied.add(part.text("tool"))
        if part.text("tool") == "todowrite" and not failed:
            points = given.each("todos")
            done = sum(one.text("status") == "completed" for one in points)
            current = next((one.text("content") for one in points if one.text("status") == "in_progress"), "")
            planned = sum(one.text("status") != "cancelled" for one in points)
            return Heard(said=brief(current and f"now: {current}"), done=done, planned=planned)
        shown = next((given.text(key) for key in _SHOWN if given.text(key)), "")
        code = state.inner("metadata").count("exit")
        outcome = f" failed: {brief(state.text('error'))}" if failed else f" ended with code {code}" if code else ""
        return Heard(said=f"{part.text('tool')}: {brief(shown)}{outcome}")

    def _ending(self, process: Exit) -> tuple[TurnEnding, str]:
        forced = forced_ending(process)
        if _UNKNOWN in process.stderr and not self._session:
            return TurnEnding.UNKNOWN_SESSION, brief(_PLAIN.sub("", process.stderr))
        if forced is TurnEnding.KILLED:
            return forced, "the process was killed from outside"
        if self._error:
            return self._failed(), brief(_failure(self._error))
        return self._waited(forced, process.stderr) if forced else self._judged(process)

    def _waited(self, forced: TurnEnding, log: str) -> tuple[TurnEnding, str]:
        """Judge a process ended by force: it waited for the provider when requests failed since its last event."""
        if self._empty:
            return TurnEnding.PROVIDER_DOWN, f"{self._empty} answers of the provider in a row held nothing"
        failed = [(_milliseconds(at), said) for at, said in _FAILED_REQUEST.findall(log)]
        last = next((said for at, said in reversed(failed) if at > self._progress), "")
        if forced in (TurnEnding.HUNG, TurnEnding.OUT_OF_TIME) and last:
            return ending_of(0, last) or TurnEnding.PROVIDER_DOWN, f"requests kept failing: {brief(last)}"
        return forced, "the process was ended before it had finished"

    def _judged(self, process: Exit) -> tuple[TurnEnding, str]:
        if process.code:
            said = brief(process.stderr)
            return ending_of(0, said) or TurnEnding.CRASHED, f"the program ended with code {process.code}: {said}"
        if self._denied:
            return TurnEnding.DENIED, f"tools were denied: {', '.join(sorted(self._denied))}"
        if self._reason == "length":
            return TurnEnding.LIMIT, "the model's answer was cut at its longest"
        if self._reason != "stop":
            return TurnEnding.CRASHED, f"the program ended with code 0 and no finished answer (reason {self._reason!r})"
        return TurnEnding.SUCCESS, ""

    def _failed(self) -> TurnEnding:
        """Judge a request's failure that the program gave up on."""
        status, said = self._error.inner("data").count("statusCode"), _failure(self._error)
        body = self._error.inner("data").text("responseBody")
        known = _NAMED.get(self._error.text("name")) or ending_of(status, f"{said} {body}")
        return known or (
            TurnEnding.PROVIDER_DOWN if self._error.inner("data").true("isRetryable") else TurnEnding.CRASHED
        )

    def _resets(self, said: str) -> datetime | None:
        """When the limit is over: as the provider's answer says in its header or body, else as it is told in words."""
        data = self._error.inner("data")
        wait = data.inner("responseHeaders").text("retry-after")
        told = f"retry in {wait} s" if wait.isdecimal() else f"{said}\n{data.text('responseBody')}"
        return resets_at(told, self._begun)


def _failure(error: Event) -> str:
    return error.inner("data").text("message") or error.text("message") or error.text("name")


def _milliseconds(at: str) -> float:
    try:
        return datetime.fromisoformat(at).timestamp() * 1000
    except ValueError:
        return 0.0
