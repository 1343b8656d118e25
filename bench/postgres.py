"""A real PostgreSQL server for the time of a block, from the programs that Debian's package installs."""

from __future__ import annotations

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import URL

from contracts.errors import Unavailable


@contextmanager
def postgres_server() -> Generator[URL]:
    """Run PostgreSQL on 127.0.0.1 in a temporary directory; yield the URL of its superuser.

    Raises:
        Unavailable: it is not installed or did not become ready.
    """
    programs = _programs()
    directory = Path(tempfile.mkdtemp(prefix="delivery-postgres-"))
    as_user = _unprivileged(directory)
    password = secrets.token_urlsafe(12)
    _initialise([*as_user, str(programs / "initdb")], directory, password)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "300",
        "fsync": "off",  # the data directory does not outlive the block
        "lc_messages": "C",
    }
    options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
    server = subprocess.Popen(
        [*as_user, str(programs / "postgres"), "-D", str(directory / "data"), *options],
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
    )
    log = _Log(server)
    try:
        log.await_ready()
        yield URL.create("postgresql+psycopg", "postgres", password, "127.0.0.1", port, "postgres")
    finally:
        server.send_signal(signal.SIGQUIT)  # the immediate shutdown
        server.wait(timeout=30)
        log.close()
        shutil.rmtree(directory)


def _programs() -> Path:
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parts[-3]))
    found = versions[-1] if versions else shutil.which("initdb")
    if found is None:
        raise Unavailable(
            "PostgreSQL's server programs are neither in /usr/lib/postgresql/*/bin nor on PATH; "
            "install the package 'postgresql'"
        )
    return Path(found).resolve().parent


def _unprivileged(directory: Path) -> list[str]:
    """Give the directory to a user that PostgreSQL agrees to run as, and return the words that become that user."""
    if os.geteuid() != 0:
        return []
    known = {entry.pw_name for entry in pwd.getpwall()}
    user = pwd.getpwnam("postgres" if "postgres" in known else "nobody")
    os.chown(directory, user.pw_uid, user.pw_gid)
    ids = [f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
    return ["setpriv", *ids, "--pdeathsig=QUIT", "--"]


def _initialise(initdb: list[str], directory: Path, password: str) -> None:
    password_file = directory / "password"
    password_file.write_text(password)
    password_file.chmod(0o644)  # the directory itself is closed to others
    locale = ["--encoding=UTF8", "--locale=C"]
    access = ["--username=postgres", f"--pwfile={password_file}", "--auth=scram-sha-256"]
    subprocess.run(
        [*initdb, f"--pgdata={directory / 'data'}", *locale, *access, "--no-sync"],
        check=True,
        stdout=subprocess.PIPE,
        cwd="/",
    )


class _Log:
    """Reads what the server prints, because a full pipe would stop it."""

    def __init__(self, server: subprocess.Popen[str]) -> None:
        self._server = server
        self._said: list[str] = []
        self._ready_or_ended = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def await_ready(self) -> None:
        self._ready_or_ended.wait(timeout=60)
        if "ready to accept connections" not in "".join(self._said):
            raise Unavailable("PostgreSQL did not become ready", detail="".join(self._said))

    def close(self) -> None:
        self._thread.join(timeout=30)
        assert self._server.stderr is not None
        self._server.stderr.close()

    def _read(self) -> None:
        assert self._server.stderr is not None
        for line in self._server.stderr:
            self._said.append(line)
            if "ready to accept connections" in line:
                self._ready_or_ended.set()
        self._ready_or_ended.set()
