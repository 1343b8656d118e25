from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

from contracts.agent import Usage
from contracts.failure import FailureKind
from contracts.transcript import Ended, Exit, Forced, Heard, TurnEnding
from contracts.transcripts.open_code import OpenCodeTranscript
from tests.unit.transcripts.playing import GARBAGE, play, recorded

BEGUN = datetime(2026, 1, 1, 12, tzinfo=UTC)
SESSION = "ses_dfac8bcf9ffe65zNrYz2S9hMES"
UNKNOWN = "\x1b[91m\x1b[1mError: \x1b[0mSession not found\n"
REFUSED = "Cannot connect to API: Unable to connect. Is the computer able to access the url?"
QUOTA = "You exceeded your current quota, please check your plan and billing details."


def lines(name: str) -> list[str]:
    return recorded("open_code", name)


def judge(heard: list[str], code: int = 0, forced: Forced = "", stderr: str = "") -> Ended:
    return play(OpenCodeTranscript("m", BEGUN), heard, Exit(code=code, forced=forced, stderr=stderr))[1]


def said(name: str) -> list[Heard]:
    return play(OpenCodeTranscript("m"), lines(name))[0]


def log(error: str, at: str = "2026-11-22T22:08:26.067Z") -> str:
    """A line of the program's log about a request that it will repeat."""
    return (
        f'timestamp={at} level=ERROR run=8ac2e0ac message="stream error" providerID=configured modelID=m '
        f'session.id=ses_dfab28cc6ffeRhzSALsozYiKw6 small=false agent=build mode=primary error.error="{error}"\n'
    )


@pytest.mark.parametrize(
    ("name", "code", "ending", "kind"),
    [
        ("auth", 1, TurnEnding.AUTH, FailureKind.PROVIDER),
        ("no_model", 1, TurnEnding.AUTH, FailureKind.PROVIDER),
        ("payment", 1, TurnEnding.QUOTA, FailureKind.QUOTA),
        ("server_error", 1, TurnEnding.PROVIDER_DOWN, FailureKind.PROVIDER),
        ("bad_request", 1, TurnEnding.CRASHED, FailureKind.AGENT),
        ("too_long", 1, TurnEnding.LIMIT, FailureKind.AGENT),
        ("cut_short", 0, TurnEnding.LIMIT, FailureKind.AGENT),
        ("denied", 0, TurnEnding.DENIED, FailureKind.AGENT),
    ],
)
def test_a_turn_that_came_to_nothing_says_why(name: str, code: int, ending: TurnEnding, kind: FailureKind) -> None:
    ended = judge(lines(name), code)
    trouble = ended.reply().trouble
    assert ended.ending is ending
    assert trouble is not None
    assert trouble.kind is kind
    assert ended.message


def test_a_failed_request_is_no_success_whatever_the_code() -> None:
    assert judge(lines("auth"), code=0).ending is TurnEnding.AUTH


def test_steps_are_added_up() -> None:
    heard, ended = play(OpenCodeTranscript("m"), lines("ok"))
    reply = ended.reply()
    assert (reply.trouble, reply.text, reply.session) == (None, "DONE: wrote hello.txt", SESSION)
    assert reply.usage.model_copy(update={"cost": None}) == Usage(
        model="m", input_tokens=1800, output_tokens=100, cache_read_tokens=200
    )
    assert reply.usage.cost == pytest.approx(0.00202)
    assert [one.usage.input_tokens for one in heard if one.usage] == [900, 1800]


def test_no_price_is_unknown_and_not_free() -> None:
    unpriced = [line.replace('"cost":0.00101', '"cost":0') for line in lines("ok")]
    assert judge(unpriced).usage.cost is None


def test_the_session_is_known_from_the_first_line() -> None:
    assert OpenCodeTranscript("m").hear(lines("ok")[0]).session == SESSION


@pytest.mark.parametrize("name", ["auth", "server_error", "garbage"])
def test_errors_and_empty_steps_are_no_progress(name: str) -> None:
    assert not any(heard.useful for heard in said(name))


def test_empty_answers_in_a_row_are_the_providers_fault() -> None:
    forced: tuple[Forced, ...] = ("quiet", "wall_clock", "output_limit")
    assert {judge(lines("garbage"), -9, one).ending for one in forced} == {TurnEnding.PROVIDER_DOWN}


@pytest.mark.parametrize(
    ("error", "forced", "ending"),
    [
        (REFUSED, "quiet", TurnEnding.PROVIDER_DOWN),
        (REFUSED, "wall_clock", TurnEnding.PROVIDER_DOWN),
        (QUOTA, "quiet", TurnEnding.QUOTA),
        ("AI_APICallError: internal", "quiet", TurnEnding.PROVIDER_DOWN),
        (REFUSED, "killed", TurnEnding.KILLED),
    ],
)
def test_a_process_that_waited_for_its_provider_did_not_hang(error: str, forced: Forced, ending: TurnEnding) -> None:
    assert judge([], -9, forced, log(error)).ending is ending


def test_a_request_that_was_repeated_with_success_is_forgotten() -> None:
    earlier = log(REFUSED, "2026-11-22T21:00:00.000Z")
    assert judge(lines("ok")[:3], -9, "quiet", earlier).ending is TurnEnding.HUNG


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
    assert judge(lines("ok")[:3], -9, forced).ending is ending


def test_only_a_finished_answer_is_a_success() -> None:
    assert judge(lines("ok")[:3]).ending is TurnEnding.CRASHED
    assert judge([]).ending is TurnEnding.CRASHED
    assert judge(lines("ok"), code=1).ending is TurnEnding.CRASHED


def test_an_unknown_session_is_told_from_a_crash() -> None:
    ended = judge([], code=1, stderr=UNKNOWN)
    assert (ended.ending, ended.message) == (TurnEnding.UNKNOWN_SESSION, "Error: Session not found")
    assert judge(lines("ok")[:3], code=1, stderr=UNKNOWN).ending is TurnEnding.CRASHED


def test_a_limit_tells_when_it_resets() -> None:
    event = json.loads(lines("payment")[0])
    event["error"]["data"]["responseHeaders"]["retry-after"] = "600"
    assert judge([json.dumps(event)], code=1).resets_at == BEGUN + timedelta(minutes=10)
    assert judge(lines("payment"), code=1).resets_at is None


def test_people_read_tools_their_failures_and_the_plan() -> None:
    heard = said("plan")
    assert [one.said for one in heard if one.said] == [
        "now: fix",
        "bash: echo hi; false ended with code 1",
        "write: new.txt",
        "DONE",
    ]
    assert [(one.done, one.planned) for one in heard if one.planned] == [(1, 3)]
    assert judge(lines("plan")).reply().commit_message == "Write a file"


def test_a_resumed_session_counts_its_own_steps_only() -> None:
    assert judge(lines("resumed")).usage.input_tokens == 900


def test_what_cannot_be_read_is_no_progress_and_no_error() -> None:
    heard, ended = play(OpenCodeTranscript("m"), [*GARBAGE, *lines("ok"), *GARBAGE])
    assert ended.ending is TurnEnding.SUCCESS
    assert not any(one.useful for one in heard[: len(GARBAGE)])
