"""Engines of the ledger's databases: how each is connected to, and when a connection is trusted."""

from __future__ import annotations

import fcntl
import os
import select
import sqlite3
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.pool import ConnectionPoolEntry

from contracts.errors import Misconfigured

WAIT_SECONDS = 30
"""Longest wait for another process's write, lock or connection."""
CONNECT_SECONDS = 10
"""Longest wait for a PostgreSQL server to accept a connection."""
SQLITE = ("sqlite", "sqlite+pysqlite")
POSTGRESQL = "postgresql+psycopg"
"""Drivers, as URLs name them."""
_FRESH_SECONDS = 1.0


def build_engine(url: URL) -> Engine:
    """Return an engine with the settings of the ledger for its database; it connects when it is used.

    Raises:
        Misconfigured: the directory of a SQLite file cannot be created.
    """
    if url.drivername == POSTGRESQL:
        # Runs live for hours and write now and then, so each process keeps only one idle connection.
        engine = create_engine(
            url.update_query_dict({"connect_timeout": str(CONNECT_SECONDS), **url.query}),
            isolation_level="READ COMMITTED",  # what is read after a lock must be newer than the lock
            pool_size=1,
            max_overflow=9,
            pool_timeout=WAIT_SECONDS,
        )
        event.listen(engine, "checkin", _note_use)
        event.listen(engine, "checkout", _try_idle)
        return engine
    directory = Path(url.database or "").parent
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Misconfigured(
            f"the ledger's directory {str(directory)!r} cannot be created ({error.strerror}); "
            "make it writable or set DELIVERY_HOME or the ledger block's URL"
        ) from error
    engine = create_engine(url, connect_args={"timeout": WAIT_SECONDS}, pool_timeout=WAIT_SECONDS)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _note_use(_: object, entry: ConnectionPoolEntry) -> None:
    entry.info["used"] = time.monotonic()


def _try_idle(connection: psycopg.Connection, entry: ConnectionPoolEntry, _: object) -> None:
    """Have a connection replaced whose server has gone; one that was just in use and says nothing is trusted."""
    told = select.poll()
    told.register(connection.fileno(), select.POLLIN)
    if time.monotonic() - entry.info.get("used", 0.0) < _FRESH_SECONDS and not told.poll(0):
        return
    try:
        connection.autocommit = True
        connection.execute("SELECT 1")
        connection.autocommit = False
    except psycopg.Error as error:
        raise DisconnectionError(str(error)) from error


def _prepare_sqlite(connection: sqlite3.Connection, _entry: ConnectionPoolEntry) -> None:
    # The driver would begin transactions late and not at all before DDL (SQLAlchemy, pysqlite dialect, "Serializable
    # isolation / Savepoints / Transactional DDL").
    connection.isolation_level = None
    path: str = connection.execute("PRAGMA database_list").fetchone()[2]
    with _flock(Path(path).parent):
        # SQLite does not wait but fails when two connections change the journal mode at once.
        connection.execute("PRAGMA journal_mode=WAL").fetchone()
    connection.execute("PRAGMA synchronous=FULL")


def _begin_sqlite(connection: Connection) -> None:
    # A transaction that reads before it writes would fail, not wait, when another one wrote in between.
    reads = connection.get_execution_options().get("ledger_reads", False)
    connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


@contextmanager
def _flock(directory: Path) -> Generator[None, None, None]:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
