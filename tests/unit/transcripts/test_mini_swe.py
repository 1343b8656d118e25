from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.failure import FailureKind
from contracts.transcript import Exit, Forced, Heard, TurnEnding
from contracts.transcripts.mini_swe import MiniSweTranscript
from tests.unit.transcripts.playing import GARBAGE, play, recorded

SAID_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)


def lines(name: str) -> list[str]:
    return recorded("mini_swe", name)


def judge(heard: list[str], code: int = 0, forced: Forced = "", stderr: str = ""):
    return play(MiniSweTranscript(), heard, Exit(code=code, forced=forced, stderr=stderr))[1]


def said(heard: list[str]) -> list[Heard]:
    return play(MiniSweTranscript(), heard)[0]


def failed(**changes: Any) -> list[str]:
    """The recorded lines of a failed request with another failure."""
    return [
        json.dumps(json.loads(line) | changes) if line.startswith('{"role": "failed"') else line
        for line in lines("rate")
    ]


def answering(content: str, submission: str) -> list[str]:
    last = {"role": "exit", "exit_status": "Submitted", "submission": submission}
    return [json.dumps({"role": "assistant", "content": content}), json.dumps(last)]


@pytest.mark.parametrize(
    ("name", "code", "ending", "kind"),
    [
        ("auth", 1, TurnEnding.AUTH, FailureKind.PROVIDER),
        ("forbidden", 1, TurnEnding.AUTH, FailureKind.PROVIDER),
        ("no_model", 1, TurnEnding.AUTH, FailureKind.PROVIDER),
        ("payment", 1, TurnEnding.QUOTA, FailureKind.QUOTA),
        ("quota", 1, TurnEnding.QUOTA, FailureKind.QUOTA),
        ("rate", 1, TurnEnding.RATE_LIMITED, FailureKind.PROVIDER),
        ("server_error", 1, TurnEnding.PROVIDER_DOWN, FailureKind.PROVIDER),
        ("garbage", 1, TurnEnding.PROVIDER_DOWN, FailureKind.PROVIDER),
        ("dead", 1, TurnEnding.PROVIDER_DOWN, FailureKind.PROVIDER),
        ("turns", 0, TurnEnding.LIMIT, FailureKind.AGENT),
    ],
)
def test_a_turn_that_came_to_nothing_says_why(name: str, code: int, ending: TurnEnding, kind: FailureKind) -> None:
    ended = judge(lines(name), code)
    trouble = ended.reply().trouble
    assert ended.ending is ending
    assert trouble is not None
    assert trouble.kind is kind
    assert ended.message


@pytest.mark.parametrize(
    ("status", "ending"),
    [
        ("TimeExceeded", TurnEnding.OUT_OF_TIME),
        ("RepeatedFormatError", TurnEnding.CRASHED),
        ("SomethingElse", TurnEnding.CRASHED),
        ("", TurnEnding.CRASHED),
    ],
)
def test_an_end_that_is_no_submission_is_no_success(status: str, ending: TurnEnding) -> None:
    assert judge([json.dumps({"role": "exit", "exit_status": status})]).ending is ending


def test_a_success_gives_usage_without_a_price_that_nobody_knows() -> None:
    reply = judge(lines("ok")).reply()
    assert reply.trouble is None
    assert (reply.usage.model, reply.usage.cost) == ("stub", None)
    assert (reply.usage.input_tokens, reply.usage.cache_read_tokens, reply.usage.output_tokens) == (2448, 20, 112)


def test_prices_of_requests_are_added() -> None:
    priced = [line.replace('"cost": 0.0', '"cost": 0.25') for line in lines("ok")]
    assert judge(priced).usage.cost == 0.5


def test_what_a_lost_process_consumed_is_told_while_it_runs() -> None:
    assert [one.usage.input_tokens for one in said(lines("ok")) if one.usage] == [1224, 2448]
    assert judge(lines("turns")).usage.input_tokens == 1224


def test_the_submission_is_the_answer_or_else_the_last_words() -> None:
    assert judge(answering("words", "the answer\n")).text == "the answer"
    assert judge(answering("words", " ")).text == "words"


@pytest.mark.parametrize(
    ("forced", "ending"),
    [
        ("wall_clock", TurnEnding.OUT_OF_TIME),
        ("quiet", TurnEnding.HUNG),
        ("output_limit", TurnEnding.CRASHED),
        ("killed", TurnEnding.KILLED),
    ],
)
def test_a_process_that_was_ended_by_force(forced: Forced, ending: TurnEnding) -> None:
    assert judge(lines("ok")[:4], -9, forced).ending is ending
    assert judge(lines("ok"), -9, forced).ending is TurnEnding.SUCCESS


@pytest.mark.parametrize(
    ("changes", "resets"),
    [
        ({"retry_after": "90"}, SAID_AT + timedelta(seconds=90)),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "9" * 30}, None),
        (
            {"content": "Rate limit reached. Please try again in 20s.", "retry_after": None},
            SAID_AT + timedelta(seconds=20),
        ),
    ],
)
def test_the_end_of_a_limit_counts_from_when_it_was_told(changes: dict[str, Any], resets: datetime | None) -> None:
    assert judge(failed(**changes), 1).resets_at == resets


def test_without_a_word_of_the_agent_the_standard_error_tells() -> None:
    ended = judge([], 1, stderr="ModuleNotFoundError: No module named 'minisweagent'")
    assert ended.ending is TurnEnding.CRASHED
    assert "minisweagent" in ended.message


def test_failed_requests_are_no_progress() -> None:
    heard = said(failed())
    assert [one.useful for one in heard if one.said] == [False]
    assert [one.said for one in heard if one.said] == ["request failed: RateLimitError"]


def test_lines_that_are_none_of_the_programs_are_no_progress_and_no_error() -> None:
    assert said(GARBAGE) == [Heard()] * len(GARBAGE)
    assert judge([*GARBAGE, *lines("ok"), *GARBAGE]).ending is TurnEnding.SUCCESS


@pytest.mark.parametrize("junk", [None, 7, "x", [], [7, None], {"prompt_tokens": "x"}, {"prompt_tokens_details": 7}])
@pytest.mark.parametrize("key", ["content", "commands", "usage", "cost", "submission", "exit_status", "status", "at"])
@pytest.mark.parametrize("role", ["assistant", "tool", "user", "exit", "failed"])
def test_no_shape_of_an_event_is_an_error(role: str, key: str, junk: Any) -> None:
    assert judge([json.dumps({"role": role, key: junk})], 1).ending


def test_the_log_has_short_lines_about_what_is_done() -> None:
    spoken = {"role": "assistant", "content": "I look.\nMore.", "commands": ["ls\npwd", "x" * 500]}
    told = said([json.dumps(spoken)])[0].said
    assert told.startswith("I look.; Bash: ls; Bash: xxx")
    assert len(told) < 200
    assert [one.said for one in said(lines("ok")) if one.said] == [
        "Bash: echo hello-from-stub > hello.txt",
        "Bash: echo COMPLETE_TASK_AND_SUBMIT_FINAL_OUTPUT",
    ]
