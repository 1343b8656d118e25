"""An operator's terminal: takes command lines of `delivery` on standard input and says how each ended, one JSON a line.

It is one process, because starting Python for each command would take longer than the commands.
"""

from __future__ import annotations

import json
import sys

from typer.testing import CliRunner

from deployments.command_line import app

print(json.dumps("ready"), flush=True)
for line in sys.stdin:
    result = CliRunner().invoke(app, json.loads(line), catch_exceptions=False)
    print(json.dumps([result.exit_code, result.output]), flush=True)
