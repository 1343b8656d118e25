"""The JSON Schemas of the agent protocol, for agents in any language: `python -m deployments.export_schemas`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from contracts.agent import AgentReply, AgentTurn

FOLDER = Path("docs")
_DIALECT = "https://json-schema.org/draft/2020-12/schema"


def documents() -> dict[str, str]:
    """Return the text of each schema by its file name; each stands by itself, without references to other files.

    A turn is always written whole, so every field of its schema is required. A reply may leave out what has a default.
    """
    turn = AgentTurn.model_json_schema(by_alias=True, mode="serialization")
    reply = AgentReply.model_json_schema(by_alias=True, mode="validation")
    return {"agent-turn.schema.json": _text(turn), "agent-reply.schema.json": _text(reply)}


def main() -> int:
    """Write the schemas to the folder that the first argument names, `docs` by default; return 0."""
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in documents().items():
        (folder / name).write_text(text, encoding="utf-8")
    return 0


def _text(schema: dict[str, Any]) -> str:
    return json.dumps({"$schema": _DIALECT, **schema}, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
