"""An executable agent for tests: it counts its turns in a file and plays the entry of its kind and round.

The script's entries hold a reply, files to write, and optionally something that goes wrong before it answers.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

turn = json.load(sys.stdin)
folder = Path(sys.argv[1])
script = json.loads((folder / "script.json").read_text())
with (folder / "turns.log").open("a") as log:
    log.write(f"{turn['kind']} {turn['session']}\n")
with (folder / "asked.jsonl").open("a") as log:
    log.write(json.dumps(turn) + "\n")
plays = script.get(turn["kind"]) or sys.exit(f"no entry for {turn['kind']}")
play = plays[min(turn["round"], len(plays)) - 1]
for path, content in play.get("files", {}).items():
    target = Path(turn["workspace"]["path"], path)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(content)
if "moves_base" in play and not (folder / "moved").exists():
    (folder / "moved").touch()
    git = ["git", "--git-dir", (folder / "forge").read_text(), "-c", "user.name=x", "-c", "user.email=x@localhost"]
    tree = folder / "moving"
    subprocess.run([*git, "--work-tree", tree, "checkout", "--force", "main", "--", "."], check=True)
    for path, content in play["moves_base"].items():
        (tree / path).write_text(content)
    subprocess.run([*git, "--work-tree", tree, "add", "--all"], check=True)
    made = subprocess.run([*git, "write-tree"], check=True, capture_output=True, text=True).stdout.strip()
    commit = [*git, "commit-tree", made, "-p", "main", "-m", "meanwhile"]
    tip = subprocess.run(commit, check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run([*git, "update-ref", "refs/heads/main", tip], check=True)
if "blocks_record" in play:
    run, step, visit = turn["session"].split("/")
    name = f"{step}{play['blocks_record']}-{visit}.json"
    (Path((folder / "journal").read_text()) / run / name).mkdir(parents=True)
if "makes" in play:
    place = Path(turn["workspace"]["path"]).with_name(play["makes"])
    place.unlink(missing_ok=True)
    place.mkdir()
if "waits" in play:
    time.sleep(play["waits"])
if "dies" in play:
    os.kill(os.getpid(), signal.SIGKILL)
if "removes" in play and not (folder / "removed").exists():
    (folder / "removed").touch()
    shutil.rmtree(play["removes"])
once = folder / "killed"
if play.get("kill") and not once.exists():
    once.touch()
    os.kill(int((folder / "victim").read_text()), signal.SIGKILL)
print(json.dumps({"text": play.get("text", ""), "structured": play.get("structured"), **play.get("reply", {})}))
