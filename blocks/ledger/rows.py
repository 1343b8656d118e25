"""How rows are written to and read from the ledger's tables, in the same way on every database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TypeVar

from sqlalchemy import Connection, Executable, Table
from sqlalchemy.dialects import postgresql, sqlite

from blocks.ledger.tables import Row

_R = TypeVar("_R", bound=Row)


def now() -> datetime:
    """Return the present time in UTC."""
    return datetime.now(UTC)


def insertion(connection: Connection, table: Table) -> postgresql.Insert | sqlite.Insert:
    """Return an insertion that can say what happens when the key is taken."""
    return postgresql.insert(table) if connection.dialect.name == "postgresql" else sqlite.insert(table)


def insert_or_ignore(connection: Connection, table: Table, row: Row) -> None:
    """Insert a row, unless the table holds its key already."""
    key = table.primary_key.columns
    connection.execute(insertion(connection, table).on_conflict_do_nothing(index_elements=key), row.model_dump())


def change(connection: Connection, statement: Executable) -> int:
    """Execute an insertion, update or deletion and return how many rows it changed."""
    return connection.execute(statement, execution_options={"preserve_rowcount": True}).rowcount


def first(connection: Connection, query: Executable, row: type[_R]) -> _R | None:
    """Return the first row that the query finds, or none."""
    found = connection.execute(query).mappings().first()
    return None if found is None else row.model_validate(dict(found))


def every(connection: Connection, query: Executable, row: type[_R]) -> list[_R]:
    """Return every row that the query finds, in its order."""
    return [row.model_validate(dict(found)) for found in connection.execute(query).mappings()]
