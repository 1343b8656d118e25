from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from contracts.failure import FailureKind
from contracts.transcript import Exit, Forced, Heard, TurnEnding
from contracts.transcripts.gemini import GeminiTranscript
from tests.unit.transcripts.playing import GARBAGE, play, recorded

SESSION = "11111111-1111-4111-8111-111111111111"
SAID_AT = datetime(2026, 1, 1, 12, tzinfo=UTC)
TAKEN = f'Error starting session: Session ID "{SESSION}" already exists. Use --resume to resume it, or provide another.'
RETRY = (
    'Attempt 1 failed with status 500. Retrying with backoff... _ApiError: {"error":{"code":500,"message":"down"}}\n'
    "  status: 500\n}\n"
)


def lines(name: str) -> list[str]:
    return recorded("gemini", name)


def failed(message: str) -> list[str]:
    """The recorded lines of a failed request with another message."""
    *rest, last = lines("rate")
    return [*rest, json.dumps(json.loads(last) | {"error": {"type": "unknown", "message": message}})]


def judge(heard: list[str], code: int = 0, forced: Forced = "", stderr: str = ""):
    return play(GeminiTranscript(), heard, Exit(code=code, forced=forced, stderr=stderr))[1]


def said(name: str) -> list[Heard]:
    return play(GeminiTranscript(), lines(name))[0]


@pytest.mark.parametrize(
    ("name", "code", "ending", "kind"),
    [
        ("auth", 145, TurnEnding.AUTH, FailureKind.PROVIDER),
        ("payment", 146, TurnEnding.QUOTA, FailureKind.QUOTA),
        ("forbidden", 147, TurnEnding.AUTH, FailureKind.PROVIDER),
        ("no_model", 1, TurnEnding.AUTH, FailureKind.PROVIDER),
        ("rate", 173, TurnEnding.RATE_LIMITED, FailureKind.PROVIDER),
        ("minute", 173, TurnEnding.RATE_LIMITED, FailureKind.PROVIDER),
        ("daily", 173, TurnEnding.QUOTA, FailureKind.QUOTA),
        ("server_error", 244, TurnEnding.PROVIDER_DOWN, FailureKind.PROVIDER),
        ("dead", 1, TurnEnding.PROVIDER_DOWN, FailureKind.PROVIDER),
        ("garbage", 1, TurnEnding.PROVIDER_DOWN, FailureKind.PROVIDER),
        ("turns", 53, TurnEnding.LIMIT, FailureKind.AGENT),
        ("denied", 0, TurnEnding.DENIED, FailureKind.AGENT),
    ],
)
def test_a_turn_that_came_to_nothing_says_why(name: str, code: int, ending: TurnEnding, kind: FailureKind) -> None:
    stderr = "ModelNotFoundError: stub error 404\n  code: 404\n" if name == "no_model" else ""
    ended = judge(lines(name), code, stderr=stderr)
    trouble = ended.reply().trouble
    assert ended.ending is ending
    assert trouble is not None
    assert trouble.kind is kind
    assert ended.message


@pytest.mark.parametrize(
    ("code", "ending"),
    [
        (145, TurnEnding.AUTH),
        (146, TurnEnding.QUOTA),
        (173, TurnEnding.RATE_LIMITED),
        (244, TurnEnding.PROVIDER_DOWN),
        (247, TurnEnding.PROVIDER_DOWN),
        (41, TurnEnding.AUTH),
        (53, TurnEnding.LIMIT),
        (42, TurnEnding.CRASHED),
        (1, TurnEnding.CRASHED),
        (-11, TurnEnding.CRASHED),
    ],
)
def test_an_exit_code_is_a_status_modulo_256_or_the_programs_own(code: int, ending: TurnEnding) -> None:
    assert judge(failed("strange"), code).ending is ending
    assert judge([], code, stderr="strange").ending is ending


def test_a_success_gives_text_usage_and_session() -> None:
    reply = judge(lines("ok")).reply()
    assert reply.trouble is None
    assert (reply.text, reply.session) == ("DONE: wrote hello.txt", SESSION)
    assert (reply.usage.model, reply.usage.cost) == ("stub", None)
    assert (reply.usage.input_tokens, reply.usage.cache_read_tokens, reply.usage.output_tokens) == (2448, 20, 112)


def test_thoughts_are_paid_as_output() -> None:
    *rest, last = lines("ok")
    result = json.loads(last)
    result["stats"]["total_tokens"] += 1000
    assert judge([*rest, json.dumps(result)]).usage.output_tokens == 1112


def test_a_limit_is_charged() -> None:
    assert judge(lines("turns"), 53).reply().usage.input_tokens == 2448


def test_the_answer_is_all_that_was_said_after_the_last_tool() -> None:
    pieces = [{"type": "message", "role": "assistant", "content": text, "delta": True} for text in ("DO", "NE\n", "ok")]
    first, *rest = lines("many")
    heard, ended = play(GeminiTranscript(), [first, *rest[:-2], *map(json.dumps, pieces), rest[-1]])
    assert ended.text == "DONE\nok"
    assert [one.said for one in heard[-4:]] == ["DO", "", "", ""]


def test_withheld_tools_are_denied_ones_and_named() -> None:
    assert "run_shell_command" in judge(lines("denied")).message


def test_a_tool_that_does_not_exist_is_no_denied_one() -> None:
    assert "tool_not_registered" in "".join(lines("many"))
    assert judge(lines("many")).ending is TurnEnding.SUCCESS


def test_a_tool_that_a_rule_forbids_is_denied() -> None:
    forbidden = [line.replace("tool_not_registered", "policy_violation") for line in lines("many")]
    assert judge(forbidden).ending is TurnEnding.DENIED


@pytest.mark.parametrize(
    ("stderr", "ending"),
    [
        ("Error resuming session: No previous sessions found for this project.", TurnEnding.UNKNOWN_SESSION),
        (f'Error resuming session: Invalid session identifier "{SESSION}".', TurnEnding.UNKNOWN_SESSION),
        (TAKEN, TurnEnding.TAKEN_SESSION),
        ("Invalid auth method selected.", TurnEnding.AUTH),
        ("Unknown argument: frob", TurnEnding.CRASHED),
    ],
)
def test_without_a_result_the_standard_error_tells(stderr: str, ending: TurnEnding) -> None:
    assert judge([], 42, stderr=f"YOLO mode is enabled.\n{stderr}\n").ending is ending


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
    assert judge(lines("retrying"), -9, forced).ending is ending


@pytest.mark.parametrize(
    ("stderr", "ending"),
    [
        (RETRY, TurnEnding.PROVIDER_DOWN),
        (RETRY.replace("500", "429"), TurnEnding.RATE_LIMITED),
        ("Attempt 1 failed: fetch failed\n", TurnEnding.PROVIDER_DOWN),
    ],
)
def test_a_process_that_only_repeated_its_requests_had_no_provider(stderr: str, ending: TurnEnding) -> None:
    assert judge(lines("retrying"), -9, "quiet", stderr).ending is ending
    assert judge(lines("retrying"), -9, "wall_clock", stderr).ending is ending
    assert judge(lines("retrying"), -9, "killed", stderr).ending is TurnEnding.KILLED


def test_a_process_that_hung_after_an_answer_is_not_the_providers_fault() -> None:
    assert judge(lines("ok")[:3], -9, "quiet", RETRY).ending is TurnEnding.HUNG


def test_a_result_counts_however_the_process_ended_after_it() -> None:
    assert judge(lines("ok"), -9, "quiet").ending is TurnEnding.SUCCESS
    assert judge(lines("ok"), 1).ending is TurnEnding.CRASHED


@pytest.mark.parametrize(
    ("message", "wait"),
    [
        ("[API Error: Quota exceeded, retry\nSuggested retry after 400s.]", timedelta(seconds=400)),
        ("[API Error: Your quota will reset after 18h6m35s.]", timedelta(hours=18, minutes=6, seconds=35)),
        ("[API Error: Resource exhausted. Please retry in 34.5s.]", timedelta(seconds=34.5)),
        ("[API Error: You have exhausted your daily quota on this model.]", None),
    ],
)
def test_the_end_of_a_limit_counts_from_when_it_was_told(message: str, wait: timedelta | None) -> None:
    assert judge(failed(message), 173).resets_at == (SAID_AT + wait if wait else None)


def test_the_models_own_words_are_no_evidence_of_a_failure() -> None:
    words = {"type": "message", "role": "assistant", "content": "429: exhausted your daily quota", "delta": True}
    *rest, last = lines("ok")
    assert judge([*rest, json.dumps(words), last]).ending is TurnEnding.SUCCESS


def test_failed_requests_and_warnings_are_no_progress() -> None:
    assert not any(one.useful for name in ("auth", "dead", "daily") for one in said(name))
    warned = GeminiTranscript().hear('{"type":"error","severity":"warning","message":"Loop detected"}')
    assert warned == Heard(useful=False, said="Loop detected")


def test_lines_that_are_none_of_the_programs_are_no_progress_and_no_error() -> None:
    heard, _ = play(GeminiTranscript(), GARBAGE)
    assert heard == [Heard()] * len(GARBAGE)
    assert judge([*GARBAGE, *lines("ok"), *GARBAGE]).ending is TurnEnding.SUCCESS


@pytest.mark.parametrize("junk", [None, 7, "x", [], [7, None], {"models": 7}, {"todos": [7]}])
@pytest.mark.parametrize("key", ["content", "parameters", "error", "stats", "timestamp", "tool_id"])
@pytest.mark.parametrize("kind", ["init", "message", "tool_use", "tool_result", "error", "result"])
def test_no_shape_of_an_event_is_an_error(kind: str, key: str, junk: Any) -> None:
    assert judge([json.dumps({"type": kind, "role": "assistant", key: junk})], 1).ending


def test_the_log_has_short_lines_about_what_is_done() -> None:
    told = [one.said for one in said("many") if one.said]
    assert told[:9] == [
        "Gemini CLI with stub",
        "I call write_file",
        "Write: a.py",
        "I call replace",
        "Edit: a.py",
        "I call run_shell_command",
        "Shell: false",
        "I call read_file",
        "Read: a.py",
    ]
    assert told[-1] == "DONE: wrote hello.txt"
    assert max(map(len, told)) < 200


def test_a_list_of_todos_is_a_plan() -> None:
    planned = [one for one in said("many") if one.planned]
    assert [(one.said, one.done, one.planned) for one in planned] == [("B", 1, 2)]


def test_a_loop_that_the_program_ended_is_no_success() -> None:
    called = {"type": "tool_use", "tool_name": "run_shell_command", "tool_id": "1", "parameters": {"command": "true"}}
    warned = {"type": "error", "severity": "warning", "message": "Loop detected, stopping execution"}
    result = {
        "type": "result",
        "status": "success",
        "stats": {"total_tokens": 5, "input_tokens": 4, "output_tokens": 1},
    }
    ended = judge([json.dumps(one) for one in (called, warned, result)])
    assert ended.ending is TurnEnding.LIMIT
    assert "Loop detected" in ended.message
    assert ended.usage.output_tokens == 1
