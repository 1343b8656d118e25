"""Blocks by reference on a real server: what is missing, broken or of another kind is told before anything is done."""

from __future__ import annotations

import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from prefect.blocks.core import Block
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import BlockDocumentUpdate
from prefect.settings import temporary_settings
from pydantic import SecretStr

import blocks
from blocks.coding_agent import CodingAgent
from blocks.forge import Forge
from blocks.loading import load
from blocks.sandbox import Sandbox
from contracts.errors import DeliveryError, Misconfigured, Unavailable
from deployments.bootstrap import save
from deployments.server import free_port

SECRET = "s3cret-of-the-agent"


@pytest.fixture
def name(installation: Path) -> str:
    """A name that no document has yet."""
    return f"loading-{uuid4().hex[:8]}"


def change(reference: str, data: dict[str, Any]) -> None:
    """Change a saved document as the Prefect UI does: nothing looks at what it means."""
    slug, name = reference.split("/")
    with get_client(sync_client=True) as client:
        document = client.read_block_document_by_name(name, slug)
        update = BlockDocumentUpdate(data={**document.data, **data}, merge_existing_data=False)
        client.update_block_document(document.id, update)


def refused(act: Callable[[], object]) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        act()
    return caught.value


def test_a_block_is_loaded_as_what_it_is_and_for_each_of_its_kinds(name: str) -> None:
    reference = save(
        blocks.CommandAgent.model_validate({"command": ["x", "y"], "environment": {"KEY": "s3cret"}}), name
    )
    for kind in (Block, CodingAgent, blocks.CommandAgent):
        agent = load(reference, kind)
        assert isinstance(agent, blocks.CommandAgent)
        assert agent.command == ["x", "y"]
        assert agent.environment["KEY"].get_secret_value() == "s3cret"


@pytest.mark.parametrize("reference", ["command-agent/{name}", "no-such-type/{name}", "{name}", "", "a/b/c"])
def test_a_reference_to_nothing_is_named(name: str, reference: str) -> None:
    asked = reference.format(name=name)
    error = refused(lambda: load(asked, CodingAgent))
    assert isinstance(error, Misconfigured)
    assert repr(asked) in error.message
    assert "create it" in error.message


def test_a_block_of_another_kind_is_named_with_both_kinds(name: str) -> None:
    reference = save(blocks.LocalSandbox(), name)
    assert isinstance(load(reference, Sandbox), blocks.LocalSandbox)
    error = refused(lambda: load(reference, Forge))
    assert isinstance(error, Misconfigured)
    assert error.message == f"block {reference!r} is a LocalSandbox; a Forge is needed here"


def test_a_broken_document_is_told_field_by_field(name: str) -> None:
    reference = save(blocks.LocalSandbox(), name)
    change(reference, {"isolation": "chroot", "network": "sometimes"})
    error = refused(lambda: load(reference, Sandbox))
    assert isinstance(error, Misconfigured)
    for words in (repr(reference), "isolation", "network", "correct it in the Prefect UI"):
        assert words in error.message
    assert "chroot" not in error.message


@pytest.mark.parametrize("data", [{"command": []}, {"environment": {"KEY": [SECRET]}}, {"environment": SECRET}])
def test_a_broken_document_does_not_tell_its_secrets(name: str, data: dict[str, Any]) -> None:
    reference = save(blocks.CommandAgent(command=["x"], environment={"KEY": SecretStr(SECRET)}), name)
    change(reference, data)
    error = refused(lambda: load(reference, CodingAgent))
    assert next(iter(data)) in error.message
    assert SECRET not in "".join(traceback.format_exception(error))


def test_a_document_that_was_corrected_is_loaded_at_once(name: str) -> None:
    reference = save(blocks.LocalSandbox(), name)
    change(reference, {"isolation": "chroot"})
    refused(lambda: load(reference, Sandbox))
    change(reference, {"isolation": "process"})
    assert load(reference, blocks.LocalSandbox).isolation == "process"


def test_a_block_is_read_once_a_minute_and_anew_when_that_is_asked(name: str) -> None:
    reference = save(blocks.LocalSandbox(path=["/first"]), name)
    first = load(reference, blocks.LocalSandbox)
    save(blocks.LocalSandbox(path=["/second"]), name)
    assert load(reference, blocks.LocalSandbox) is first
    assert load(reference, blocks.LocalSandbox, fresh=True).path == ["/second"]
    assert load(reference, blocks.LocalSandbox).path == ["/second"]


def test_a_server_that_does_not_answer_is_no_missing_block(name: str) -> None:
    nobody = {"api.url": f"http://127.0.0.1:{free_port()}/api", "client.max_retries": 0}
    with temporary_settings(updates=nobody):  # pyright: ignore[reportArgumentType] - names of settings are accepted
        error = refused(lambda: load(f"local-sandbox/{name}", Sandbox))
    assert isinstance(error, Unavailable)
    assert "did not answer" in error.message
