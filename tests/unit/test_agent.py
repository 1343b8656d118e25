import json
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from contracts.agent import PROTOCOL, AgentReply, AgentTurn, Comment, Limits, Prior, Usage, Workspace, as_object
from contracts.work import Repository, WorkItem

ITEM = WorkItem(repository=Repository(name="shop"), title="Add a cart")
TURN = AgentTurn(
    kind="coder",
    session="run/coder/1",
    item=ITEM,
    prompt="p",
    schema={"type": "object"},
    prior=[Prior(step="architect", kind="architect", output="o", data={"a": [1, None]})],
    workspace=Workspace(path="/w", writable=False, base="main", base_commit="1", branch="b"),
)


def test_a_turn_is_read_back_as_it_was_written() -> None:
    assert AgentTurn.model_validate_json(TURN.model_dump_json()) == TURN


def test_a_turn_names_its_schema_and_its_protocol_in_the_document() -> None:
    document = json.loads(TURN.model_dump_json())
    assert document["schema"] == {"type": "object"}
    assert "schema_" not in document
    assert document["protocol"] == PROTOCOL == 1


def test_a_copy_keeps_the_schema() -> None:
    assert TURN.model_copy(update={"prompt": "q"}).schema_ == {"type": "object"}


def test_limits_end_a_turn_by_default() -> None:
    assert (Limits().wall_seconds, Limits().quiet_seconds) == (1_800, 600)
    assert TURN.limits == Limits()


@pytest.mark.parametrize(
    ("model", "document"),
    [
        (Limits, {"wall_seconds": 0}),
        (Limits, {"quiet_seconds": -1}),
        (Limits, {"wall_secs": 1}),
        (Usage, {"input_tokens": -1}),
        (Usage, {"cost": -0.01}),
        (Usage, {"cost": float("nan")}),
        (Usage, {"cost": float("inf")}),
        (Comment, {"severity": "trifle", "body": "b"}),
        (Comment, {"severity": "minor", "body": ""}),
        (Comment, {"severity": "minor", "body": "b", "line": -1}),
        (AgentReply, {"txt": "typo"}),
        (AgentReply, {"structured": [1]}),
        (AgentReply, {"usage": {"tokens": 1}}),
    ],
)
def test_what_is_no_document_is_refused(model: type[BaseModel], document: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        model.model_validate(document)


def test_a_price_out_of_range_in_a_reply_is_refused() -> None:
    with pytest.raises(ValidationError):
        AgentReply.model_validate_json('{"usage": {"cost": 1e999}}')


def test_an_empty_reply_claims_nothing() -> None:
    reply = AgentReply.model_validate_json("{}")
    assert (reply.text, reply.structured, reply.no_change_needed, reply.commit_message) == ("", None, "", "")
    assert reply.usage.cost is None


@pytest.mark.parametrize(("value", "same"), [({}, True), ({"a": 1}, True), ([], False), (None, False), ("{}", False)])
def test_only_an_object_is_an_object(value: object, same: Any) -> None:
    assert as_object(value) == (value if same else None)
