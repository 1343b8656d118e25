"""The JSON Schema that an agent's structured output follows, by output contract."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from contracts.companion import Verdict
from contracts.estimate import Estimate
from contracts.kinds import Output
from contracts.merger import Assessment
from contracts.review import Finding
from contracts.tester import Concern


class Findings(BaseModel):
    """The answer of a review; an empty list says that nothing is open."""

    model_config = ConfigDict(frozen=True)

    findings: list[Finding] = Field(description="Open points, worst first, at most 20.")


class Concerns(BaseModel):
    """What a tester saw beside the suite."""

    model_config = ConfigDict(frozen=True)

    concerns: list[Concern] = Field(description="Concerns; an empty list says that there are none.")


_MODELS: dict[Output, type[BaseModel]] = {
    Output.VERDICT: Verdict,
    Output.ESTIMATE: Estimate,
    Output.FINDINGS: Findings,
    Output.REPORT: Concerns,
    Output.ASSESSMENT: Assessment,
}
_SCHEMAS: dict[Output, dict[str, Any]] = {output: model.model_json_schema() for output, model in _MODELS.items()}


def schema_of(output: Output) -> dict[str, Any]:
    """Return the schema of an output; empty for prose and for what no agent writes."""
    return _SCHEMAS.get(output, {})
