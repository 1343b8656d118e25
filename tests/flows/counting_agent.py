"""An executable agent for tests: it counts its turns in a file and plays the entry of its kind and round.

The script's entries hold a reply, files to write, and optionally a process to kill before answering.
"""

import json
import os
import signal
import sys
from pathlib import Path

turn = json.load(sys.stdin)
folder = Path(sys.argv[1])
script = json.loads((folder / "script.json").read_text())
with (folder / "turns.log").open("a") as log:
    log.write(f"{turn['kind']} {turn['session']}\n")
plays = script.get(turn["kind"]) or sys.exit(f"no entry for {turn['kind']}")
play = plays[min(turn["round"], len(plays)) - 1]
for path, content in play.get("files", {}).items():
    target = Path(turn["workspace"]["path"], path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content)
once = folder / "killed"
if play.get("kill") and not once.exists():
    once.touch()
    os.kill(int((folder / "victim").read_text()), signal.SIGKILL)
print(json.dumps({"text": play.get("text", ""), "structured": play.get("structured"), **play.get("reply", {})}))
