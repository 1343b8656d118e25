"""Documents of blocks: a type is registered once for each server, because that takes longer than all the rest."""

from __future__ import annotations

import os
from typing import Any
from uuid import UUID

from prefect.blocks.core import Block
from prefect.client.orchestration import get_client
from prefect.client.schemas.actions import BlockDocumentCreate, BlockDocumentUpdate
from prefect.exceptions import ObjectAlreadyExists

from deployments.bootstrap import save

_registered: dict[tuple[str, str], tuple[UUID, UUID]] = {}


def put(block: Block, name: str) -> str:
    """Save a document without secrets, over an older one of that name, and return its reference."""
    slug, api = block.get_block_type_slug(), os.environ["PREFECT_API_URL"]
    data: dict[str, Any] = block.model_dump(mode="json")
    with get_client(sync_client=True) as client:
        if (api, slug) not in _registered:
            save(block, name)
            saved = client.read_block_document_by_name(name=name, block_type_slug=slug)
            assert saved.block_schema_id
            _registered[api, slug] = saved.block_type_id, saved.block_schema_id
            return f"{slug}/{name}"
        kind, schema = _registered[api, slug]
        try:
            client.create_block_document(
                BlockDocumentCreate(name=name, data=data, block_type_id=kind, block_schema_id=schema)
            )
        except ObjectAlreadyExists:
            found = client.read_block_document_by_name(name=name, block_type_slug=slug).id
            update = BlockDocumentUpdate(block_schema_id=schema, data=data, merge_existing_data=False)
            client.update_block_document(found, update)
    return f"{slug}/{name}"
