"""The ledger's schema and its connections, on a SQLite file and on a real PostgreSQL server."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import SecretStr
from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text

from blocks import migrations
from blocks.ledger import Ledger, Turn
from blocks.ledger.database import build_engine, reading
from blocks.ledger.tables import metadata
from contracts.errors import Misconfigured

NOON = datetime(2024, 5, 1, 12, 0, tzinfo=UTC)


def turn() -> Turn:
    return Turn(
        run="r1",
        step="coder",
        visit=1,
        turn=0,
        agent="command/main",
        kind="coder",
        repository="shop",
        cost=Decimal("0.1"),
        priced=True,
        at=NOON,
    )


def count_of_turns(engine: Engine) -> int | None:
    with engine.connect() as connection:
        return connection.scalar(text("SELECT count(*) FROM turns"))


def test_migration_from_empty_gives_exactly_the_tables_and_can_be_repeated(ledger: Ledger, engine: Engine) -> None:
    ledger.migrate()
    ledger.record_turn(turn())
    ledger.migrate()
    ledger.close()
    ledger.migrate()
    with engine.connect() as connection:
        settings = {"version_table": migrations.VERSION_TABLE, "compare_type": True}
        context = MigrationContext.configure(connection, opts=settings)
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == migrations.HEAD
    assert count_of_turns(engine) == 1


def test_head_is_the_newest_revision_that_is_shipped() -> None:
    scripts = ScriptDirectory(str(Path(migrations.__file__).parent))
    assert scripts.get_heads() == [migrations.HEAD]


def test_a_schema_of_a_newer_release_is_not_touched(ledger: Ledger, engine: Engine) -> None:
    ledger.migrate()
    ledger.close()
    with engine.begin() as connection:
        connection.execute(text(f"UPDATE {migrations.VERSION_TABLE} SET version_num = '9999'"))
    with pytest.raises(Misconfigured, match=r"from revision '9999' to .*; install the release"):
        ledger.record_turn(turn())
    assert count_of_turns(engine) == 0


def test_another_programs_alembic_table_is_left_alone(ledger: Ledger, engine: Engine) -> None:
    """A database is often shared with Prefect's server, whose migrations are Alembic's too."""
    ledger.migrate()
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE alembic_version (version_num TEXT)"))
        connection.execute(text("INSERT INTO alembic_version VALUES ('theirs')"))
    ledger.close()
    ledger.migrate()
    with engine.connect() as connection:
        assert connection.scalars(text("SELECT version_num FROM alembic_version")).all() == ["theirs"]


def test_what_is_written_is_there_for_the_next_engine(ledger: Ledger, ledger_url: str) -> None:
    ledger.claim("one", "r1", "shop", "build", limit=None)
    ledger.record_turn(turn())
    effect = ledger.intend("k", "r1", "merge", "")
    claims = ledger.live()
    ledger.close()
    later = Ledger(url=SecretStr(ledger_url))
    assert [claim.identity for claim in claims] == ["one"]
    assert (later.live(), later.spend(), later.effect("k")) == (claims, {"USD": 0.1}, effect)


def test_a_transaction_that_fails_leaves_nothing(ledger: Ledger) -> None:
    def interrupt(connection: Connection) -> None:
        raise KeyboardInterrupt

    ledger.migrate()
    with reading(ledger.url) as connection:
        engine = connection.engine
    event.listen(engine, "commit", interrupt)
    with pytest.raises(KeyboardInterrupt):
        ledger.claim("one", "r1", "shop", "build", limit=1)
    event.remove(engine, "commit", interrupt)
    assert ledger.live() == []
    ledger.claim("two", "r2", "shop", "build", limit=1)


def test_times_are_utc_in_a_session_of_another_zone(postgres_url: URL) -> None:
    tokyo = postgres_url.update_query_dict({"options": "-c timezone=Asia/Tokyo"})
    ledger = Ledger(url=SecretStr(tokyo.render_as_string(hide_password=False)))
    ledger.record_turn(turn())
    effect = ledger.intend("k", "r1", "merge", "")
    assert effect.intended_at.tzinfo is UTC
    assert abs(datetime.now(UTC) - effect.intended_at) < timedelta(minutes=1)
    assert ledger.spend(since=NOON) == {"USD": 0.1}
    assert ledger.spend(since=NOON + timedelta(seconds=1)) == {}
    ledger.close()


def test_connections_survive_that_the_server_ends_them(postgres_url: URL) -> None:
    ledger = Ledger(url=SecretStr(postgres_url.render_as_string(hide_password=False)))
    ledger.record_turn(turn())
    engine = create_engine(postgres_url)
    with engine.begin() as connection:
        connection.execute(
            text(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        )
    ledger.intend("k", "r1", "merge", "")
    assert ledger.effect("k") is not None
    engine.dispose()
    ledger.close()


def test_sqlite_is_durable_and_waits_for_writers(tmp_path: Path) -> None:
    ledger = Ledger(url=SecretStr(f"sqlite:///{tmp_path / 'ledger.db'}"))
    with reading(ledger.url) as connection:
        values = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "busy_timeout")
        }
    assert values == {"journal_mode": "wal", "synchronous": 2, "busy_timeout": 30_000}


def test_a_new_sqlite_file_can_be_opened_by_many_at_once(tmp_path: Path) -> None:
    everyone = threading.Barrier(8)

    def open_together(engine: Engine) -> object:
        everyone.wait(timeout=60)
        with engine.connect() as connection:
            mode = connection.exec_driver_sql("PRAGMA journal_mode").scalar()
        engine.dispose()
        return mode

    with ThreadPoolExecutor(8) as pool:
        for number in range(200):
            url = make_url(f"sqlite:///{tmp_path / str(number)}.db")
            as_eight_processes = [build_engine(url) for _ in range(8)]
            assert list(pool.map(open_together, as_eight_processes)) == ["wal"] * 8


def test_a_forked_process_opens_its_own_connection(ledger: Ledger) -> None:
    ledger.record_turn(turn())
    with reading(ledger.url) as connection:
        inherited = connection.engine
    child = os.fork()
    if child == 0:
        own = False
        try:
            ledger.intend("child", "r1", "merge", "")
            with reading(ledger.url) as connection:
                own = connection.engine is not inherited
        finally:
            os._exit(0 if own else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert ledger.effect("child") is not None
    assert ledger.spend() == {"USD": 0.1}
