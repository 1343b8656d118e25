"""The agent of the chaos runs: an executable that counts its turns and takes every loop of the pipeline once.

Usage: `chaos_agent.py LOG`. Each turn adds the lines `begun SESSION TIME` and `answered SESSION TIME` to the log, and
says on standard error that it has begun, so that it can be interrupted in the middle.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

MIDDLE_SECONDS = 0.1
"""How long a turn lasts after it was announced."""
PRICE = {"model": "none", "input_tokens": 10, "output_tokens": 5, "cost": 0.01}
HALF = '''"""Prices."""


def total(prices):
    return sum(prices)


def mean(prices):
    return total(prices) / (len(prices) + 1)
'''
WHOLE = HALF.replace("(len(prices) + 1)", "len(prices)")
FINDING = {"category": "question", "severity": "medium", "title": "Is an empty list of prices allowed?"}
REMARK = {"severity": "major", "body": "say what the module holds", "file": "shop.py", "line": 1}
GOOD: dict[str, Any] = {"rating": 0.95, "summary": "good", "comments": []}
SCRIPT: dict[str, list[dict[str, Any]]] = {
    "bug-investigator": [{"text": "total subtracts one"}],
    "clarity-review": [{"structured": {"findings": [FINDING]}}, {"structured": {"findings": []}}],
    "requirements-writer": [{"text": "total must not subtract one; no list of prices is empty"}],
    "coder": [{"files": {"shop.py": HALF.partition("\n\n\n")[2]}}, {"files": {"shop.py": HALF}}],
    "reviewer": [
        {"structured": {"rating": 0.5, "summary": "nearly", "comments": [REMARK]}},
        {"structured": GOOD},
    ],
    "fixer": [{"files": {"shop.py": WHOLE}}],
    "ci-fixer": [{"files": {"CHANGES.md": "- total and mean are right\n"}}],
    "merger": [{"structured": {"complexity": 0.1, "risk": 0.1, "impact": 0.2, "rationale": "two lines"}}],
}
"""What is answered by kind and round."""


def main() -> None:
    """Take one turn."""
    turn: dict[str, Any] = json.load(sys.stdin)
    plays: list[dict[str, Any]] = SCRIPT[turn["kind"]]
    play: dict[str, Any] = plays[min(int(turn["round"]), len(plays)) - 1]
    files: dict[str, str] = play.get("files", {})
    with Path(sys.argv[1]).open("a", buffering=1) as log:
        log.write(f"begun {turn['session']} {time.time():.3f}\n")
        print(f"turn {turn['kind']} {turn['round']}", file=sys.stderr, flush=True)
        time.sleep(MIDDLE_SECONDS)
        for path, content in files.items():
            Path(turn["workspace"]["path"], path).write_text(content)
        log.write(f"answered {turn['session']} {time.time():.3f}\n")
    print(json.dumps({"text": play.get("text", ""), "structured": play.get("structured"), "usage": PRICE}))


if __name__ == "__main__":
    main()
