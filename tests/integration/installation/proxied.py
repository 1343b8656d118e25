"""The proxy of compose.yaml on this machine, in front of a server that repeats what reaches it."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx

from deployments.server import ADDRESS, free_port

FOLDER = Path(__file__).resolve().parents[3] / "deployments/compose"


class Repeats(BaseHTTPRequestHandler):
    """Answers every request with its own headers and path."""

    def do_GET(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        said = json.dumps({"path": self.path, **{name.lower(): value for name, value in self.headers.items()}}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)

    do_POST = do_GET  # noqa: N815 - the name that its class looks for

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that its class gives it
        pass


@contextmanager
def proxy(folder: Path) -> Generator[httpx.Client]:
    """Run the proxy with secrets of its own below `folder`; yield a client that trusts its certificate."""
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
    assert program, "nginx is not installed; install the package 'nginx-light'"
    secrets = folder / "secrets"
    subprocess.run([FOLDER / "secrets.sh", secrets, "localhost"], check=True)
    upstream = ThreadingHTTPServer((ADDRESS, 0), Repeats)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    port, behind = free_port(), f"{ADDRESS}:{upstream.server_address[1]}"
    text = (FOLDER / "nginx.conf").read_text()
    places = {
        "/tmp/": f"{folder}/",  # before the others, which may name it
        "listen 8443": f"listen {ADDRESS}:{port}",
        "/run/secrets/": f"{secrets}/",
        "/dev/stderr": f"{folder}/error.log",
        "/dev/stdout": f"{folder}/access.log",
        "worker_processes auto;": "worker_processes 1; daemon off;",
        **dict.fromkeys(("prefect-server:4200", "receiver:8080", "slack:8080"), behind),
    }
    for old, new in places.items():
        assert old in text, old
        text = text.replace(old, new)
    configuration = folder / "nginx.conf"
    configuration.write_text(f"user root;\n{text}")
    server = subprocess.Popen([program, "-c", str(configuration)], stderr=subprocess.DEVNULL)
    trusted = ssl.create_default_context(cafile=str(secrets / "tls_certificate"))
    with httpx.Client(base_url=f"https://localhost:{port}", verify=trusted, trust_env=False) as client:
        try:
            _await(client, server)
            yield client
        finally:
            server.terminate()
            server.wait(30)
            upstream.shutdown()
            upstream.server_close()


def _await(client: httpx.Client, server: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and server.poll() is None:
        try:
            if client.get("/proxy-health").status_code == 204:
                return
        except httpx.TransportError:
            time.sleep(0.05)
    raise AssertionError("nginx did not start")
