"""What a container of this project is like: what it sees, what it may use, and what holds for all of them."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from blocks.docker_mounts import Mount
from contracts.errors import Misconfigured

KEEPER_USER = 64_321
"""The user of the keeper and of the proxy; neither root nor that of any command."""
PROXY_PORT = 3_128
HOME = "/home/sandbox"
_SCRIPTS = {
    "keeper.py": "container_keeper.py",
    "launcher.py": "container_launcher.py",
    "blocks/container_job.py": "container_job.py",
    "blocks/supervise.py": "supervise.py",
}
_HOST = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?|\[[0-9a-fA-F:.]+\]")
_PORT = re.compile(r":[0-9]{1,5}$")
_LOG = {"type": "json-file", "config": {"max-size": "1m", "max-file": "1"}}


@dataclass(frozen=True)
class Shape:
    """Everything that two commands must agree on to run in the same container.

    Args:
        image: id of the image.
        mounts: what it sees of the host.
        user: user and group of its commands.
        home: home of its commands.
        network: none, allow-list or open.
        hosts: what a filter lets through.
        egress: id of the proxy's image; empty without a filter.
        memory: bytes of memory.
        cpus: processors.
        pids: processes and threads.
        scratch: bytes of its home and of its temporary directory, each.
    """

    image: str
    mounts: tuple[Mount, ...]
    user: tuple[int, int]
    home: str
    network: str
    hosts: tuple[str, ...]
    egress: str
    memory: int
    cpus: float
    pids: int
    scratch: int

    @property
    def digest(self) -> str:
        """A name for it."""
        described = json.dumps(self.__dict__, default=str, sort_keys=True)
        return hashlib.sha256(described.encode()).hexdigest()[:12]


def furnish(folder: Path, shape: Shape) -> None:
    """Make the folder that a container shares with the host."""
    shutil.rmtree(folder, ignore_errors=True)
    for name in ("host", *(["egress"] if shape.egress else [])):
        (folder / name).mkdir(parents=True)
        (folder / name).chmod(0o777)  # the keeper is another user; the parent folder lets nobody else in
    for name, script in _SCRIPTS.items():  # copies: the engine may not see what is installed here, as from a container
        copy = folder / "scripts" / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(Path(__file__).with_name(script), copy)
        copy.chmod(0o444)
        copy.parent.chmod(0o755)
    user, group = shape.user
    (folder / "passwd").write_text(f"root:x:0:0::/:/bin/sh\nsandbox:x:{user}:{group}::{shape.home}:/bin/sh\n")
    (folder / "group").write_text(f"root:x:0:\nsandbox:x:{group}:\n")


def bind(source: Path, target: str, *, writable: bool = False) -> dict[str, Any]:
    """Return a mount as the engine takes it."""
    return {"Type": "bind", "Source": str(source), "Target": target, "ReadOnly": not writable}


def confined(network: str, memory: int, pids: int, mounts: list[dict[str, Any]]) -> dict[str, Any]:
    """What holds for every container of this project."""
    return {
        "mounts": mounts,
        "network_mode": network,
        "mem_limit": memory,
        "memswap_limit": memory,
        "pids_limit": pids,
        "read_only": True,
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges:true"],
        "ipc_mode": "private",
        "init": True,
        "log_config": _LOG,
    }


def host_settings(folder: Path, shape: Shape) -> dict[str, Any]:
    """Return the engine's settings for a container of jobs."""
    user, group = shape.user
    mounts = [bind(mount.path, str(mount.path), writable=mount.writable) for mount in shape.mounts]
    mounts += [bind(folder / "scripts", "/opt/delivery")]
    mounts += [bind(folder / name, f"/etc/{name}") for name in ("passwd", "group")]
    mounts += [bind(folder / "host", "/run/keeper/host", writable=True)]
    mounts += [bind(folder / "egress", "/run/keeper/egress", writable=True)] if shape.egress else []
    network = "bridge" if shape.network == "open" else "none"
    settings = confined(network, shape.memory, shape.pids, mounts)
    kept = f"size=1m,uid={KEEPER_USER},gid={KEEPER_USER}"
    return settings | {
        "nano_cpus": int(shape.cpus * 1e9),
        "shm_size": 64 << 20,
        "tmpfs": {
            "/tmp": f"exec,nosuid,nodev,mode=1777,size={shape.scratch}",  # noqa: S108 - the container's own
            HOME: f"exec,nosuid,nodev,mode=0700,size={shape.scratch},uid={user},gid={group}",
            "/run/keeper": f"noexec,nosuid,nodev,mode=0700,{kept}",
            "/run/jobs": f"noexec,nosuid,nodev,mode=0755,{kept}",
        },
    }


def is_loopback(host: str) -> bool:
    """Return whether a host, as name or name:port, is the machine that the engine runs on."""
    return host.partition(":")[0] in ("localhost", "host.docker.internal") or host.startswith(("127.", "[::1]"))


def check_hosts(hosts: list[str]) -> None:
    """Refuse what the proxy could not read as a host."""
    for host in hosts:
        name, _, port = host.rpartition(":") if _PORT.search(host) else (host, "", "")
        if not _HOST.fullmatch(name) or (name in ("localhost", "host.docker.internal") and not port):
            raise Misconfigured(
                f"{host!r} in the hosts of a command or of the sandbox block is no host; name it as `name` or "
                "`name:port`, and a port of this machine as `host.docker.internal:port`"
            )
