"""What the ledger keeps of money that is not spent yet: reservations and accounts, as rows and as tables.

A change of a table needs a migration in `blocks/migrations/versions`; a test compares the two.
"""

from __future__ import annotations

from decimal import Decimal

from pydantic import AwareDatetime, Field
from sqlalchemy import Column, Index, Integer, Table, Text

from blocks.ledger.people import metadata
from blocks.ledger.tables import Money, Row, UtcTime

__all__ = ["Account", "Reservation", "accounts", "metadata", "reservations"]


class Reservation(Row):
    """What the turn that a run takes now may cost; a run takes one turn at a time."""

    run: str = Field(description="Id of the flow run.")
    step: str = Field(description="Id of the step.")
    visit: int = Field(ge=0, description="Which visit of that step.")
    turn: int = Field(ge=0, description="Which turn of that visit.")
    kind: str = Field(description="Kind of the step.")
    repository: str = Field(description="Repository whose budget pays.")
    amount: Decimal = Field(default=Decimal(0), ge=0, le=1_000_000_000, description="What is held back for it, in USD.")
    at: AwareDatetime = Field(description="When it was reserved, UTC.")


class Account(Row):
    """An agent whose quota is used up for a time."""

    account: str = Field(description="Reference of the agent's block.")
    exhausted_until: AwareDatetime = Field(description="When its quota is there again, UTC.")
    run: str = Field(description="Id of the flow run whose turn was told so last.")
    at: AwareDatetime = Field(description="When that was, UTC.")


reservations = Table(
    "reservations",
    metadata,
    Column("run", Text, primary_key=True),
    Column("step", Text, nullable=False),
    Column("visit", Integer, nullable=False),
    Column("turn", Integer, nullable=False),
    Column("kind", Text, nullable=False),
    Column("repository", Text, nullable=False),
    Column("amount", Money, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index("reservations_repository", "repository"),
)

accounts = Table(
    "accounts",
    metadata,
    Column("account", Text, primary_key=True),
    Column("exhausted_until", UtcTime, nullable=False),
    Column("run", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
)
