"""The agent protocol as JSON Schema, for agents in any language: `python -m deployments.export_schemas [folder]`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from contracts.agent import AgentReply, AgentTurn

FOLDER = Path("docs")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


class _Whole(GenerateJsonSchema):
    """A schema of documents in which every field is present."""

    def field_is_required(self, field: Any, total: bool) -> bool:
        return True


def documents() -> dict[str, str]:
    """Return the text of each schema by its file name; each stands by itself, without references to other files.

    A turn is always written whole, and later versions may add fields to it. A reply may leave out what has a default,
    and is refused when it has a field that is not known.
    """
    turn = AgentTurn.model_json_schema(by_alias=True, mode="serialization", schema_generator=_Whole)
    for part in (turn, *turn["$defs"].values()):
        del part["additionalProperties"]
    reply = AgentReply.model_json_schema(by_alias=True, mode="validation")
    return {"agent-turn.schema.json": _text(turn), "agent-reply.schema.json": _text(reply)}


def write(folder: Path) -> None:
    """Write the schemas to a folder, which is made when it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")


def _text(schema: dict[str, Any]) -> str:
    return json.dumps({"$schema": _DIALECT, **schema}, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    write(Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER)
