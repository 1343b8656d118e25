"""The output of the Gemini CLI in its headless mode: `--output-format stream-json`."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from contracts.agent import Usage
from contracts.event import Event, brief, read_event
from contracts.failed_request import ending_of, resets_at
from contracts.transcript import Ended, Exit, Heard, Transcript, TurnEnding, forced_ending

_SHOWN = ("command", "file_path", "path", "dir_path", "pattern", "url", "query", "objective", "description", "prompt")
_NAMES = {"run_shell_command": "Shell", "write_file": "Write", "replace": "Edit", "read_file": "Read"}
_DENIED = frozenset({"policy_violation", "execution_denied"})
_WITHHELD = frozenset({"run_shell_command", "write_file", "replace"})
"""Tools that exist, so that one of them which is not registered was withheld by the approval mode."""
_UNKNOWN = re.compile(r"No previous sessions found|Invalid session identifier")
_TAKEN = re.compile(r"Session ID \S+ already exists")
_STATUS = re.compile(r'(?:"code":|\bcode:|\bstatus:|\bfailed with status)\s*(\d{3})\b')
_ATTEMPT = re.compile(r"^Attempt \d+ failed.*$", re.MULTILINE)
_BY_CODE = {41: TurnEnding.AUTH, 53: TurnEnding.LIMIT}
"""The program's own exit codes; after a failed request it is the HTTP status modulo 256, for example 145 for 401."""
_FAILED_CODES = {status % 256: status for status in (400, 401, 402, 403, 404, 408, 429, 500, 502, 503, 504)}


class GeminiTranscript(Transcript):
    """Reads one process of the Gemini CLI."""

    def __init__(self) -> None:
        self._session = ""
        self._model = ""
        self._text = ""
        self._speaking = False
        self._answered = False
        self._tools: dict[str, str] = {}
        self._denied: set[str] = set()
        self._plan: list[str] = []
        self._warned = ""
        self._at = datetime.now(UTC)
        self._result = Event()

    def hear(self, line: str) -> Heard:
        """Take the next line; see `Transcript.hear`."""
        event = read_event(line)
        self._at = _moment(event) or self._at
        readers = {
            "init": self._began,
            "message": self._message,
            "tool_use": self._called,
            "tool_result": self._returned,
            "error": self._warns,
            "result": self._ends,
        }
        read = readers.get(event.text("type"))
        return read(event) if read else Heard()

    def end(self, process: Exit) -> Ended:
        """Judge the turn; see `Transcript.end`."""
        ending, message = self._ending(process)
        if ending is TurnEnding.SUCCESS:
            return Ended(ending=ending, text=self._text.strip(), usage=self._usage(), session=self._session)
        said = self._result.inner("error").text("message")
        limited = ending in (TurnEnding.QUOTA, TurnEnding.RATE_LIMITED)
        return Ended(
            ending=ending,
            message=message,
            detail=f"{said}\n{process.stderr}".strip(),
            text=self._text.strip(),
            usage=self._usage(),
            session=self._session,
            resets_at=resets_at(f"{said}\n{process.stderr}", self._at) if limited else None,
        )

    def _began(self, event: Event) -> Heard:
        self._session, self._model = event.text("session_id"), event.text("model")
        return Heard(said=f"Gemini CLI with {self._model}", session=self._session)

    def _warns(self, event: Event) -> Heard:
        self._warned = event.text("message")
        return Heard(said=brief(self._warned))

    def _ends(self, event: Event) -> Heard:
        self._result = event
        return Heard(useful=event.text("status") == "success")

    def _message(self, event: Event) -> Heard:
        """Take a piece of an answer: what is spoken after the last call of a tool is the final answer."""
        if event.text("role") != "assistant":
            return Heard()
        began = not self._speaking
        self._text = event.text("content") if began else self._text + event.text("content")
        self._speaking = self._answered = True
        return Heard(useful=True, said=brief(event.text("content")) if began else "")

    def _called(self, event: Event) -> Heard:
        self._speaking, self._answered = False, True
        name, given = event.text("tool_name"), event.inner("parameters")
        self._tools[event.text("tool_id")] = name
        if name == "write_todos":
            self._plan = [one.text("status") for one in given.each("todos")]
            now = "; ".join(
                one.text("description") for one in given.each("todos") if one.text("status") == "in_progress"
            )
            counted = [status for status in self._plan if status != "cancelled"]
            return Heard(useful=True, said=brief(now), done=counted.count("completed"), planned=len(counted))
        found = next((given.text(key) for key in _SHOWN if given.text(key)), "")
        return Heard(useful=True, said=f"{_NAMES.get(name, name)}: {brief(found)}")

    def _returned(self, event: Event) -> Heard:
        self._speaking = False
        name, error = self._tools.get(event.text("tool_id"), "tool"), event.inner("error")
        if event.text("status") != "error":
            return Heard(useful=True)
        why = error.text("type")
        if why in _DENIED or (why == "tool_not_registered" and name in _WITHHELD):
            self._denied.add(name)
        return Heard(useful=True, said=brief(f"failed: {name}: {error.text('message') or event.text('output')}"))

    def _usage(self) -> Usage:
        stats = self._result.inner("stats")
        models = stats.inner("models")
        used = {name: models.inner(name).count("total_tokens") for name in models.content}
        cached, total = stats.count("cached"), stats.count("total_tokens")
        if not total:
            return Usage()
        return Usage(
            model=max(used, key=lambda name: used[name], default=self._model),
            input_tokens=max(0, stats.count("input_tokens") - cached),
            output_tokens=max(stats.count("output_tokens"), total - stats.count("input_tokens")),  # thoughts are paid
            cache_read_tokens=cached,
        )

    def _ending(self, process: Exit) -> tuple[TurnEnding, str]:
        if self._result.text("status") == "success" and (not process.code or process.forced):
            return self._succeeded()
        error = self._result.inner("error").text("message")
        if not self._result and (forced := forced_ending(process)):
            return self._stopped(forced, process)
        said = error or self._warned or process.stderr
        if not self._result and _UNKNOWN.search(process.stderr):
            return TurnEnding.UNKNOWN_SESSION, brief(process.stderr)
        if not self._result and (taken := _TAKEN.search(process.stderr)):
            return TurnEnding.TAKEN_SESSION, taken[0]
        status = _status(error) or _FAILED_CODES.get(process.code) or (_status(process.stderr) if error else 0)
        ending = _BY_CODE.get(process.code) or ending_of(status, said) or TurnEnding.CRASHED
        return ending, f"the program ended with code {process.code}: {brief(said)}"

    def _succeeded(self) -> tuple[TurnEnding, str]:
        if self._denied:
            tools = ", ".join(sorted(self._denied))
            return TurnEnding.DENIED, f"tools were denied: {tools}; change the block's approval mode"
        if self._warned and not self._speaking:
            return TurnEnding.LIMIT, f"the program stopped before an answer: {brief(self._warned)}"
        return TurnEnding.SUCCESS, ""

    def _stopped(self, forced: TurnEnding, process: Exit) -> tuple[TurnEnding, str]:
        """Judge a process that was ended by force; one that never had an answer and told of retries had no provider."""
        attempts = _ATTEMPT.findall(process.stderr)
        if forced in (TurnEnding.HUNG, TurnEnding.OUT_OF_TIME) and not self._answered and attempts:
            ending = ending_of(_status(attempts[-1]), attempts[-1]) or TurnEnding.PROVIDER_DOWN
            return ending, f"requests kept failing: {brief(attempts[-1])}"
        return forced, "the process was ended before it gave a result"


def _status(said: str) -> int:
    """The last HTTP status in what was said, or 0."""
    found = _STATUS.findall(said)
    return int(found[-1]) if found else 0


def _moment(event: Event) -> datetime | None:
    try:
        moment = datetime.fromisoformat(event.text("timestamp"))
    except ValueError:
        return None
    return moment if moment.tzinfo else None
