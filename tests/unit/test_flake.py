from datetime import UTC, datetime, timedelta
from itertools import product
from typing import get_args

import pytest
from pydantic import ValidationError

from contracts.flake import FlakeVerdict, Quarantined, Status, judge

ENDS: tuple[Status, ...] = get_args(Status)
CAUSED, FLAKY, PREEXISTING, INFRASTRUCTURE = FlakeVerdict


@pytest.mark.parametrize(
    ("first", "alone", "base", "verdict"),
    [
        ("failed", "failed", "passed", CAUSED),
        ("failed", "failed", "missing", CAUSED),
        ("failed", "failed", "skipped", CAUSED),
        ("failed", "failed", "unavailable", CAUSED),
        ("error", "error", "passed", CAUSED),
        ("failed", "failed", "failed", PREEXISTING),
        ("failed", "error", "failed", PREEXISTING),
        ("error", "failed", "error", PREEXISTING),
        ("failed", "passed", "passed", FLAKY),
        ("failed", "passed", "failed", FLAKY),
        ("error", "passed", "unavailable", FLAKY),
        ("failed", "skipped", "failed", CAUSED),
        ("failed", "missing", "failed", CAUSED),
        ("failed", "unavailable", "failed", INFRASTRUCTURE),
        ("unavailable", "failed", "passed", INFRASTRUCTURE),
        ("unavailable", "passed", "passed", INFRASTRUCTURE),
    ],
)
def test_verdicts(first: Status, alone: Status, base: Status, verdict: FlakeVerdict) -> None:
    assert judge(first, alone, base) is verdict


def test_every_combination_has_a_verdict_with_its_evidence() -> None:
    broken = {"failed", "error"}
    for first, alone, base in product(ENDS, repeat=3):
        verdict = judge(first, alone, base)
        assert (verdict is INFRASTRUCTURE) == ("unavailable" in {first, alone})
        assert verdict is not FLAKY or alone == "passed"
        assert verdict is not PREEXISTING or (alone in broken and base in broken)


def test_a_base_that_could_not_be_tested_never_excuses_a_failure() -> None:
    for first, alone in product(ENDS, repeat=2):
        if judge(first, alone, "unavailable") is not CAUSED:
            assert judge(first, alone, "passed") is not CAUSED


def test_a_quarantine_ends() -> None:
    until = datetime(2030, 1, 1, tzinfo=UTC)
    entry = Quarantined(test="tests/test_cart.py::test_sum", until=until, reason="passed alone")
    assert entry.active(until - timedelta(seconds=1))
    assert not entry.active(until)


def test_a_quarantine_needs_a_time_with_a_zone() -> None:
    with pytest.raises(ValidationError):
        Quarantined.model_validate({"test": "t", "until": "2030-01-01T00:00:00", "reason": "passed alone"})
