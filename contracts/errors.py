"""The error tree: an exception means "could not find out"; a red suite or a rejected review is a return value.

DeliveryError
├── Unavailable     the outside world did not answer: try again
├── Misconfigured   a person must change a setting, a block, a pipeline or a work item
├── Refused         a rule of the project or of its policy says no
└── AgentFailed     an agent's turn ended without the evidence of success

Every message states the observed fact, the identifier with `!r`, and what to do.
"""

from __future__ import annotations

from datetime import datetime

from contracts.failure import FailureKind


class DeliveryError(Exception):
    """Root of every error that this project raises on purpose.

    Args:
        message: one sentence: the observed fact, the identifier, what to do.
        detail: evidence for a person, at most a few thousand characters; redacted by whoever shows it.
        kind: the kind of failure that a run ends with when nothing handles the error.
        until: when the same call may work by itself, so that the run waits for it; none: a person must act.
    """

    kind: FailureKind = FailureKind.UNKNOWN

    def __init__(
        self, message: str, *, detail: str = "", kind: FailureKind | None = None, until: datetime | None = None
    ) -> None:
        super().__init__(message)
        self.message = message
        self.detail = detail
        self.until = until
        if kind is not None:
            self.kind = kind


class Unavailable(DeliveryError):
    """The outside world did not answer, or not completely; the same call may work later."""

    kind = FailureKind.ENVIRONMENT


class Misconfigured(DeliveryError):
    """A setting, block, pipeline or work item cannot work; a person must change it."""

    kind = FailureKind.PREFLIGHT


class Refused(DeliveryError):
    """A rule says no: admission, a protected path, a policy."""

    kind = FailureKind.PREFLIGHT


class AgentFailed(DeliveryError):
    """A turn ended without the evidence of success, whatever the agent says."""

    kind = FailureKind.AGENT
