from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from contracts.failure import HINTS, Failure, FailureKind

NOW = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("kind", FailureKind)
def test_every_kind_says_what_to_do_next(kind: FailureKind) -> None:
    hint = Failure(kind=kind, message="m", at=NOW).hint
    assert hint == HINTS[kind]
    assert hint.endswith(".")
    assert len(hint.split()) > 5


def test_hints_are_for_kinds_and_each_is_its_own() -> None:
    assert set(HINTS) == set(FailureKind)
    assert len(set(HINTS.values())) == len(HINTS)


def test_evidence_has_an_end() -> None:
    Failure(kind=FailureKind.AGENT, message="m", detail="x" * 8_000, at=NOW)
    with pytest.raises(ValidationError):
        Failure(kind=FailureKind.AGENT, message="m", detail="x" * 8_001, at=NOW)


def test_a_failure_is_read_back_as_it_was_written() -> None:
    failure = Failure(kind=FailureKind.CI_RED, message="m", step="ci", resumable=False, at=NOW)
    assert Failure.model_validate_json(failure.model_dump_json()) == failure


def test_a_failure_can_be_resumed_unless_it_says_otherwise() -> None:
    assert Failure(kind=FailureKind.AGENT, message="m", at=NOW).resumable
