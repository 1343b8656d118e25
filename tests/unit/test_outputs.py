import json
from typing import Any

import pytest

from contracts.companion import read_verdict
from contracts.estimate import read_estimate
from contracts.kinds import KINDS, Family, Output
from contracts.merger import read_assessment
from contracts.outputs import Concerns, Findings, schema_of
from contracts.review import read_findings

STRUCTURED = [Output.VERDICT, Output.ESTIMATE, Output.FINDINGS, Output.REPORT, Output.ASSESSMENT]


@pytest.mark.parametrize("output", STRUCTURED)
def test_a_structured_output_has_a_schema_that_can_be_sent(output: Output) -> None:
    schema = schema_of(output)
    assert schema["type"] == "object"
    assert schema["required"]
    assert json.loads(json.dumps(schema)) == schema
    assert all(field.get("description") for field in schema["properties"].values())


@pytest.mark.parametrize("output", sorted(set(Output) - set(STRUCTURED)))
def test_prose_and_what_no_agent_writes_have_none(output: Output) -> None:
    assert schema_of(output) == {}


def test_only_who_produces_or_helps_answers_in_prose() -> None:
    for kind in KINDS.values():
        if kind.needs_agent and not schema_of(kind.output):
            assert kind.family in (Family.PRODUCER, Family.HELPER)


def test_the_greenlight_is_asked_of_nobody() -> None:
    assert set(schema_of(Output.REPORT)["properties"]) == {"concerns"}


def test_what_the_schemas_ask_for_is_what_is_read() -> None:
    axes = {"complexity": 0.1, "risk": 0.2, "impact": 0.3, "rationale": "small"}
    remark = {"severity": "minor", "body": "rename it", "file": "cart.py", "line": 3}
    finding = {"category": "gap", "severity": "high", "title": "who pays?", "detail": "nobody says"}
    answers: dict[Output, dict[str, Any]] = {
        Output.VERDICT: {"rating": 0.9, "summary": "good", "comments": [remark]},
        Output.FINDINGS: {"findings": [finding]},
        Output.ESTIMATE: axes,
        Output.ASSESSMENT: axes,
        Output.REPORT: {"concerns": [{"title": "slow", "detail": "2 s", "severity": "low"}]},
    }
    for output, answer in answers.items():
        assert set(answer) == set(schema_of(output)["properties"])
    assert read_verdict(answers[Output.VERDICT]).model_dump() == answers[Output.VERDICT]
    assert [one.model_dump() for one in read_findings(answers[Output.FINDINGS])] == [finding]
    for read in (read_estimate(axes), read_assessment(axes)):
        assert read is not None
        assert read.model_dump() == axes
    assert Concerns.model_validate(answers[Output.REPORT]).model_dump() == answers[Output.REPORT]
    assert Findings.model_validate(answers[Output.FINDINGS]).model_dump() == answers[Output.FINDINGS]
