"""A real PostgreSQL server for the whole session, and an empty database in it for each test that asks for one."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr
from sqlalchemy import URL, Engine, create_engine

from bench.postgres import postgres_server
from blocks.ledger import Ledger


@pytest.fixture(scope="session")
def postgres() -> Generator[URL]:
    """Start PostgreSQL once; a machine without it fails the tests, because they need a real server."""
    with postgres_server() as url:
        yield url


@pytest.fixture
def postgres_url(postgres: URL) -> URL:
    """Create an empty database and give its URL; it vanishes with the server."""
    name = f"test_{secrets.token_hex(8)}"
    plain = postgres.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return postgres.set(database=name)


@pytest.fixture(params=["sqlite", "postgresql"])
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the URL of an empty database, once of each sort that the ledger supports."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'made' / 'ledger.db'}"
    empty: URL = request.getfixturevalue("postgres_url")
    return empty.render_as_string(hide_password=False)


@pytest.fixture
def ledger(ledger_url: str) -> Generator[Ledger, None, None]:
    """Give a ledger in an empty database of each sort."""
    ledger = Ledger(url=SecretStr(ledger_url))
    yield ledger
    ledger.close()


@pytest.fixture
def engine(ledger_url: str) -> Generator[Engine, None, None]:
    """Give a second way into the ledger's database, for what no method shows."""
    engine = create_engine(ledger_url)
    yield engine
    engine.dispose()
