"""A ledger of an earlier release keeps its rows, on a SQLite file and on a real PostgreSQL server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, make_url, text

from blocks import migrations
from blocks.ledger import Ledger
from blocks.ledger.people import metadata

AT = "2024-05-01 12:00:00.000000"
FIRST_TABLES: dict[str, dict[str, Any]] = {
    "claims": {"identity": "shop:1", "run": "r1", "repository": "shop", "kind": "build", "claimed_at": AT},
    "outcomes": {"run": "r1", "step": "coder", "visit": 1, "kind": "coder", "status": "done", "seconds": 1.5}
    | {"commit": "c", "tree": "t", "at": AT},
    "turns": {"run": "r1", "step": "coder", "visit": 1, "turn": 0, "agent": "a", "kind": "coder", "repository": "shop"}
    | {"model": "m", "input_tokens": 1, "output_tokens": 2, "cache_read_tokens": 3, "cache_write_tokens": 4}
    | {"cost": 100_000_000, "currency": "USD", "priced": True, "at": AT},
    "effects": {"key": "k", "run": "r1", "what": "merge", "detail": "", "result": None, "intended_at": AT}
    | {"confirmed_at": None},
}


@pytest.fixture
def first_release(ledger_url: str, engine: Engine) -> Engine:
    """Give a way into a database as the first release left it, with a row in each table."""
    if (file := make_url(ledger_url)).drivername == "sqlite":
        Path(file.database or "").parent.mkdir()
    config = Config()
    config.set_main_option("script_location", "blocks:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    with engine.begin() as connection:
        for table, row in FIRST_TABLES.items():
            if engine.dialect.name == "postgresql" and "cost" in row:
                row = row | {"cost": 0.1}  # noqa: PLW2901 - on SQLite an amount is kept in billionths
            values = ", ".join(f":{name}" for name in row)
            names = ", ".join(f'"{name}"' for name in row)
            connection.execute(text(f"INSERT INTO {table} ({names}) VALUES ({values})"), row)
    return engine


def every_row(engine: Engine) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the first tables, of each the columns that it had first."""
    found: dict[str, list[dict[str, Any]]] = {}
    with engine.connect() as connection:
        for table, row in FIRST_TABLES.items():
            names = ", ".join(f'"{name}"' for name in row)
            rows = connection.execute(text(f"SELECT {names} FROM {table}")).mappings()
            found[table] = [dict(one) for one in rows]
    return found


def test_rows_of_the_first_release_are_kept(first_release: Engine, ledger: Ledger) -> None:
    before = every_row(first_release)
    assert [len(rows) for rows in before.values()] == [1, 1, 1, 1]

    ledger.migrate()

    assert every_row(first_release) == before
    with first_release.connect() as connection:
        assert migrations.revision(connection) == migrations.HEAD
        context = MigrationContext.configure(
            connection, opts={"version_table": migrations.VERSION_TABLE, "compare_type": True}
        )
        assert compare_metadata(context, metadata) == []


def test_a_run_of_the_first_release_goes_on(first_release: Engine, ledger: Ledger) -> None:
    """It has no row of its own, so nothing says that it has ended."""
    assert [claim.run for claim in ledger.live("shop")] == ["r1"]
    assert ledger.spend() == {"USD": 0.1}
    assert [(effect.key, effect.held_until) for effect in ledger.unconfirmed("r1")] == [("k", None)]
    assert ledger.intend("k", "r1", "merge", "") == ledger.effect("k")
    assert ledger.hold("k", 60)
    ledger.confirm("k", "abc")
    ledger.intend("comment", "r1", "comment", "")
    assert ledger.end("r1", 1, "merged") == "merged"
    assert ledger.run("r1") is None
