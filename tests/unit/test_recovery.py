from __future__ import annotations

import pytest

from contracts.errors import DeliveryError
from contracts.failure import FailureKind
from contracts.policy import Policy
from contracts.recovery import (
    Act,
    Sighting,
    Swept,
    check_losses,
    loss_of,
    remedy,
    repeats,
    wait_before,
)

KILLED = "Process exited with status code: -9. Process exited due to a SIGKILL signal."
AGAIN = "Flow run infrastructure exited with non-zero status code -9. Process exited due to a SIGKILL signal."


def seen(state: str, **fields: object) -> Sighting:
    return Sighting.model_validate({"state": state, "silent": True, "status": "live", **fields})


@pytest.mark.parametrize(
    ("sighting", "act", "kind"),
    [
        (seen("RUNNING"), Act.RESUME, "infrastructure"),
        (seen("RUNNING", status=""), Act.RESUME, "infrastructure"),
        (seen("RUNNING", status="merged"), Act.RESUME, "infrastructure"),
        (seen("RUNNING", status="merged", closed=True), Act.RESUME, "infrastructure"),
        (seen("RUNNING", status="failed", closed=True), Act.SETTLE, "close"),
        (seen("RUNNING", status="stopped", closed=True), Act.SETTLE, "close"),
        (seen("RUNNING", status="stopped"), Act.CLOSE, "close"),
        (seen("PENDING"), Act.RESUME, "infrastructure"),
        (seen("PENDING", status="failed", closed=True), Act.RESUME, "infrastructure"),
        (seen("PAUSED"), Act.KEEP_GATE, "gate"),
        (seen("CRASHED", message=KILLED), Act.RESUME, "crash"),
        (seen("CRASHED", message=KILLED, silent=False), Act.RESUME, "crash"),
        (seen("CRASHED", message=KILLED, status=""), Act.RESUME, "crash"),
        (seen("CRASHED", message=KILLED, status="merged"), Act.RESUME, "crash"),
        (seen("CRASHED", cancelled=True), Act.CLOSE, "close"),
        (seen("CRASHED", message="Flow run process exited after a cancellation request, but …"), Act.CLOSE, "close"),
        (seen("CANCELLED"), Act.CLOSE, "close"),
        (seen("CANCELLING"), Act.CLOSE, "close"),
        (seen("FAILED"), Act.CLOSE, "close"),
        (seen("COMPLETED"), Act.CLOSE, "close"),
        (seen("CANCELLED", merging=True), Act.RESUME, "infrastructure"),
        (seen("CRASHED", cancelled=True, merging=True), Act.RESUME, "infrastructure"),
        (seen("CRASHED", message=KILLED, fruitless=7, most=6), Act.CLOSE, "close"),
        (seen("CRASHED", message=KILLED, fruitless=6, most=6), Act.RESUME, "crash"),
        (seen("RUNNING", carries=False), Act.SETTLE, "close"),
        (seen("CRASHED", message=AGAIN, silent=False), Act.RESUME, "crash"),
        (seen("CRASHED", message=AGAIN, repeated=True), Act.RESUME, "infrastructure"),
        (seen("CRASHED", message=AGAIN, repeated=True, displaced=True, silent=False), Act.RESUME, "repeated"),
    ],
)
def test_what_is_done_about_a_run(sighting: Sighting, act: Act, kind: str) -> None:
    told = remedy(sighting)
    assert told is not None
    assert (told.act, told.kind) == (act, kind)
    assert told.why


@pytest.mark.parametrize(
    ("crashes", "begun", "repeated"),
    [
        ([], True, False),
        ([KILLED], True, False),
        ([KILLED], False, False),
        ([AGAIN], True, False),
        ([AGAIN], False, True),
        ([KILLED, AGAIN], False, True),
        ([KILLED, AGAIN], True, True),
        ([KILLED, AGAIN, KILLED], True, False),
        ([KILLED, AGAIN, KILLED, AGAIN], True, True),
        ([KILLED, AGAIN, AGAIN], True, False),
        (["Execution was aborted by a termination signal.", AGAIN], True, True),
    ],
)
def test_the_second_report_of_a_death_is_no_second_death(crashes: list[str], begun: bool, repeated: bool) -> None:
    assert repeats(crashes, begun) is repeated


@pytest.mark.parametrize(
    "sighting",
    [
        seen("RUNNING", silent=False),
        seen("PENDING", silent=False),
        seen("PAUSED", silent=False),
        seen("CANCELLING", silent=False),
        seen("SCHEDULED"),
        seen("COMPLETED", status="merged"),
        seen("FAILED", status="failed"),
        seen("CANCELLED", status="stopped"),
        seen("CANCELLED", status=""),
        seen("PAUSED", status="stopped"),
        seen("CRASHED", message=KILLED, status="failed", closed=True),
        seen("CRASHED", message=KILLED, status="stopped"),
        seen("CRASHED", message=KILLED, status="", fruitless=7, most=6),
        seen("CRASHED", message=AGAIN, repeated=True, silent=False),
        seen("CRASHED", carries=False),
        seen("PENDING", carries=False),
        *(seen(state, holder="process 7") for state in ("RUNNING", "PENDING", "PAUSED", "CRASHED", "CANCELLED")),
    ],
)
def test_what_is_left_alone(sighting: Sighting) -> None:
    assert remedy(sighting) is None


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        (KILLED, "crash"),
        ("Flow run process exited with non-zero status code 1.", "crash"),
        ("Flow run infrastructure exited with non-zero status code 137. Process was killed.", "crash"),
        ("Execution was interrupted by an unexpected exception: SystemError", "crash"),
        ("", "crash"),
        ("Process exited with status code: -15. Process exited due to a SIGTERM signal.", "infrastructure"),
        ("Flow run infrastructure exited with non-zero status code 143. …", "infrastructure"),
        ("Execution was aborted by a termination signal.", "infrastructure"),
        ("Execution was aborted by Python system exit call.", "infrastructure"),
        ("Execution was aborted by an interrupt signal.", "infrastructure"),
        ("Execution was cancelled by the runtime environment.", "infrastructure"),
        ("Request failed while attempting to contact the server: ConnectError", "infrastructure"),
        ("Request to http://127.0.0.1/api/flow_runs/ failed: ReadTimeout.", "infrastructure"),
        ("Flow run could not start: no such file", "infrastructure"),
        ("Failed to submit flow run to infrastructure: OSError", "infrastructure"),
    ],
)
def test_what_a_crash_is_charged_to(message: str, kind: str) -> None:
    assert loss_of(message) == kind


def test_each_recovery_waits_twice_as_long_up_to_five_minutes() -> None:
    assert [wait_before(number) for number in range(1, 9)] == [5, 10, 20, 40, 80, 160, 300, 300]
    assert wait_before(10_000) == 300


@pytest.mark.parametrize(
    ("counts", "within"),
    [
        ({}, True),
        ({"crash": 1}, True),
        ({"crash": 2}, False),
        ({"infrastructure": 5, "crash": 1}, True),
        ({"infrastructure": 6}, False),
        ({"gate": 50, "close": 50}, True),
    ],
)
def test_a_step_has_a_budget_of_crashes_and_of_losses(counts: dict[str, int], within: bool) -> None:
    if within:
        check_losses("coder", counts, Policy().crashes, Policy().losses)
        return
    with pytest.raises(DeliveryError, match=r"'coder'.*1 crashed and 5 lost") as caught:
        check_losses("coder", counts, Policy().crashes, Policy().losses)
    assert caught.value.kind is FailureKind.EVICTED


@pytest.mark.parametrize(
    ("swept", "message"),
    [
        (Swept(), "nothing to do"),
        (Swept(resumed=2, gates_kept=1, closed=1, folders=3), "2 resumed, 1 gate kept, 1 closed, 3 folders removed"),
        (Swept(folders=1, branches=2, reported=1), "1 folder removed, 2 branches deleted, 1 unreadable"),
    ],
)
def test_a_sweep_says_in_one_line_what_it_did(swept: Swept, message: str) -> None:
    assert swept.message == message
