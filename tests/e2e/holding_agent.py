"""The counting agent, but the first turn of one kind never ends: whoever waits for the file `held` can kill in it."""

import json
import subprocess
import sys
import time
from pathlib import Path

raw = sys.stdin.read()
kind, counting, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
if json.loads(raw)["kind"] == kind and not (folder / "held").exists():
    with (folder / "turns.log").open("a") as log:
        log.write(f"{kind} held\n")
    (folder / "held").touch()
    time.sleep(600)
sys.exit(subprocess.run([sys.executable, counting, str(folder)], input=raw, text=True, check=False).returncode)
