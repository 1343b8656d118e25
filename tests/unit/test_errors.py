import re

import pytest

from contracts import errors
from contracts.errors import AgentFailed, DeliveryError, Misconfigured, Refused, Unavailable
from contracts.failure import FailureKind


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (DeliveryError, FailureKind.UNKNOWN),
        (Unavailable, FailureKind.ENVIRONMENT),
        (Misconfigured, FailureKind.PREFLIGHT),
        (Refused, FailureKind.PREFLIGHT),
        (AgentFailed, FailureKind.AGENT),
    ],
)
def test_what_a_run_fails_with(error: type[DeliveryError], kind: FailureKind) -> None:
    assert error("m").kind is kind
    assert error("m", kind=FailureKind.QUOTA).kind is FailureKind.QUOTA
    assert error("m").kind is kind


def test_an_error_carries_its_sentence_and_its_evidence() -> None:
    error = AgentFailed("no diff", detail="the reply")
    assert (str(error), error.message, error.detail) == ("no diff", "no diff", "the reply")


def test_the_tree_in_the_docstring_is_the_tree() -> None:
    drawn = re.findall(r"[├└]── (\w+)", errors.__doc__ or "")
    assert drawn == [error.__name__ for error in DeliveryError.__subclasses__() if error.__module__ == errors.__name__]
