"""People are reminded once of what waits too long, and what is due is decided by the policy's own choice."""

from __future__ import annotations

from prefect import flow, get_run_logger

from contracts.errors import DeliveryError
from contracts.redaction import redact
from tasks._replay import JOURNAL
from tasks.escalation import decide_due, remind, waiting_too_long


@flow(name="escalate", result_storage=JOURNAL, persist_result=False)
def escalate() -> list[str]:
    """Remind people of every gate that waits longer than its policy says, and decide those that are due.

    Each gate is reminded of once, however many sweeps run at once. A gate that cannot be looked at is logged and does
    not keep the others waiting.
    """
    done: list[str] = []
    for gate in waiting_too_long():
        try:
            done += [said for said in (remind(gate), decide_due(gate)) if said]
        except DeliveryError as error:
            get_run_logger().error("%s: %s", gate.key, redact(error.message))
    get_run_logger().info("%s", "; ".join(done) or "nothing waits too long")
    return done
