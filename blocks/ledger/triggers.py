"""What the ledger keeps of work that arrives by itself: deliveries, slots and the queue, as rows and as tables.

A change of a table needs a migration in `blocks/migrations/versions`; a test compares the two.
"""

from __future__ import annotations

from pydantic import AwareDatetime, Field
from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, UniqueConstraint

from blocks.ledger.money import metadata
from blocks.ledger.tables import Row, UtcTime

__all__ = ["WAITING", "Delivery", "Queued", "Slot", "deliveries", "metadata", "queue", "slots"]

WAITING = ""
"""Outcome of a delivery that nobody has settled."""


class Delivery(Row):
    """One delivery of a webhook; or, when it was refused, all of one minute that were refused for one reason."""

    source: str = Field(description="Who sent it: github, gitlab or generic.")
    delivery: str = Field(description="The sender's id of it; of refused ones the reason and the minute.")
    event: str = Field(description="What happened, in the sender's word; empty: unknown.")
    digest: str = Field(description="Fingerprint of what was signed; two of one source are never the same.")
    received_at: AwareDatetime = Field(description="When it came first, UTC.")
    body: bytes | None = Field(default=None, description="What came, as it came; none: refused, or past retention.")
    outcome: str = Field(default=WAITING, description="What became of it; empty: it waits.")
    reason: str = Field(default="", description="Why, in one sentence.")
    runs: str = Field(default="", description="Ids of the flow runs that it started, with spaces between.")
    count: int = Field(default=1, ge=1, description="How often it came.")
    attempts: int = Field(default=0, ge=0, description="How often somebody tried to settle it.")
    next_try_at: AwareDatetime = Field(description="When it may be tried; while somebody does, the end of the lease.")
    settled_at: AwareDatetime | None = Field(default=None, description="When it was settled, UTC; none: it waits.")


class Slot(Row):
    """What one delivery starts: the place that its run has while it lives, and afterwards the proof that it began."""

    key: str = Field(description="Idempotency key of the flow run.")
    scope: str = Field(description="What shares a limit; empty: there is none.")
    source: str = Field(description="Who sent the delivery.")
    delivery: str = Field(description="Id of the delivery.")
    run: str | None = Field(default=None, description="Id of the flow run; none until it was made.")
    taken_at: AwareDatetime = Field(description="When it was taken, UTC.")
    released_at: AwareDatetime | None = Field(default=None, description="When the run was over, UTC; none: it lives.")


class Queued(Row):
    """A run that waits for room on its repository."""

    run: str = Field(description="Id of the flow run.")
    repository: str = Field(description="Repository whose limit is reached.")
    kind: str = Field(description="Name of the pipeline.")
    asked_at: AwareDatetime = Field(description="When it asked first, UTC; the order in which runs are let in.")
    seen_at: AwareDatetime = Field(description="When it asked last, UTC; one that asks no more keeps nobody waiting.")


deliveries = Table(
    "deliveries",
    metadata,
    Column("source", Text, primary_key=True),
    Column("delivery", Text, primary_key=True),
    Column("event", Text, nullable=False),
    Column("digest", Text, nullable=False),
    Column("received_at", UtcTime, nullable=False),
    Column("body", LargeBinary),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("runs", Text, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("next_try_at", UtcTime, nullable=False),
    Column("settled_at", UtcTime),
    UniqueConstraint("source", "digest", name="deliveries_digest"),
    Index("deliveries_due", "outcome", "next_try_at"),
    Index("deliveries_received_at", "received_at"),
)

slots = Table(
    "slots",
    metadata,
    Column("key", Text, primary_key=True),
    Column("scope", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("delivery", Text, nullable=False),
    Column("run", Text),
    Column("taken_at", UtcTime, nullable=False),
    Column("released_at", UtcTime),
    Index("slots_scope", "scope", "released_at"),
    Index("slots_run", "run"),
)

queue = Table(
    "queue",
    metadata,
    Column("run", Text, primary_key=True),
    Column("repository", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("asked_at", UtcTime, nullable=False),
    Column("seen_at", UtcTime, nullable=False),
    Index("queue_repository", "repository"),
)
