"""What a run lost is charged to the step with which it goes on."""

from __future__ import annotations

import time
from uuid import uuid4

from prefect import get_run_logger

from blocks.ledger import Ledger
from blocks.loading import load
from blocks.sandbox import Sandbox
from contracts.errors import DeliveryError
from contracts.failure import FailureKind
from contracts.journal import Opening
from contracts.recovery import INFRASTRUCTURE, check_losses, wait_before
from contracts.redaction import redact
from contracts.visit import Visit

_GATE = ".gate"


def recovered(opening: Opening, step: str) -> None:
    """Charge the losses since the last step to the one with which the run goes on; a gate's wait costs nothing.

    Args:
        opening: what the attempt was opened with; each attempt has a budget of its own.
        step: id of the step, step.helper or step.gate whose visit has no record yet.

    Raises:
        DeliveryError: of kind EVICTED: the step has lost its process more often than the policy allows.
    """
    policy = opening.policy
    counts = load(policy.ledger, Ledger).attribute(opening.run, f"{step}@{opening.attempt}")
    if not step.endswith(_GATE):
        check_losses(step, counts, policy.crashes, policy.losses)


def redispatch(visit: Visit, error: DeliveryError) -> None:
    """Charge a lost sandbox to the visit's step, take what is left of it away, and return when the visit may go on.

    Args:
        visit: the visit that has no outcome.
        error: what it ended with.

    Raises:
        DeliveryError: what it ended with, when its sandbox was not lost; else of kind EVICTED: the step has lost
            more than the policy allows.
    """
    policy, opening = visit.opening.policy, visit.opening
    sandbox = load(policy.sandbox, Sandbox)
    if error.kind is not FailureKind.EVICTED or not sandbox.evicts:
        raise error
    ledger = load(policy.ledger, Ledger)
    ledger.recover(opening.run, f"sandbox {uuid4()}", INFRASTRUCTURE)
    counts = ledger.attribute(opening.run, f"{visit.step.id}@{opening.attempt}")
    check_losses(visit.step.id, counts, policy.crashes, policy.losses)
    sandbox.release(opening.run)
    seconds = wait_before(counts[INFRASTRUCTURE])
    get_run_logger().warning("%s; it is done again in %.0f seconds", redact(error.message), seconds)
    time.sleep(seconds)


def let_go(opening: Opening) -> None:
    """End everything that the sandbox keeps for a run; what cannot be ended now, a later sweep ends."""
    try:
        load(opening.policy.sandbox, Sandbox).release(opening.run)
    except DeliveryError as error:
        get_run_logger().warning("what the sandbox keeps for the run stays for now: %s", redact(error.message))
