"""The first set-up of an installation: every block type registered, one document of each kind made."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from prefect.blocks.core import Block

import blocks
from contracts.errors import Misconfigured
from contracts.policy import Policy

NAME = "main"
"""Name of the documents that pipelines use when nothing else is said."""
REGISTRY = "prefect.yaml"


def data_home() -> Path:
    """Return the folder of everything that an installation keeps: $DELIVERY_HOME, or the user's data directory."""
    return Path(os.environ.get("DELIVERY_HOME") or "~/.local/share/prefect-delivery").expanduser()


def defaults(home: Path) -> list[Block]:
    """Return the documents of a one-machine installation below a folder."""
    return [
        blocks.Journal(folder=home / "journal"),
        blocks.Ledger(),
        blocks.LocalSandbox(),
        blocks.LocalForge(root=home / "forge"),
        blocks.LogChannel(file=home / "messages.log"),
        blocks.DeliveryPolicy(policy=Policy(workspaces=home / "runs")),
    ]


def save(block: Block, name: str = NAME) -> str:
    """Save a document, over an older one of that name, and return its reference."""
    block.save(name, overwrite=True, _sync=True)  # type: ignore[call-arg]
    return f"{block.get_block_type_slug()}/{name}"


def bootstrap(home: Path) -> list[str]:
    """Register every block type, save what is missing of the defaults, and return the references that were made.

    A document that exists is left as it is: somebody may have changed it.
    """
    made: list[str] = []
    for name in blocks.__all__:
        getattr(blocks, name).register_type_and_schema(_sync=True)
    for block in defaults(home):
        reference = f"{block.get_block_type_slug()}/{NAME}"
        if not _exists(reference):
            made.append(save(block))
    return made


def _exists(reference: str) -> bool:
    try:
        Block.load(reference, validate=False, _sync=True)  # type: ignore[call-arg]
    except ValueError:
        return False
    return True


def deploy(registry: Path) -> None:
    """Create the work pool and apply the registry to the server that this process points at.

    Raises:
        Misconfigured: the registry was refused; the detail says why.
    """
    prefect = [sys.executable, "-m", "prefect", "--no-prompt"]
    pool = [*prefect, "work-pool", "create", "delivery", "--type", "process", "--overwrite"]
    apply = [*prefect, "deploy", "--all", "--prefect-file", str(registry)]
    for command in (pool, apply):
        result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=registry.parent)
        if result.returncode:
            output = f"{result.stdout}\n{result.stderr}"
            raise Misconfigured(f"{' '.join(command[3:5])} was refused; see the detail", detail=output[-4_000:])


def python_folder() -> str:
    """Return the folder of this interpreter, for sandboxes whose suites need what is installed beside it."""
    return str(Path(shutil.which(sys.executable) or sys.executable).parent)
