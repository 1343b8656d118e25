"""An agent that notes when it runs: `marking_agent.py FOLDER`, the file in it named after the work item's key."""

import json
import sys
import time
from pathlib import Path

at = time.time()
turn = json.load(sys.stdin)
if "/next/" in turn["session"]:
    Path(sys.argv[1], turn["item"]["key"]).write_text(str(at))
print(json.dumps({"text": "noted"}))
