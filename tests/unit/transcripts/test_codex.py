from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from contracts.agent import Usage
from contracts.failure import FailureKind
from contracts.transcript import Ended, Exit, Forced, Heard, TurnEnding
from contracts.transcripts.codex import CodexTranscript
from tests.unit.transcripts.playing import GARBAGE, play, recorded

BEGUN = datetime(2026, 1, 1, 12, tzinfo=UTC)
THREAD = "01a20536-2cf6-7453-970b-a106daee5c72"
UNKNOWN = f"Error: thread/resume: thread/resume failed: no rollout found for thread id {THREAD} (code -32600)\n"


def lines(name: str) -> list[str]:
    return recorded("codex", name)


def judge(heard: list[str], code: int = 0, forced: Forced = "", stderr: str = "") -> Ended:
    return play(CodexTranscript("m", begun=BEGUN), heard, Exit(code=code, forced=forced, stderr=stderr))[1]


def said(name: str) -> list[Heard]:
    return play(CodexTranscript("m"), lines(name))[0]


@pytest.mark.parametrize(
    ("name", "ending", "kind"),
    [
        ("auth", TurnEnding.AUTH, FailureKind.PROVIDER),
        ("no_key", TurnEnding.AUTH, FailureKind.PROVIDER),
        ("no_model", TurnEnding.AUTH, FailureKind.PROVIDER),
        ("payment", TurnEnding.QUOTA, FailureKind.QUOTA),
        ("quota", TurnEnding.QUOTA, FailureKind.QUOTA),
        ("usage_limit", TurnEnding.QUOTA, FailureKind.QUOTA),
        ("rate", TurnEnding.RATE_LIMITED, FailureKind.PROVIDER),
        ("server_error", TurnEnding.PROVIDER_DOWN, FailureKind.PROVIDER),
        ("garbage", TurnEnding.PROVIDER_DOWN, FailureKind.PROVIDER),
        ("bad_request", TurnEnding.CRASHED, FailureKind.AGENT),
        ("cut_short", TurnEnding.LIMIT, FailureKind.AGENT),
        ("too_long", TurnEnding.LIMIT, FailureKind.AGENT),
    ],
)
def test_a_turn_that_came_to_nothing_says_why(name: str, ending: TurnEnding, kind: FailureKind) -> None:
    ended = judge(lines(name), code=1)
    trouble = ended.reply().trouble
    assert ended.ending is ending
    assert trouble is not None
    assert trouble.kind is kind
    assert ended.message


def test_a_success_gives_text_usage_and_thread() -> None:
    reply = judge(lines("ok")).reply()
    assert (reply.trouble, reply.text, reply.session) == (None, "DONE: wrote hello.txt", THREAD)
    assert reply.usage == Usage(model="m", input_tokens=1800, output_tokens=100, cache_read_tokens=200)


def test_the_marked_lines_of_the_answer_are_read() -> None:
    assert judge(lines("plan")).reply().commit_message == "Write a file"


@pytest.mark.parametrize("name", ["dead", "auth", "garbage", "server_error"])
def test_reports_of_failed_requests_are_no_progress(name: str) -> None:
    assert not any(heard.useful for heard in said(name))


def test_the_thread_is_known_from_the_first_line() -> None:
    assert CodexTranscript().hear(lines("ok")[0]).session == THREAD


def test_a_name_that_is_no_thread_is_not_gone_on_with() -> None:
    assert CodexTranscript().hear('{"type":"thread.started","thread_id":"--last"}').session == ""


@pytest.mark.parametrize(
    ("thread", "before", "paid"),
    [
        (THREAD, Usage(), Usage(model="m", input_tokens=2700, output_tokens=150, cache_read_tokens=300)),
        (
            THREAD,
            Usage(input_tokens=1800, output_tokens=100, cache_read_tokens=200),
            Usage(model="m", input_tokens=900, output_tokens=50, cache_read_tokens=100),
        ),
        (THREAD, Usage(input_tokens=9_000, output_tokens=9_000, cache_read_tokens=9_000), Usage(model="m")),
        (
            "another",
            Usage(input_tokens=1800, output_tokens=100, cache_read_tokens=200),
            Usage(model="m", input_tokens=2700, output_tokens=150, cache_read_tokens=300),
        ),
    ],
)
def test_a_thread_is_counted_from_where_the_process_took_it_up(thread: str, before: Usage, paid: Usage) -> None:
    heard, ended = play(CodexTranscript("m", thread, before), lines("resumed"))
    assert ended.usage == paid
    assert heard[-1].usage == paid


def test_without_a_completed_turn_no_exit_code_is_a_success() -> None:
    ended = judge(lines("ok")[:-1])
    assert ended.ending is TurnEnding.CRASHED
    assert judge([]).ending is TurnEnding.CRASHED


def test_a_code_after_a_completed_turn_counts_unless_a_limit_ended_the_process() -> None:
    assert judge(lines("ok"), code=101).ending is TurnEnding.CRASHED
    assert judge(lines("ok"), code=-9, forced="wall_clock").ending is TurnEnding.SUCCESS


@pytest.mark.parametrize(
    ("name", "forced", "ending"),
    [
        ("dead", "quiet", TurnEnding.PROVIDER_DOWN),
        ("dead", "wall_clock", TurnEnding.PROVIDER_DOWN),
        ("dead", "killed", TurnEnding.KILLED),
        ("rate", "quiet", TurnEnding.RATE_LIMITED),
    ],
)
def test_a_process_that_waited_for_its_provider_did_not_hang(name: str, forced: Forced, ending: TurnEnding) -> None:
    assert judge(lines(name), -9, forced).ending is ending


@pytest.mark.parametrize(
    ("forced", "ending"),
    [
        ("quiet", TurnEnding.HUNG),
        ("wall_clock", TurnEnding.OUT_OF_TIME),
        ("killed", TurnEnding.KILLED),
        ("output_limit", TurnEnding.CRASHED),
    ],
)
def test_a_process_that_was_ended_by_force_says_by_what(forced: Forced, ending: TurnEnding) -> None:
    assert judge(lines("ok")[:-1], -9, forced).ending is ending


def test_an_unknown_thread_is_told_from_a_crash() -> None:
    assert judge([], code=1, stderr=UNKNOWN).ending is TurnEnding.UNKNOWN_SESSION
    assert judge(lines("ok")[:-1], code=1, stderr=UNKNOWN).ending is TurnEnding.CRASHED


def test_a_used_up_plan_tells_when_it_resets() -> None:
    assert judge(lines("usage_limit"), code=1).resets_at == datetime(2026, 1, 1, 23, 42, tzinfo=UTC)
    dated = "You’ve hit your usage limit. Try again at Jan 3rd, 2026 9:05 AM."
    failed = json.dumps({"type": "turn.failed", "error": {"message": dated}})
    assert judge([failed], code=1).resets_at == datetime(2026, 1, 3, 9, 5, tzinfo=UTC)
    assert judge(lines("quota"), code=1).resets_at is None


def test_people_read_commands_failures_files_and_the_plan() -> None:
    heard = said("plan")
    assert [one.said for one in heard if one.said and one.useful] == [
        "next: fix",
        "$ echo hi; false",
        "failed with code 1: hi",
        "add /checkout/new.txt",
        "DONE",
    ]
    assert [(one.done, one.planned) for one in heard if one.planned] == [(1, 3), (1, 3)]


def test_declined_commands_are_no_success() -> None:
    item = {"type": "command_execution", "command": "/bin/bash -lc 'rm x'", "status": "declined"}
    heard = [*lines("ok")[:-1], json.dumps({"type": "item.completed", "item": item}), lines("ok")[-1]]
    ended = judge(heard)
    assert ended.ending is TurnEnding.DENIED
    assert "rm x" in ended.message


def test_what_cannot_be_read_is_no_progress_and_no_error() -> None:
    heard, ended = play(CodexTranscript("m"), [*GARBAGE, *lines("ok"), *GARBAGE])
    assert ended.ending is TurnEnding.SUCCESS
    assert not any(one.useful for one in heard[: len(GARBAGE)])
