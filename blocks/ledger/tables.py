"""What the ledger keeps of work: its rows as callers see them and its tables as the database sees them.

A change of a table needs a migration in `blocks/migrations/versions`; a test compares the two.
"""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    Index,
    Integer,
    MetaData,
    Numeric,
    Table,
    Text,
)
from sqlalchemy.types import TypeDecorator, TypeEngine

_PLACES = 9
"""Decimal places of an amount of money: one cached token of the cheapest models costs about 1e-8."""


class Row(BaseModel):
    """A row of the ledger: compared by content, never changed, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Claim(Row):
    """A run's exclusive right to a piece of work while it lives."""

    identity: str = Field(description="What is worked on; at most one live run holds it.")
    run: str = Field(description="Id of the flow run that holds it.")
    repository: str = Field(description="Repository whose limit of live runs it counts against.")
    kind: str = Field(description="What sort of work or pipeline it is.")
    claimed_at: AwareDatetime = Field(description="When it was claimed, UTC.")


class Outcome(Row):
    """How one visit of a step ended."""

    run: str = Field(description="Id of the flow run.")
    step: str = Field(description="Id of the step.")
    visit: int = Field(ge=0, description="Which visit of that step.")
    kind: str = Field(description="Kind of the step.")
    status: str = Field(description="How the visit ended.")
    seconds: float = Field(ge=0, description="Wall clock of the visit.")
    commit: str = Field(default="", description="Commit at the tip of the run's branch afterwards.")
    tree: str = Field(default="", description="Tree of that commit.")
    at: AwareDatetime = Field(description="When the visit ended, UTC.")


class Turn(Row):
    """What one turn of an agent consumed; never cumulative over turns."""

    run: str = Field(description="Id of the flow run.")
    step: str = Field(description="Id of the step.")
    visit: int = Field(ge=0, description="Which visit of that step.")
    turn: int = Field(ge=0, description="Which turn of that visit, such as 1 for the repair of an unreadable reply.")
    agent: str = Field(description="Reference of the agent's block.")
    kind: str = Field(description="Kind of the step.")
    repository: str = Field(description="Repository whose budget pays.")
    model: str = Field(default="", description="The model's own name; empty when no model was used.")
    input_tokens: int = Field(default=0, ge=0, description="Tokens read without a cache.")
    output_tokens: int = Field(default=0, ge=0, description="Tokens written.")
    cache_read_tokens: int = Field(default=0, ge=0, description="Tokens read from a cache.")
    cache_write_tokens: int = Field(default=0, ge=0, description="Tokens written to a cache.")
    cost: Decimal = Field(ge=0, le=1_000_000_000, description="What is charged, kept to nine decimal places.")
    currency: str = Field(default="USD", description="Currency of the cost, ISO 4217.")
    priced: bool = Field(description="False: the price is unknown and the policy's default was charged.")
    at: AwareDatetime = Field(description="When the turn ended, UTC.")


class Effect(Row):
    """A change in the outside world: intended before it is made, confirmed after."""

    key: str = Field(description="Natural key; whoever intends it again finds this row.")
    run: str = Field(description="Id of the flow run that intended it first.")
    what: str = Field(description="What is done, such as open_pull_request.")
    detail: str = Field(description="To what, in words or as JSON.")
    result: str | None = Field(description="What came of it; none until it is confirmed.")
    intended_at: AwareDatetime = Field(description="When it was intended, UTC.")
    confirmed_at: AwareDatetime | None = Field(description="When it was confirmed, UTC; none until then.")
    held_until: AwareDatetime | None = Field(default=None, description="When the lease of whoever makes it ends, UTC.")


class UtcTime(TypeDecorator[datetime]):
    """An aware time in UTC, on SQLite too, which has no time zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Convert to UTC; a naive time is refused, because its zone would be guessed."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value!r} has no time zone; give the ledger aware times")
        return value if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Return UTC, whatever zone the session or the lack of one suggests."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Money(TypeDecorator[Decimal]):
    """An exact amount: NUMERIC on PostgreSQL; on SQLite, whose numbers are floats, an integer of billionths."""

    impl = Numeric(20, _PLACES)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        """Choose the column type."""
        return dialect.type_descriptor(BigInteger() if dialect.name == "sqlite" else Numeric(20, _PLACES))

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> Decimal | int | None:
        """Round to nine places in the same way on every database."""
        if value is None:
            return None
        rounded = value.quantize(Decimal(1).scaleb(-_PLACES))
        return int(rounded.scaleb(_PLACES)) if dialect.name == "sqlite" else rounded

    def process_result_value(self, value: Decimal | int | None, dialect: Dialect) -> Decimal | None:
        """Return the amount in units of the currency."""
        if value is None:
            return None
        return Decimal(value).scaleb(-_PLACES) if dialect.name == "sqlite" else Decimal(value)


metadata = MetaData()

claims = Table(
    "claims",
    metadata,
    Column("identity", Text, primary_key=True),
    Column("run", Text, nullable=False),
    Column("repository", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("claimed_at", UtcTime, nullable=False),
    Index("claims_run", "run"),
    Index("claims_repository", "repository"),
)

outcomes = Table(
    "outcomes",
    metadata,
    Column("run", Text, primary_key=True),
    Column("step", Text, primary_key=True),
    Column("visit", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("seconds", Float(), nullable=False),
    Column("commit", Text, nullable=False),
    Column("tree", Text, nullable=False),
    Column("at", UtcTime, nullable=False),
)

turns = Table(
    "turns",
    metadata,
    Column("run", Text, primary_key=True),
    Column("step", Text, primary_key=True),
    Column("visit", Integer, primary_key=True),
    Column("turn", Integer, primary_key=True),
    Column("agent", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("repository", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("input_tokens", BigInteger, nullable=False),
    Column("output_tokens", BigInteger, nullable=False),
    Column("cache_read_tokens", BigInteger, nullable=False),
    Column("cache_write_tokens", BigInteger, nullable=False),
    Column("cost", Money, nullable=False),
    Column("currency", Text, nullable=False),
    Column("priced", Boolean, nullable=False),
    Column("at", UtcTime, nullable=False),
    Index("turns_repository_at", "repository", "at"),
    Index("turns_at", "at"),
    Index("turns_kind_at", "kind", "at"),
)

effects = Table(
    "effects",
    metadata,
    Column("key", Text, primary_key=True),
    Column("run", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("result", Text),
    Column("intended_at", UtcTime, nullable=False),
    Column("confirmed_at", UtcTime),
    Column("held_until", UtcTime),
    Index("effects_run", "run"),
)
