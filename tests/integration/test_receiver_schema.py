"""The receiver answers as its own description says, whatever it is sent."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Generator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
import schemathesis
from fastapi import FastAPI
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from pydantic import SecretStr
from schemathesis.generation import GenerationMode

from blocks.ledger import Ledger
from contracts.intake.webhook import Source
from deployments.intake.keeping import Intake
from deployments.webhooks import build_app
from tests.integration.receiver import PATH, SECRET, signed

_specified: Any = import_module("schemathesis.specs.openapi.checks")
SLOW = (HealthCheck.too_slow, HealthCheck.filter_too_much)
CHECKS: list[Any] = [
    import_module("schemathesis.checks").not_a_server_error,
    _specified.status_code_conformance,
    _specified.content_type_conformance,
    _specified.response_schema_conformance,
]


@pytest.fixture
def app(tmp_path: Path) -> Generator[FastAPI]:
    ledger = Ledger(url=SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}"))
    with Intake(ledger) as intake:
        yield build_app(ledger, intake, {Source.GITHUB: [SECRET], Source.GENERIC: ["secret"]})
    ledger.close()


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_what_the_description_allows_and_what_it_forbids_is_answered_as_described(
    app: FastAPI, mode: GenerationMode
) -> None:
    described: Any = schemathesis.openapi.from_asgi("/openapi.json", app)
    tried: Counter[int] = Counter()
    for operation in described.get_all_operations():

        @settings(max_examples=80, suppress_health_check=SLOW, database=None)
        @given(case=operation.ok().as_strategy(generation_mode=mode))
        def attempt(case: Any) -> None:
            answer = case.call()
            case.validate_response(answer, checks=CHECKS)
            tried[answer.status_code] += 1

        with suppress(Unsatisfiable):  # nothing is forbidden where nothing is asked for
            attempt()
    assert sum(tried.values()) >= 50
    assert max(tried) < 500


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


def test_whatever_is_signed_is_kept_or_refused(app: FastAPI) -> None:
    with TestClient(app) as client:

        @settings(max_examples=150, database=None)
        @given(value=JSON | st.dictionaries(st.text(), JSON), name=st.uuids())
        def attempt(value: Any, name: UUID) -> None:
            body = json.dumps(value).encode()
            answer = client.post(PATH, content=body, headers=signed(body, str(name)))
            assert answer.status_code in (200, 202, 400)
            assert (answer.status_code == 400) is not isinstance(value, dict)

        attempt()
