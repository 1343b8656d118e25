"""The messages of mini-swe-agent, one JSON object a line, as the block's own agent class tells them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import reduce

from contracts.agent import Usage
from contracts.event import Event, brief, read_event
from contracts.failed_request import ending_of, resets_at
from contracts.transcript import Ended, Exit, Heard, Transcript, TurnEnding, added, forced_ending

_STATUSES = {
    "Submitted": TurnEnding.SUCCESS,
    "LimitsExceeded": TurnEnding.LIMIT,
    "TimeExceeded": TurnEnding.OUT_OF_TIME,
    "RepeatedFormatError": TurnEnding.CRASHED,
}


class MiniSweTranscript(Transcript):
    """Reads one process of mini-swe-agent."""

    def __init__(self) -> None:
        self._spent: list[Usage] = []
        self._text = ""
        self._exit = Event()
        self._failed = Event()

    def hear(self, line: str) -> Heard:
        """Take the next line; see `Transcript.hear`."""
        event = read_event(line)
        role = event.text("role")
        if spent := _spent(event):
            self._spent.append(spent)
        heard = Heard(useful=True, usage=self._usage() if spent else None)
        if role == "assistant":
            self._text = event.text("content") or self._text
            commands = [f"Bash: {brief(command)}" for command in event.texts("commands")]
            return heard._replace(said="; ".join([*filter(None, [brief(event.text("content"))]), *commands]))
        if role == "exit":
            self._exit = event
            return heard._replace(useful=event.text("exit_status") == "Submitted")
        if role == "failed":
            self._failed = event
            return Heard(said=brief(f"request failed: {event.text('error')}"), usage=heard.usage)
        return heard if role in ("tool", "user") else Heard()

    def end(self, process: Exit) -> Ended:
        """Judge the turn; see `Transcript.end`."""
        ending, message = self._ending(process)
        if ending is TurnEnding.SUCCESS:
            answer = self._exit.text("submission").strip() or self._text
            return Ended(ending=ending, text=answer, usage=self._usage())
        return Ended(
            ending=ending,
            message=message,
            detail=f"{self._failed.text('content')}\n{process.stderr}".strip(),
            text=self._text,
            usage=self._usage(),
            resets_at=self._resets() if ending in (TurnEnding.QUOTA, TurnEnding.RATE_LIMITED) else None,
        )

    def _usage(self) -> Usage:
        return reduce(added, self._spent, Usage())

    def _ending(self, process: Exit) -> tuple[TurnEnding, str]:
        status = self._exit.text("exit_status")
        if status == "Submitted":
            return TurnEnding.SUCCESS, ""
        if not status and (forced := forced_ending(process)):
            return forced, "the process was ended before it gave a result"
        if known := _STATUSES.get(status):
            return known, f"the agent ended with {status!r}"
        said, name = self._failed.text("content"), self._failed.text("error") or status
        ending = ending_of(self._failed.count("status"), said) or TurnEnding.CRASHED
        return ending, f"the program ended with code {process.code} {name!r}: {brief(said or process.stderr)}"

    def _resets(self) -> datetime | None:
        at, wait = self._failed.number("at"), self._failed.text("retry_after")
        now = datetime.fromtimestamp(at, UTC) if at and at < 1e11 else datetime.now(UTC)
        if wait.isdecimal() and len(wait) < 8:
            return now + timedelta(seconds=int(wait))
        return resets_at(self._failed.text("content"), now)


def _spent(event: Event) -> Usage | None:
    """What one request consumed; a price of 0 means that the program knows none."""
    usage = event.inner("usage")
    if not usage:
        return None
    read = usage.inner("prompt_tokens_details").count("cached_tokens")
    return Usage(
        model=event.text("model"),
        input_tokens=max(0, usage.count("prompt_tokens") - read),
        output_tokens=usage.count("completion_tokens"),
        cache_read_tokens=read,
        cost=event.number("cost") or None,
    )
