"""The published protocol: its schemas, its examples and its tables say what the code says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from contracts.agent import AgentReply, AgentTurn
from contracts.kinds import KINDS, Family
from contracts.outputs import schema_of
from contracts.prompt import render
from contracts.prompts import instructions
from deployments.export_schemas import documents, write

DOCS = Path(__file__).parents[2] / "docs"
TEXT = (DOCS / "agent-protocol.md").read_text("utf-8")
TURN, REPLY = (json.loads(documents()[f"agent-{name}.schema.json"]) for name in ("turn", "reply"))


def example(name: str) -> dict[str, Any]:
    found = re.search(rf"```json {name}\n(.*?)\n```", TEXT, re.DOTALL)
    assert found is not None
    return json.loads(found[1])


def rows(heading: str) -> dict[str, str]:
    """Return the rows of a section's table by the names in their first cell."""
    section = TEXT.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    cells = [line.strip("| ").split(" | ", 1) for line in section.splitlines() if line.startswith("| `")]
    return {name: rest for names, rest in cells for name in re.findall(r"`([\w-]+)`", names)}


def objections(schema: dict[str, Any], document: dict[str, Any]) -> list[str]:
    validator: Any = Draft202012Validator(schema)
    return [error.message for error in validator.iter_errors(document)]


def test_the_published_schemas_are_those_of_the_code(tmp_path: Path) -> None:
    write(tmp_path / "made")
    written = {path.name: path.read_text("utf-8") for path in (tmp_path / "made").iterdir()}
    assert written == documents()
    stale = "run `python -m deployments.export_schemas`"
    assert {name: (DOCS / name).read_text("utf-8") for name in written} == written, stale


@pytest.mark.parametrize("schema", [TURN, REPLY], ids=["turn", "reply"])
def test_a_schema_stands_by_itself(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)
    references = re.findall(r'"\$ref": "([^"]*)"', json.dumps(schema))
    assert references
    assert {reference.removeprefix("#/$defs/") for reference in references} <= schema["$defs"].keys()


def test_the_example_of_a_turn_is_what_the_code_writes() -> None:
    document = example("turn")
    assert objections(TURN, document) == []
    turn = AgentTurn.model_validate(document)
    kind = KINDS[turn.kind]
    assert turn.model_dump(mode="json", by_alias=True) == document
    assert turn.schema_ == schema_of(kind.output)
    assert turn.prompt == render(turn, instructions(kind.name), "tech-debt")


def test_the_example_of_a_reply_can_be_read() -> None:
    document = example("reply")
    assert objections(REPLY, document) == []
    reply = AgentReply.model_validate(document)
    assert reply.text.startswith("ruff findings: 2 before, 0 after")


def test_a_turn_lacks_no_field_and_may_get_more() -> None:
    document = example("turn")
    assert objections(TURN, {**document, "later": 1}) == []
    for name in document:
        assert objections(TURN, {key: value for key, value in document.items() if key != name})


def test_a_reply_may_be_empty_and_has_no_other_fields() -> None:
    assert objections(REPLY, {}) == []
    assert objections(REPLY, {"answer": "done"})


@pytest.mark.parametrize(("heading", "schema"), [("The turn", TURN), ("The reply", REPLY)], ids=["turn", "reply"])
def test_every_field_is_explained(heading: str, schema: dict[str, Any]) -> None:
    table = rows(heading)
    assert table.keys() == schema["properties"].keys()
    for name, field in schema["properties"].items():
        for reference in re.findall(r"#/\$defs/(\w+)", json.dumps(field)):
            parts = schema["$defs"][reference]["properties"]
            unexplained = [part for part in parts if f"`{part}`" not in table[name]]
            assert not unexplained, f"{name}: {unexplained}"


def test_every_kind_of_an_agent_has_its_evidence() -> None:
    taken = {name for name, kind in KINDS.items() if kind.needs_agent or kind.family is Family.TESTER}
    assert rows("What counts as success").keys() == taken
