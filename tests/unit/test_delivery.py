from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from contracts.agent import Prior, Usage
from contracts.delivery import Delivery, DeliveryStatus, Outcome
from contracts.failure import Failure, FailureKind
from contracts.merger import Hold, HoldRule

NOW = datetime(2030, 1, 1, tzinfo=UTC)
OUTCOME = Outcome(
    run="r", step="coder", kind="coder", visit=2, output="done", data={"a": 1}, usage=[Usage(cost=0.1)], started=NOW
)


def test_later_steps_see_what_an_outcome_says_and_nothing_of_its_cost() -> None:
    assert OUTCOME.prior == Prior(step="coder", kind="coder", output="done", data={"a": 1})


@pytest.mark.parametrize("wrong", [{"visit": 0}, {"status": "passed"}, {"seconds": -1}])
def test_what_is_no_outcome(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Outcome.model_validate({**OUTCOME.model_dump(), **wrong})


@pytest.mark.parametrize("status", DeliveryStatus)
def test_a_delivery_is_read_back_as_it_was_written(status: DeliveryStatus) -> None:
    made = Delivery(
        run="r",
        title="t",
        repository="shop",
        pipeline="simple",
        status=status,
        failure=Failure(kind=FailureKind.AGENT, message="m", at=NOW),
        hold=Hold(HoldRule.DRY_RUN, "dry_run: no effects"),
        timeline=[OUTCOME],
    )
    assert Delivery.model_validate_json(made.model_dump_json()) == made


def test_merged_waiting_and_failed_are_different_words() -> None:
    assert len({status.value for status in DeliveryStatus}) == len(DeliveryStatus) == 7
