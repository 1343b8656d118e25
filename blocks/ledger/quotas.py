"""Accounts: agents whose quota is used up, so that other runs wait as well instead of asking in vain."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, delete, select

from blocks.ledger.money import Account, accounts
from blocks.ledger.rows import insertion


def exhaust(connection: Connection, row: Account) -> None:
    """Keep until when an account is used up; what was told last stands."""
    values = row.model_dump()
    insert = insertion(connection, accounts).values(values)
    changed = {name: value for name, value in values.items() if name != "account"}
    connection.execute(insert.on_conflict_do_update(index_elements=[accounts.c.account], set_=changed))


def exhausted(connection: Connection, names: Iterable[str], now: datetime) -> dict[str, datetime]:
    """Return which of these accounts are used up at a time, and until when."""
    query = select(accounts.c.account, accounts.c.exhausted_until)
    query = query.where(accounts.c.account.in_(list(names)), accounts.c.exhausted_until > now)
    return {str(row[0]): row[1] for row in connection.execute(query)}


def replenish(connection: Connection, names: Iterable[str]) -> None:
    """Forget that these accounts are used up."""
    connection.execute(delete(accounts).where(accounts.c.account.in_(list(names))))
