"""How the ledger reaches its database: one engine per process and URL, whose schema is current before its first use."""

from __future__ import annotations

import os
import threading
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from pydantic import SecretStr
from sqlalchemy import URL, Connection, Engine, func, make_url, select, text
from sqlalchemy.exc import (
    ArgumentError,
    DBAPIError,
    InterfaceError,
    InternalError,
    OperationalError,
)
from sqlalchemy.exc import TimeoutError as PoolTimeout

from blocks import migrations
from blocks.ledger.engine import POSTGRESQL, SQLITE, WAIT_SECONDS, build_engine
from contracts.errors import Misconfigured, Unavailable

_MIGRATION_LOCK = 0x6C656467_6D696772
_CLAIM_LOCK = 0x6C656467_636C6169
_BUDGET_LOCK = 0x6C656467_62756467

_engines: dict[tuple[int, str], Engine] = {}
_engines_lock = threading.Lock()


def default_url() -> SecretStr:
    """Return the URL of the SQLite file in `$DELIVERY_HOME`, by default in `~/.local/share/prefect-delivery`."""
    home = os.environ.get("DELIVERY_HOME") or "~/.local/share/prefect-delivery"
    return SecretStr(f"sqlite:///{Path(home).expanduser().absolute() / 'ledger.db'}")


@contextmanager
def reading(url: SecretStr) -> Generator[Connection, None, None]:
    """Open a connection that only reads, each statement what is committed at its time; it never waits for a writer.

    Raises:
        Unavailable: the database did not answer.
        Misconfigured: the URL, the user's rights or the schema's release do not fit.
    """
    with _translated(url):
        engine = _ready(url)
        # Without a transaction a statement is one message to the server and not three.
        apart = {"isolation_level": "AUTOCOMMIT"} if engine.dialect.name == "postgresql" else {}
        with engine.connect().execution_options(ledger_reads=True, **apart) as connection:
            yield connection


@contextmanager
def writing(url: SecretStr) -> Generator[Connection, None, None]:
    """Open a transaction that excludes other writers on SQLite; it is committed unless the body raises.

    Raises:
        Unavailable: the database did not answer.
        Misconfigured: the URL, the user's rights or the schema's release do not fit.
    """
    with _translated(url), _ready(url).begin() as connection:
        yield connection


def lock_claims(connection: Connection) -> None:
    """Let only this transaction decide on claims, until it ends."""
    _lock(connection, _CLAIM_LOCK)


def lock_budgets(connection: Connection) -> None:
    """Let only this transaction decide on budgets, until it ends."""
    _lock(connection, _BUDGET_LOCK)


def migrate(url: SecretStr) -> None:
    """Bring the schema to the newest revision; safe when several processes do it at once."""
    with _translated(url):
        _migrate(_ready(url))


def close(url: SecretStr) -> None:
    """Close this process's idle connections to the database; the next use connects again."""
    with _engines_lock:
        engine = _engines.pop((os.getpid(), url.get_secret_value()), None)
    if engine is not None:
        engine.dispose()


def _ready(url: SecretStr) -> Engine:
    # The process id is part of the key because a connection must not be used on both sides of a fork.
    key = (os.getpid(), url.get_secret_value())
    with _engines_lock:
        if key not in _engines:
            engine = build_engine(_parse(url))
            try:
                _migrate(engine)
            except BaseException:
                engine.dispose()
                raise
            _engines[key] = engine
        return _engines[key]


def _migrate(engine: Engine) -> None:
    with engine.connect().execution_options(ledger_reads=True) as connection:
        if migrations.revision(connection) == migrations.HEAD:
            return
    with engine.begin() as connection:
        _lock(connection, _MIGRATION_LOCK)
        migrations.upgrade(connection)


def _lock(connection: Connection, key: int) -> None:
    # A writing transaction on SQLite excludes every other one by itself.
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{WAIT_SECONDS}s'"))
        connection.execute(select(func.pg_advisory_xact_lock(key)))


def _parse(url: SecretStr) -> URL:
    try:
        parsed = make_url(url.get_secret_value())
    except (ArgumentError, ValueError):
        parsed = None  # the error quotes parts of the URL, so it must not become the context of another one
    if parsed is None or parsed.drivername not in (*SQLITE, POSTGRESQL):
        given = "cannot be read" if parsed is None else f"starts with {parsed.drivername!r}"
        raise Misconfigured(
            f"the ledger's URL {given}; write sqlite:////absolute/path/ledger.db or "
            "postgresql+psycopg://user:password@host/database, with special characters percent-encoded"
        )
    if parsed.drivername in SQLITE and not Path(parsed.database or "").is_absolute():
        raise Misconfigured(
            f"the ledger's SQLite file {parsed.database!r} is not an absolute path, so every process would have "
            "its own; write sqlite:////absolute/path/ledger.db with four slashes"
        )
    return parsed


@contextmanager
def _translated(url: SecretStr) -> Generator[None, None, None]:
    try:
        yield
    except (OperationalError, InterfaceError, InternalError, PoolTimeout) as error:
        raise Unavailable(
            f"the ledger {_shown(url)!r} did not answer; check that the database runs, has room, and that the ledger "
            "block's URL names its host, user and password rightly, then try again",
            detail=_scrubbed(url, error),
        ) from None
    except DBAPIError as error:
        raise Misconfigured(
            f"the ledger {_shown(url)!r} refused a statement; check the rights of its user, and that the schema was "
            "not changed by hand",
            detail=_scrubbed(url, error),
        ) from None


def _shown(url: SecretStr) -> str:
    parsed = _parse(url)
    without_secrets = URL.create(parsed.drivername, parsed.username, None, parsed.host, parsed.port, parsed.database)
    return without_secrets.render_as_string()


def _scrubbed(url: SecretStr, error: Exception) -> str:
    parsed = _parse(url)
    said = str(error.orig if isinstance(error, DBAPIError) else error)
    for secret in (parsed.password, parsed.query.get("password"), parsed.query.get("sslpassword")):
        if isinstance(secret, str) and secret:
            said = said.replace(secret, "***")
    return said[:4_000]
