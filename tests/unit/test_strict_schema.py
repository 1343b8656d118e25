from typing import Any, cast

import pytest

from contracts.agent import as_object
from contracts.kinds import Output
from contracts.outputs import schema_of
from contracts.strict_schema import strict_schema

OUTPUTS = [output for output in Output if schema_of(output)]


def objects(schema: Any) -> list[dict[str, Any]]:
    """Return every object schema within a schema."""
    if isinstance(schema, list):
        return [found for one in cast(list[Any], schema) for found in objects(one)]
    held = as_object(schema)
    if held is None:
        return []
    found = [one for value in held.values() for one in objects(value)]
    return [held, *found] if held.get("type") == "object" else found


@pytest.mark.parametrize("output", OUTPUTS)
def test_every_output_of_an_agent_has_a_strict_form(output: Output) -> None:
    made = strict_schema(schema_of(output))
    assert made is not None
    assert objects(made)
    for one in objects(made):
        assert one["additionalProperties"] is False
        assert one["required"] == list(one["properties"])
    assert "default" not in str(made)
    assert "minLength" not in str(made)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "string"},
        {"type": "object"},
        {"type": "object", "properties": {}, "additionalProperties": True},
        {"type": "object", "properties": {"a": {"type": "object"}}},
        {"type": "object", "properties": {"a": {}}},
        {"type": "object", "properties": {"a": True}},
        {"type": "object", "properties": {"a": {"type": "string"}}, "additionalProperties": {"type": "string"}},
    ],
)
def test_what_has_no_strict_form_is_left_out(schema: dict[str, Any]) -> None:
    assert strict_schema(schema) is None


def test_a_choice_between_schemas_is_kept() -> None:
    schema = {"type": "object", "properties": {"a": {"anyOf": [{"type": "string"}, {"type": "null"}], "default": None}}}
    made = strict_schema(schema)
    assert made is not None
    assert made["properties"] == {"a": {"anyOf": [{"type": "string"}, {"type": "null"}]}}
