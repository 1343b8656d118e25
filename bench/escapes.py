"""Attempts to get out of a Docker sandbox: what was tried, and what stopped it.

Run `make escapes`. It needs an engine, or root to start one of its own. The last line is
`attempts=… stopped=… escaped=…`; the exit code says whether anything escaped.
"""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
import threading
import warnings
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from bench.docker_engine import build_images, docker_engine
from bench.escape_scripts import PYTHON
from blocks.docker_sandbox import DockerSandbox
from blocks.git import init_bare
from blocks.sandbox import Command, CommandResult
from blocks.workspace import Workspace
from contracts.agent import Limits


class Verdict(NamedTuple):
    """What came of an attempt.

    Args:
        attempt: what was tried.
        stopped: whether it was stopped.
        why: what stopped it, or what it got.
    """

    attempt: str
    stopped: bool
    why: str


class Site:
    """A host worth attacking: a run's checkout, another run's, a forge, servers on the loopback, a secret file.

    Args:
        folder: an empty folder for all of it.
        engine: address of the engine.
        ports: of the server that nobody named, and of the one that is named.
    """

    def __init__(self, folder: Path, engine: str, ports: tuple[int, int]) -> None:
        self.folder = folder
        self.canary = Path("/var/tmp") / f"canary-{secrets.token_hex(8)}"
        self.canary.write_text("secret of the host\n")
        self.workspace = Workspace(folder / "runs/one")
        self.workspace.create()
        self.objects, self.other = folder / "objects", folder / "runs/two"
        for made in (self.objects, self.other):
            made.mkdir(parents=True)
            (made / "file").write_text("of the host")
        self.forge = init_bare(folder / "forge/shop.git").directory
        self.port, self.named = ports
        self.sandbox = DockerSandbox(
            image="prefect-delivery-tests",
            engine=engine,
            installation=f"escapes-{secrets.token_hex(4)}",
            hosts=[f"host.docker.internal:{self.named}"],
            memory_mb=256,
            pids=96,
            scratch_mb=32,
            disk_mb=64,
        )

    @property
    def tree(self) -> Path:
        """The checkout that hostile commands write."""
        return self.workspace.tree

    def filled(self, script: str) -> str:
        """Return a script with its placeholders filled in."""
        values = {"canary": self.canary, "other": self.other, "forge": self.forge, "objects": self.objects}
        for name, value in values.items():
            script = script.replace("{" + name + "!r}", repr(str(value)))
        return script.replace("{port}", str(self.port)).replace("{named}", str(self.named))

    def attack(self, script: str, **more: Any) -> CommandResult:
        """Run a hostile script, in Python unless it begins with `sh:`, in the run's container."""
        shell, text = script.startswith("sh:"), self.filled(script.removeprefix("sh:"))
        limits = {"wall_seconds": 20, **more.pop("limits", {})}
        command = Command.model_validate(
            {
                "argv": ["sh", "-c", text] if shell else ["python3", "-c", text],
                "directory": self.tree,
                "writable": [self.tree],
                "readable": [self.objects],
                "limits": Limits.model_validate(limits),
                "run": "escapes",
                "job": secrets.token_hex(8),
            }
            | more
        )
        return self.sandbox.run(command)

    def close(self) -> None:
        """Remove everything."""
        self.sandbox.release("escapes")
        self.canary.unlink()


class _Echo(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        said = f"you asked for {self.headers['Host']}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_POST = do_GET  # noqa: N815 - its name in the library

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name in the library
        pass


@contextmanager
def _server() -> Generator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Echo) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        try:
            yield serving.server_port
        finally:
            serving.shutdown()
            thread.join()


def by_script(site: Site) -> Generator[Verdict]:
    """Try every script that judges itself."""
    for attempt, script in PYTHON.items():
        result = site.attack(script)
        lines = [line for line in (result.stdout + result.stderr).splitlines() if line.strip()]
        yield Verdict(attempt, "ESCAPED" not in result.stdout, lines[-1].strip() if lines else result.ending.value)


@contextmanager
def site() -> Generator[Site]:
    """Give a host worth attacking."""
    os.environ["FLOW_SECRET"] = secrets.token_hex(8)
    with ExitStack() as stack:
        engine = stack.enter_context(docker_engine())
        build_images(engine, "egress", "tests")
        ports = (stack.enter_context(_server()), stack.enter_context(_server()))
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        made = Site(folder, engine, ports)
        stack.callback(made.close)
        yield made


def main() -> int:
    """Try everything, print it, and return the exit code."""
    from bench.escape_host import by_host  # noqa: PLC0415 - it takes its site from here

    warnings.simplefilter("ignore", ResourceWarning)
    verdicts: list[Verdict] = []
    with site() as attacked:
        for found in (by_script, by_host):
            for verdict in found(attacked):
                verdicts.append(verdict)
                sys.stdout.write(f"{'stopped' if verdict.stopped else 'ESCAPED'}  {verdict.attempt} → {verdict.why}\n")
                sys.stdout.flush()
    stopped = sum(verdict.stopped for verdict in verdicts)
    sys.stdout.write(f"attempts={len(verdicts)} stopped={stopped} escaped={len(verdicts) - stopped}\n")
    return int(stopped < len(verdicts))


if __name__ == "__main__":
    sys.exit(main())
