from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.failure import FailureKind
from contracts.transcript import Exit, Forced, Heard, TurnEnding
from contracts.transcripts.claude_code import ClaudeCodeTranscript
from tests.unit.transcripts.playing import GARBAGE, play, recorded

SESSION = "11111111-1111-4111-8111-111111111111"
BEGUN = datetime(2026, 1, 1, 12, tzinfo=UTC)
UNKNOWN = f"No conversation found with session ID: {SESSION}\n"
TAKEN = f"Error: Session ID {SESSION} is already in use.\n"


def lines(name: str) -> list[str]:
    return recorded("claude_code", name)


def turned(name: str, **changes: Any) -> list[str]:
    """The recorded lines with a changed result."""
    *rest, last = lines(name)
    return [*rest, json.dumps(json.loads(last) | changes)]


def judge(heard: list[str], code: int = 0, forced: Forced = "", stderr: str = ""):
    return play(ClaudeCodeTranscript(BEGUN), heard, Exit(code=code, forced=forced, stderr=stderr))[1]


def said(name: str) -> list[Heard]:
    return play(ClaudeCodeTranscript(BEGUN), lines(name))[0]


@pytest.mark.parametrize(
    ("name", "code", "ending", "kind"),
    [
        ("auth", 1, TurnEnding.AUTH, FailureKind.PROVIDER),
        ("forbidden", 1, TurnEnding.AUTH, FailureKind.PROVIDER),
        ("no_model", 1, TurnEnding.AUTH, FailureKind.PROVIDER),
        ("payment", 1, TurnEnding.QUOTA, FailureKind.QUOTA),
        ("credit", 1, TurnEnding.QUOTA, FailureKind.QUOTA),
        ("subscription", 1, TurnEnding.QUOTA, FailureKind.QUOTA),
        ("rate", 1, TurnEnding.RATE_LIMITED, FailureKind.PROVIDER),
        ("server_error", 1, TurnEnding.PROVIDER_DOWN, FailureKind.PROVIDER),
        ("overloaded", 1, TurnEnding.PROVIDER_DOWN, FailureKind.PROVIDER),
        ("retried", 1, TurnEnding.PROVIDER_DOWN, FailureKind.PROVIDER),
        ("garbage", 1, TurnEnding.PROVIDER_DOWN, FailureKind.PROVIDER),
        ("bad_request", 1, TurnEnding.CRASHED, FailureKind.AGENT),
        ("budget", 1, TurnEnding.LIMIT, FailureKind.AGENT),
        ("turns", 1, TurnEnding.LIMIT, FailureKind.AGENT),
        ("denied", 0, TurnEnding.DENIED, FailureKind.AGENT),
        ("unknown_session", 1, TurnEnding.UNKNOWN_SESSION, FailureKind.AGENT),
        ("lost", 1, TurnEnding.CRASHED, FailureKind.AGENT),
    ],
)
def test_a_turn_that_came_to_nothing_says_why(name: str, code: int, ending: TurnEnding, kind: FailureKind) -> None:
    ended = judge(lines(name), code)
    trouble = ended.reply().trouble
    assert ended.ending is ending
    assert trouble is not None
    assert trouble.kind is kind
    assert ended.message


def test_a_failed_request_is_no_success_whatever_its_subtype_says() -> None:
    assert json.loads(lines("auth")[-1])["subtype"] == "success"
    assert judge(lines("auth"), code=0).ending is TurnEnding.AUTH


def test_a_success_gives_text_usage_and_session() -> None:
    reply = judge(lines("ok")).reply()
    assert reply.trouble is None
    assert (reply.text, reply.session) == ("DONE: wrote hello.txt", SESSION)
    assert reply.usage.model_dump() == {
        "model": "claude-opus-4-8",
        "input_tokens": 2468,
        "output_tokens": 112,
        "cache_read_tokens": 20,
        "cache_write_tokens": 0,
        "cost": 0.01515,
        "currency": "USD",
    }


def test_denied_tools_are_named() -> None:
    assert "Bash" in judge(lines("denied")).message


def test_structured_output_comes_apart_from_the_text() -> None:
    assert judge(lines("structured")).reply().structured == {"verdict": "pass"}


def test_an_answer_that_never_took_the_form_is_left_to_the_repair_turn() -> None:
    changed = {"subtype": "error_max_structured_output_retries", "is_error": True, "result": None}
    ended = judge(turned("ok", **changed), code=1)
    assert (ended.ending, ended.text, ended.structured) == (TurnEnding.SUCCESS, "DONE: wrote hello.txt", None)


@pytest.mark.parametrize("name", ["budget", "turns"])
def test_a_limit_is_charged_though_the_plain_usage_may_be_zero(name: str) -> None:
    usage = judge(lines(name), code=1).reply().usage
    assert usage.cost == json.loads(lines(name)[-1])["total_cost_usd"] > 0
    assert usage.input_tokens >= 1234


def test_a_resumed_process_tells_only_of_itself() -> None:
    assert judge(lines("resumed")).usage.input_tokens == 1234


def test_what_a_lost_process_consumed_is_told_while_it_runs() -> None:
    heard = [one.usage for one in said("ok") if one.usage]
    assert [one.input_tokens for one in heard] == [1234, 2468]
    assert judge(lines("lost"), -9, "killed").usage.input_tokens == 1234


def test_one_message_in_several_lines_is_charged_once() -> None:
    heard = [one.usage for one in said("plan") if one.usage]
    assert len(heard) > 10
    assert heard[-1].input_tokens == 12340


@pytest.mark.parametrize(
    ("stderr", "ending"),
    [
        (UNKNOWN, TurnEnding.UNKNOWN_SESSION),
        (TAKEN, TurnEnding.TAKEN_SESSION),
        ("Invalid API key · Please run /login", TurnEnding.AUTH),
        ("error: unknown option '--frob'", TurnEnding.CRASHED),
        ("", TurnEnding.CRASHED),
    ],
)
def test_without_a_result_the_standard_error_tells(stderr: str, ending: TurnEnding) -> None:
    assert judge([], 1, stderr=stderr).ending is ending


@pytest.mark.parametrize(
    ("forced", "ending", "kind"),
    [
        ("wall_clock", TurnEnding.OUT_OF_TIME, FailureKind.TIMEOUT),
        ("quiet", TurnEnding.HUNG, FailureKind.STALLED),
        ("output_limit", TurnEnding.CRASHED, FailureKind.AGENT),
        ("killed", TurnEnding.KILLED, FailureKind.EVICTED),
    ],
)
def test_a_process_that_was_ended_by_force(forced: Forced, ending: TurnEnding, kind: FailureKind) -> None:
    ended = judge(lines("lost"), -9, forced)
    trouble = ended.reply().trouble
    assert trouble is not None
    assert (ended.ending, trouble.kind) == (ending, kind)


@pytest.mark.parametrize("forced", ["quiet", "wall_clock"])
def test_a_process_that_only_repeated_its_requests_had_no_provider(forced: Forced) -> None:
    repeating = [line for line in lines("retried") if '"api_retry"' in line]
    assert judge([*lines("lost"), *repeating], -9, forced).ending is TurnEnding.PROVIDER_DOWN


def test_a_process_that_hung_after_an_answer_is_not_the_providers_fault() -> None:
    repeating = [line for line in lines("retried") if '"api_retry"' in line]
    assert judge([*repeating, *lines("lost")], -9, "quiet").ending is TurnEnding.HUNG


def test_a_result_counts_however_the_process_ended_after_it() -> None:
    assert judge(lines("ok"), -9, "quiet").ending is TurnEnding.SUCCESS
    assert judge(lines("ok"), 1).ending is TurnEnding.CRASHED


def test_the_end_of_a_subscriptions_limit_is_known() -> None:
    assert judge(lines("subscription"), 1).resets_at == datetime(2026, 1, 1, 15, tzinfo=UTC)


def test_a_rejected_subscription_is_a_used_up_quota_whatever_the_words() -> None:
    assert judge(turned("subscription", result="API Error: Request rejected (429)"), 1).ending is TurnEnding.QUOTA


@pytest.mark.parametrize(
    ("words", "resets"),
    [
        ("Claude AI usage limit reached|1767279600", datetime(2026, 1, 1, 15, tzinfo=UTC)),
        ("You've hit your session limit · resets 3pm (UTC)", datetime(2026, 1, 1, 15, tzinfo=UTC)),
        ("You've hit your weekly limit · resets Jan 4, 9am (Europe/Paris)", datetime(2026, 1, 4, 8, tzinfo=UTC)),
        ("You've hit your usage limit", None),
    ],
)
def test_a_used_up_quota_in_words_has_its_end(words: str, resets: datetime | None) -> None:
    ended = judge(turned("rate", result=words), 1)
    trouble = ended.reply().trouble
    assert trouble is not None
    assert (trouble.kind, trouble.resets_at) == (FailureKind.QUOTA, resets)


def test_the_models_own_words_are_no_evidence_of_a_failure() -> None:
    words = "You've hit your usage limit|1767279600. API Error: 401. Session ID x is already in use."
    assert judge(turned("ok", result=words)).ending is TurnEnding.SUCCESS


def test_lines_that_are_none_of_the_programs_are_no_progress_and_no_error() -> None:
    heard, _ = play(ClaudeCodeTranscript(BEGUN), GARBAGE)
    assert heard == [Heard()] * len(GARBAGE)
    assert judge([*GARBAGE, *lines("ok"), *GARBAGE]).ending is TurnEnding.SUCCESS


@pytest.mark.parametrize("junk", [None, 7, "x", [], [7, None], {"content": 7}, {"content": [{"type": 7, "input": 7}]}])
@pytest.mark.parametrize("key", ["message", "rate_limit_info", "modelUsage", "permission_denials", "tool_use_result"])
@pytest.mark.parametrize("kind", ["assistant", "user", "system", "rate_limit_event", "result"])
def test_no_shape_of_an_event_is_an_error(kind: str, key: str, junk: Any) -> None:
    assert judge([json.dumps({"type": kind, key: junk})], 1).ending
