"""The sample of the demonstration: a small repository with a real bug, and the script that its agents play."""

from __future__ import annotations

import json
from pathlib import Path

from blocks.scripted_agent import ScriptedAgent

FOLDER = Path(__file__).parent / "shop"
"""The repository's files, as its first commit holds them."""
TITLE = "A discount code is applied twice when two items are equal"
DESCRIPTION = """\
Two equal items in the basket, and the code SAVE10 takes off 20 % instead of 10 %.

    basket([19.90, 19.90], code="SAVE10")  gives 31.84, expected 35.82

Expected: a code takes its share off the sum, once.
"""


def sample_agent() -> ScriptedAgent:
    """Return the agent that plays the sample's script."""
    script = json.loads((Path(__file__).parent / "script.json").read_text())
    return ScriptedAgent.model_validate({"script": script})
