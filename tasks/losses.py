"""What a run lost is charged to the step with which it goes on."""

from __future__ import annotations

from blocks.ledger import Ledger
from blocks.loading import load
from contracts.journal import Opening
from contracts.recovery import check_losses

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
