"""What Claude Code tells while it works: the lines of the log, its plan, and what is no progress."""

from __future__ import annotations

import json

from contracts.transcript import Heard
from contracts.transcripts.claude_code import ClaudeCodeTranscript
from tests.unit.transcripts.playing import play, recorded


def said(name: str) -> list[Heard]:
    return play(ClaudeCodeTranscript(), recorded("claude_code", name))[0]


def test_failed_requests_retries_and_limits_are_no_progress() -> None:
    assert not any(one.useful for name in ("retried", "subscription", "auth") for one in said(name))
    assert [one.said for one in said("retried")][1:3] == [
        "request failed (server_error), retry 1 of 2",
        "request failed (server_error), retry 2 of 2",
    ]


def test_the_log_has_short_lines_about_what_is_done() -> None:
    assert [one.said for one in said("plan") if one.said] == [
        "Claude Code 2.1.197 with claude-opus-4-8[1m]",
        "I call TaskCreate",
        "TaskCreate: Fix it",
        "I call TaskCreate",
        "TaskCreate: Test it",
        "I call TaskUpdate",
        "TaskUpdate: 1 in_progress",
        "I call TaskUpdate",
        "TaskUpdate: 1 completed",
        "I call TaskList",
        "TaskList",
        "I call Write",
        "Write: a.py",
        "I call Edit",
        "Edit: a.py",
        "I call Bash",
        "Bash: false",
        "failed: Exit code 1",
        "I call Read",
        "Read: a.py",
        "DONE: wrote hello.txt",
    ]


def test_a_long_or_many_lined_text_is_cut() -> None:
    spoken = {"type": "assistant", "message": {"content": [{"type": "text", "text": "\n" + "x" * 500 + "\nmore"}]}}
    heard = ClaudeCodeTranscript().hear(json.dumps(spoken))
    assert len(heard.said) == 160
    assert "more" not in heard.said


def test_the_plan_is_counted_as_tasks_come_and_go() -> None:
    assert [(one.done, one.planned) for one in said("plan") if one.planned] == [(0, 1), (0, 2), (0, 2), (1, 2), (1, 2)]


def test_a_list_of_todos_is_a_plan() -> None:
    todos = [{"content": "A", "status": "completed"}, {"content": "B", "status": "in_progress"}, {"content": "C"}]
    part = {"type": "tool_use", "name": "TodoWrite", "input": {"todos": todos}}
    heard = ClaudeCodeTranscript().hear(json.dumps({"type": "assistant", "message": {"content": [part]}}))
    assert (heard.said, heard.done, heard.planned) == ("B", 1, 3)
