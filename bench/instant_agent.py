"""The agent of the load: an executable that answers at once and adds one file, named after the work item's key."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ANSWERS: dict[str, dict[str, Any]] = {
    "reviewer": {"structured": {"rating": 0.95, "summary": "good", "comments": []}},
    "merger": {"structured": {"complexity": 0.1, "risk": 0.1, "impact": 0.1, "rationale": "one new file"}},
}


def main() -> None:
    """Take one turn."""
    turn: dict[str, Any] = json.load(sys.stdin)
    if turn["kind"] == "coder":
        file = Path(turn["workspace"]["path"], "items", f"{turn['item']['key']}.txt")
        file.parent.mkdir(exist_ok=True)
        file.write_text(f"{turn['item']['title']}\n")
    answer = {"text": "done", **ANSWERS.get(turn["kind"], {})}
    print(json.dumps({**answer, "usage": {"model": "none", "input_tokens": 10, "output_tokens": 5, "cost": 0.01}}))


if __name__ == "__main__":
    main()
