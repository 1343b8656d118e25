"""Set-up of an installation: block types, documents, work pools, deployments; again and again with the same result."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from prefect.blocks.core import Block
from prefect.client.orchestration import get_client

import blocks
from contracts.errors import Misconfigured
from contracts.policy import Policy
from deployments.installation.applying import apply, make_pool, rest
from deployments.installation.document import Pool, read_installation
from deployments.installation.inventory import differences, read_inventory
from deployments.installation.secret_documents import content, make

NAME = "main"
"""Name of the documents that pipelines use when nothing else is said."""
REGISTRY = "prefect.yaml"
ROOT = Path(__file__).resolve().parent.parent


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


def bootstrap(home: Path, described: Sequence[str] = ()) -> list[str]:
    """Register every block type, save what is missing of the defaults, and return the references that were made.

    A document that exists is left as it is: somebody may have changed it.

    Args:
        home: folder of the installation.
        described: references of defaults that are made otherwise.
    """
    made: list[str] = []
    for name in blocks.__all__:
        getattr(blocks, name).register_type_and_schema(_sync=True)
    for block in defaults(home):
        reference = f"{block.get_block_type_slug()}/{NAME}"
        if reference not in described and not _exists(reference):
            made.append(save(block))
    return made


def set_up(home: Path, file: Path) -> list[str]:
    """Bring a server to what a document describes, and return what was made, changed or removed.

    Documents of blocks, pools, limits, variables and automations that the file names become as it says; what it does
    not name stays. A second time nothing changes.

    Args:
        home: folder of the installation.
        file: the document; see `deployments/installation/document.py`.

    Raises:
        Misconfigured: the document, a secret, or a registry does not fit; no message holds a secret.
    """
    wanted = read_installation(file)
    documents = {one.block: make(one) for one in wanted.blocks}
    before = read_inventory()
    bootstrap(home, tuple(documents))
    with get_client(sync_client=True) as client:
        apply(client, wanted, file.parent)
    for reference, block in documents.items():
        _bring(reference, block)
    for registry in (ROOT / REGISTRY, *(file.parent / one for one in wanted.registries)):
        deploy(registry)
    with get_client(sync_client=True) as client:
        rest(client, wanted.paused)
    return differences(before, read_inventory())


def _exists(reference: str) -> bool:
    try:
        Block.load(reference, validate=False, _sync=True)  # type: ignore[call-arg]
    except ValueError:
        return False
    return True


def _bring(reference: str, block: Block) -> None:
    """Save a document unless the server has it as it is."""
    try:
        there = content(Block.load(reference, _sync=True))  # type: ignore[call-arg, arg-type]
    except (ValueError, RuntimeError):
        there = None
    if there != content(block):
        save(block, reference.partition("/")[2])


def deploy(registry: Path) -> None:
    """Create the work pool if it is missing, and apply the registry to the server that this process points at.

    Raises:
        Misconfigured: the registry was refused; the detail says why.
    """
    with get_client(sync_client=True) as client:
        make_pool(client, Pool(name="delivery"))
    command = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(registry)]
    result = subprocess.run(command, capture_output=True, text=True, check=False, cwd=registry.parent)
    if result.returncode:
        output = f"{result.stdout}\n{result.stderr}"
        raise Misconfigured(f"the registry {str(registry)!r} was refused; see the detail", detail=output[-4_000:])


def python_folder() -> str:
    """Return the folder of this interpreter, for sandboxes whose suites need what is installed beside it."""
    return str(Path(shutil.which(sys.executable) or sys.executable).parent)
