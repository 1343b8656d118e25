from pathlib import PurePosixPath
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from contracts.journal import FRESH, Opening, Restart, branch_name, record_key
from contracts.kinds import KINDS
from contracts.pipeline import RESERVED, Pipeline, Step
from contracts.policy import Policy
from contracts.work import Repository, WorkItem

RUN = "0f8fad5b-d9cb-469f-a165-70867728950e"
ITEM = WorkItem(repository=Repository(name="shop"), title="Add a cart")


@pytest.mark.parametrize("step", [*KINDS, *sorted(RESERVED), "coder-2", "tester.fixer", "coder-2.merge", "a1"])
def test_every_step_has_a_readable_key(step: str) -> None:
    assert record_key(RUN, step, 12) == f"{RUN}/{step}/12"


@pytest.mark.parametrize(
    ("run", "step", "visit"),
    [
        ("..", "coder", 1),
        (".", "coder", 1),
        ("", "coder", 1),
        ("a/b", "coder", 1),
        ("a_b", "coder", 1),
        (RUN, "", 1),
        (RUN, ".", 1),
        (RUN, "..", 1),
        (RUN, "a..b", 1),
        (RUN, "../other", 1),
        (RUN, "coder/1", 1),
        (RUN, ".coder", 1),
        (RUN, "coder.", 1),
        (RUN, "-coder", 1),
        (RUN, "Coder", 1),
        (RUN, "coder\n", 1),
        (RUN, "coder\\..", 1),
        (RUN, "coder\0", 1),
        (RUN, "coder", 0),
        (RUN, "coder", -1),
    ],
)
def test_what_could_leave_the_journal_is_no_key(run: str, step: str, visit: int) -> None:
    with pytest.raises(ValueError, match="is not a key of the journal"):
        record_key(run, step, visit)


PARTS = st.text(alphabet="abA9./-_\\\n\0 ", max_size=6) | st.text(max_size=6)


@given(PARTS, PARTS, st.integers(-2, 20))
def test_every_key_has_its_own_place_below_the_journal(run: str, step: str, visit: int) -> None:
    try:
        key = record_key(run, step, visit)
    except ValueError:
        return
    assert PurePosixPath("/journal", key).parts == ("/", "journal", run, step, str(visit))
    assert not {".", ".."} & {run, step}
    assert key.isascii()
    assert key.isprintable()


@given(st.lists(st.sampled_from(sorted(KINDS)), max_size=6))
def test_every_step_of_a_checked_pipeline_has_a_key(kinds: list[str]) -> None:
    for step in Pipeline(steps=[Step(kind=kind) for kind in kinds]).enabled:
        assert record_key(RUN, step.id, 1)


def opening(**changed: Any) -> Opening:
    fields: dict[str, Any] = {"run": RUN, "attempt": 1, "item": ITEM, "policy": Policy(), "branch": "delivery/x"}
    return Opening(pipeline=Pipeline(steps=[Step(kind="coder")]), **{**fields, **changed})


def test_an_opening_is_read_back_as_it_was_written() -> None:
    made = opening(kept={"coder": f"{RUN}/coder/1"}, used={"coder": 1}, dry_run=True)
    assert Opening.model_validate_json(made.model_dump_json()) == made


def test_attempts_count_from_one() -> None:
    with pytest.raises(ValidationError):
        opening(attempt=0)


def test_a_branch_names_the_work_and_the_run() -> None:
    assert branch_name(ITEM, RUN) == f"delivery/add-a-cart-{RUN[-8:]}"


def test_runs_that_a_schedule_made_at_once_have_branches_of_their_own() -> None:
    batch = [f"01a203ff-ec50-7b4c-a1b2-{number:012x}" for number in range(3)]
    assert len({branch_name(ITEM, run) for run in batch}) == 3


def test_a_fresh_run_takes_up_nothing() -> None:
    assert Restart() == FRESH
    assert (FRESH.run, FRESH.step) == ("", "")
