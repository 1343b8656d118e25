"""The programs of the agents that are tried: found in given folders, else installed at the pinned versions."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from bench.node import NODE, NPM

PINS = Path(__file__).parents[1] / "deployments" / "images"
CACHE = Path(".delivery/clis")
_UV = Path(__file__).parents[1] / ".uv/bin/uv"
"""What `make setup` installs this project with."""
_FILES = ("package.json", "package-lock.json", "mini-swe.txt")
_INSTALL_SECONDS = 1_800


class Programs:
    """Folders in which programs are, in order.

    Args:
        folders: absolute ones.
    """

    def __init__(self, folders: list[Path]) -> None:
        self.folders = folders

    @property
    def readable(self) -> list[Path]:
        """What a sandbox must show so that they work: what they are installed with lies beside their folder."""
        return [folder.parent for folder in self.folders]

    def find(self, program: str) -> Path | None:
        """Return where a program is; none: it is not there."""
        found = shutil.which(program, path=os.pathsep.join(map(str, self.folders)))
        return Path(found) if found else None

    def version(self, program: str, package: str) -> str:
        """Return the version that a program states, or, where it states none, that of its package."""
        found = self.find(program)
        if found is None:
            return ""
        python = found.with_name("python")
        asked = f"import importlib.metadata as m; print(m.version({package!r}))"
        command = [str(python), "-c", asked] if python.exists() else [str(found), "--version"]
        said = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout
        return next((word for word in said.split() if word[0].isdigit()), said.strip())


def programs(environment: Mapping[str, str] = os.environ) -> Programs:
    """Return the programs in the folders of AGENT_PROGRAMS, or install them below `.delivery/clis` first.

    Args:
        environment: variables; AGENT_PROGRAMS holds folders as PATH does.
    """
    named = [Path(one).absolute() for one in environment.get("AGENT_PROGRAMS", "").split(os.pathsep) if one]
    return Programs(named or install(CACHE))


def install(cache: Path) -> list[Path]:
    """Install the pinned programs unless they are there already, and return their folders.

    Args:
        cache: folder that holds one installation for each state of the pins.

    Raises:
        SystemExit: an installer failed.
    """
    pins = hashlib.sha256(b"".join((PINS / name).read_bytes() for name in _FILES)).hexdigest()[:16]
    folder = (cache / pins).absolute()
    if not (folder / "ready").exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        for name in _FILES:
            shutil.copy(PINS / name, folder)
        (folder / "bin").mkdir()
        node = shutil.copy(NODE, folder / "bin/node")
        _run(node, NPM, "ci", "--no-fund", "--no-audit", "--loglevel", "error", directory=folder)
        _run(_UV, "venv", "--quiet", "--python", sys.executable, "mini", directory=folder)
        requirements = ["--quiet", "--python", "mini/bin/python", "--requirement", "mini-swe.txt"]
        _run(_UV, "pip", "install", *requirements, directory=folder)
        (folder / "ready").touch()
    return [folder / "node_modules" / ".bin", folder / "mini" / "bin", folder / "bin"]


def _run(*command: str | Path, directory: Path) -> None:
    path = f"{directory / 'bin'}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path}
    done = subprocess.run(command, cwd=directory, env=environment, timeout=_INSTALL_SECONDS, check=False)
    if done.returncode:
        raise SystemExit(
            f"{str(command[0])!r} could not install the agents (code {done.returncode}); see its output above"
        )
