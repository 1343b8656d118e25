from datetime import UTC, datetime

import pytest

from contracts.agent import Usage
from contracts.failure import FailureKind
from contracts.transcript import Ended, Exit, Forced, TurnEnding, added, forced_ending

NOTHING = Usage()
FIRST = Usage(model="a", input_tokens=1, output_tokens=2, cache_read_tokens=3, cache_write_tokens=4, cost=0.5)
SECOND = Usage(model="b", input_tokens=10, output_tokens=20, cache_read_tokens=30, cache_write_tokens=40, cost=0.25)


def test_what_two_processes_consumed_is_added() -> None:
    assert added(FIRST, SECOND) == Usage(
        model="b", input_tokens=11, output_tokens=22, cache_read_tokens=33, cache_write_tokens=44, cost=0.75
    )


def test_nothing_added_changes_nothing() -> None:
    assert added(NOTHING, FIRST) == added(FIRST, NOTHING) == FIRST
    assert added(NOTHING, NOTHING) == NOTHING


@pytest.mark.parametrize("unpriced", [{"cost": None}, {"currency": "EUR"}])
def test_a_sum_has_a_price_only_when_both_have_one(unpriced: dict[str, None]) -> None:
    assert added(FIRST.model_copy(update=unpriced), SECOND).cost is None
    assert added(FIRST, SECOND.model_copy(update=unpriced)).cost is None


@pytest.mark.parametrize("ending", list(TurnEnding))
def test_every_ending_is_a_reply_or_a_trouble(ending: TurnEnding) -> None:
    reset = datetime(2026, 1, 1, tzinfo=UTC)
    ended = Ended(ending=ending, message="m" * 9_000, detail="d" * 9_000, text="t", usage=FIRST, resets_at=reset)
    reply = ended.reply()
    assert (reply.trouble is None) is (ending is TurnEnding.SUCCESS)
    assert reply.usage == FIRST
    if reply.trouble is not None:
        assert reply.trouble.message.startswith(f"{ending}: m")
        assert reply.trouble.resets_at == reset


def test_a_success_is_read_for_its_marks() -> None:
    reply = Ended(ending=TurnEnding.SUCCESS, text="Done.\nCOMMIT MESSAGE: Add it", structured={"a": 1}).reply()
    assert (reply.text, reply.commit_message, reply.structured) == ("Done.", "Add it", {"a": 1})


@pytest.mark.parametrize(
    ("forced", "kind"),
    [
        ("wall_clock", FailureKind.TIMEOUT),
        ("quiet", FailureKind.STALLED),
        ("output_limit", FailureKind.AGENT),
        ("killed", FailureKind.EVICTED),
    ],
)
def test_a_forced_end_has_its_own_kind_of_failure(forced: Forced, kind: FailureKind) -> None:
    ending = forced_ending(Exit(code=-9, forced=forced))
    assert ending is not None
    trouble = Ended(ending=ending).reply().trouble
    assert trouble is not None
    assert trouble.kind is kind


def test_a_process_that_ended_by_itself_was_not_forced() -> None:
    assert forced_ending(Exit(code=1)) is None
