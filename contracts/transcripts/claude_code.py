"""The output of Claude Code in its headless mode: `--output-format stream-json --verbose`."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import reduce
from pathlib import PurePosixPath

from contracts.agent import Usage
from contracts.event import Event, brief, read_event
from contracts.failed_request import ending_of, resets_at
from contracts.transcript import Ended, Exit, Heard, Transcript, TurnEnding, added, forced_ending

_ALIVE = frozenset({"thinking_tokens", "compact_boundary", "task_started", "task_progress", "task_notification"})
_LIMITS = frozenset({"error_max_turns", "error_max_budget_usd"})
_SHOWN = (
    "command",
    "file_path",
    "notebook_path",
    "path",
    "pattern",
    "url",
    "query",
    "subject",
    "description",
    "prompt",
)
_OWN = "<synthetic>"
"""Model of a message that the program wrote itself, such as the report of a failed request."""
_UNKNOWN, _TAKEN = "No conversation found with session ID", "is already in use"
_WORDS = {
    "authentication_failed": TurnEnding.AUTH,
    "oauth_org_not_allowed": TurnEnding.AUTH,
    "model_not_found": TurnEnding.AUTH,
    "billing_error": TurnEnding.QUOTA,
    "rate_limit": TurnEnding.RATE_LIMITED,
    "overloaded": TurnEnding.PROVIDER_DOWN,
    "server_error": TurnEnding.PROVIDER_DOWN,
    "max_output_tokens": TurnEnding.LIMIT,
}
"""What the program names the error of its last message; looked at when neither status nor text tells more."""


class ClaudeCodeTranscript(Transcript):
    """Reads one process of Claude Code.

    Args:
        begun: when the process began, for reset times that are told as a time of day; none: now.
    """

    def __init__(self, begun: datetime | None = None) -> None:
        self._begun = begun or datetime.now(UTC)
        self._directory = ""
        self._text = ""
        self._failing = Event()
        self._error = ""
        self._reset: datetime | None = None
        self._messages: dict[str, Usage] = {}
        self._plan: dict[str, str] = {}
        self._result = Event()

    def hear(self, line: str) -> Heard:
        """Take the next line; see `Transcript.hear`."""
        event = read_event(line)
        kind = event.text("type")
        if kind == "assistant":
            return self._assistant(event)
        if kind == "user":
            return self._tools(event)
        if kind == "system":
            return self._system(event)
        if kind == "rate_limit_event":
            return self._limited(event.inner("rate_limit_info"))
        if kind == "result":
            self._result = event
            return Heard(useful=not event.true("is_error"), session=event.text("session_id"))
        return Heard()

    def end(self, process: Exit) -> Ended:
        """Judge the turn; see `Transcript.end`. A result that was heard counts, however the process ended then."""
        ending, message = self._ending(process)
        structured = self._result.inner("structured_output").content or None
        said = self._result.text("result") or self._text
        return Ended(
            ending=ending,
            message="" if ending is TurnEnding.SUCCESS else message,
            detail="" if ending is TurnEnding.SUCCESS else f"{said}\n{process.stderr}".strip(),
            text=said if ending is TurnEnding.SUCCESS else self._text,
            structured=structured if ending is TurnEnding.SUCCESS else None,
            usage=self._consumed(),
            session=self._result.text("session_id"),
            resets_at=self._resets(ending, f"{said}\n{process.stderr}"),
        )

    def _system(self, event: Event) -> Heard:
        kind = event.text("subtype")
        if kind == "init":
            self._directory = event.text("cwd")
            said = f"Claude Code {event.text('claude_code_version')} with {event.text('model')}"
            return Heard(said=said, session=event.text("session_id"))
        if kind == "api_retry":
            self._failing = event
            attempt = f"{event.count('attempt')} of {event.count('max_retries')}"
            return Heard(said=brief(f"request failed ({event.text('error')}), retry {attempt}"))
        if kind == "permission_denied":
            return Heard(said=brief(f"denied: {event.text('tool_name')}"))
        return Heard(useful=kind in _ALIVE)

    def _limited(self, info: Event) -> Heard:
        """Take the state of a subscription's limits, which is told when it changes."""
        if info.text("status") != "rejected":
            return Heard()
        when = info.number("resetsAt")
        self._reset = datetime.fromtimestamp(when, UTC) if when and when < 1e11 else None
        return Heard(said=brief(f"usage limit {info.text('rateLimitType')} is reached"))

    def _assistant(self, event: Event) -> Heard:
        message = event.inner("message")
        if message.text("model") == _OWN:
            self._error = event.text("error")
            return Heard(said=brief(next((one.text("text") for one in message.each("content")), "")))
        self._failing = Event()
        self._messages[message.text("id")] = _tokens(message.inner("usage"), message.text("model"))
        said = [spoken for one in message.each("content") if (spoken := self._part(one, event))]
        heard = Heard(useful=True, said="; ".join(said), usage=self._so_far())
        return self._with_plan(heard) if any(_plans(one) for one in message.each("content")) else heard

    def _part(self, part: Event, event: Event) -> str:
        if part.text("type") == "text":
            if not event.text("parent_tool_use_id"):
                self._text = part.text("text")
            return brief(part.text("text"))
        if part.text("type") != "tool_use" or part.text("name") == "StructuredOutput":
            return ""
        if part.text("name") == "TodoWrite":
            todos = part.inner("input").each("todos")
            self._plan = {str(place): one.text("status") for place, one in enumerate(todos)}
            return brief("; ".join(one.text("content") for one in todos if one.text("status") == "in_progress"))
        given = part.inner("input")
        done_to = f"{given.text('taskId')} {given.text('status')}" if given.text("taskId") else self._object(given)
        return f"{part.text('name')}: {done_to}" if done_to else part.text("name")

    def _object(self, given: Event) -> str:
        found = next((given.text(key) for key in _SHOWN if given.text(key)), "")
        if self._directory and found.startswith(f"{self._directory}/"):
            found = str(PurePosixPath(found).relative_to(self._directory))
        return brief(found)

    def _tools(self, event: Event) -> Heard:
        given = event.inner("tool_use_result")
        if created := given.inner("task").text("id"):
            self._plan.setdefault(created, "pending")
        if change := given.inner("statusChange").text("to"):
            self._plan[given.text("taskId")] = change
        for task in given.each("tasks"):
            self._plan[task.text("id")] = task.text("status")
        results = event.inner("message").each("content")
        failed = [brief(f"failed: {one.text('content')}") for one in results if one.true("is_error")]
        heard = Heard(useful=bool(results), said="; ".join(failed))
        planned = given.inner("task") or given.inner("statusChange") or given.each("tasks")
        return self._with_plan(heard) if planned else heard

    def _with_plan(self, heard: Heard) -> Heard:
        counted = [status for status in self._plan.values() if status != "deleted"]
        return heard._replace(done=counted.count("completed"), planned=len(counted))

    def _so_far(self) -> Usage:
        return reduce(added, self._messages.values(), Usage())

    def _consumed(self) -> Usage:
        """What the process consumed: by model, because the plain totals are zero when a limit ended it."""
        models = [
            (name, self._result.inner("modelUsage").inner(name)) for name in self._result.inner("modelUsage").content
        ]
        if not models:
            return self._so_far()
        dearest = max(models, key=lambda one: one[1].number("costUSD") or 0)[0]
        return Usage(
            model=self._so_far().model or dearest.partition("[")[0],
            input_tokens=sum(one.count("inputTokens") for _, one in models),
            output_tokens=sum(one.count("outputTokens") for _, one in models),
            cache_read_tokens=sum(one.count("cacheReadInputTokens") for _, one in models),
            cache_write_tokens=sum(one.count("cacheCreationInputTokens") for _, one in models),
            cost=self._result.number("total_cost_usd"),
        )

    def _ending(self, process: Exit) -> tuple[TurnEnding, str]:
        if self._result:
            return self._judged(process)
        forced = forced_ending(process)
        if forced in (TurnEnding.HUNG, TurnEnding.OUT_OF_TIME) and self._failing:
            status, said = self._failing.count("error_status"), self._failing.text("error")
            return ending_of(status, said) or TurnEnding.PROVIDER_DOWN, f"requests kept failing: {said} {status}"
        if forced:
            return forced, "the process was ended before it gave a result"
        if _UNKNOWN in process.stderr:
            return TurnEnding.UNKNOWN_SESSION, brief(process.stderr)
        if _TAKEN in process.stderr:
            return TurnEnding.TAKEN_SESSION, brief(process.stderr)
        ending = ending_of(0, process.stderr) or TurnEnding.CRASHED
        return ending, f"the program ended with code {process.code} without a result: {brief(process.stderr)}"

    def _judged(self, process: Exit) -> tuple[TurnEnding, str]:
        """Judge by the result: `is_error` decides, because its subtype is success after a failed request too."""
        result, kind = self._result, self._result.text("subtype")
        errors = " ".join(result.texts("errors")) or result.text("result")
        if kind in _LIMITS:
            return TurnEnding.LIMIT, brief(errors)
        if kind == "error_max_structured_output_retries":
            return TurnEnding.SUCCESS, ""  # its prose is an answer that the one repair turn mends
        if result.true("is_error"):
            return self._failed(errors), brief(errors)
        if denied := sorted({one.text("tool_name") for one in result.each("permission_denials")}):
            return TurnEnding.DENIED, f"tools were denied: {', '.join(denied)}; change the block's permission mode"
        if process.code and not process.forced:
            return TurnEnding.CRASHED, f"the program ended with code {process.code} after its result"
        return TurnEnding.SUCCESS, ""

    def _failed(self, said: str) -> TurnEnding:
        if _UNKNOWN in said and not self._messages:
            return TurnEnding.UNKNOWN_SESSION
        known = ending_of(self._result.count("api_error_status"), said)
        if known is TurnEnding.RATE_LIMITED and self._reset:
            return TurnEnding.QUOTA
        return known or _WORDS.get(self._error, TurnEnding.CRASHED)

    def _resets(self, ending: TurnEnding, said: str) -> datetime | None:
        if ending not in (TurnEnding.QUOTA, TurnEnding.RATE_LIMITED):
            return None
        return self._reset or resets_at(said, self._begun)


def _plans(part: Event) -> bool:
    return part.text("type") == "tool_use" and part.text("name") == "TodoWrite"


def _tokens(usage: Event, model: str) -> Usage:
    return Usage(
        model=model,
        input_tokens=usage.count("input_tokens"),
        output_tokens=usage.count("output_tokens"),
        cache_read_tokens=usage.count("cache_read_input_tokens"),
        cache_write_tokens=usage.count("cache_creation_input_tokens"),
    )
