from __future__ import annotations

import pytest

from contracts.delivery import DeliveryStatus
from contracts.failure import FailureKind
from contracts.rules import AskReason
from flows.bugfix import bugfix
from flows.simple import simple

from .conftest import BROKEN, FIXED, GOOD, TESTS, Bench

POOR = {
    "structured": {"rating": 0.4, "summary": "wrong", "comments": [{"severity": "major", "body": "still off by one"}]}
}
