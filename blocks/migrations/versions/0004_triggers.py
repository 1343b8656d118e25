"""Triggers: deliveries that arrived, what they started, and runs that wait for room."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def upgrade() -> None:
    """Create the tables."""
    _create_deliveries()
    _create_slots()
    _create_queue()


def _create_deliveries() -> None:
    op.create_table(
        "deliveries",
        *_texts("source", "delivery", "event", "digest"),
        sa.Column("received_at", _TIME, nullable=False),
        sa.Column("body", sa.LargeBinary),
        *_texts("outcome", "reason", "runs"),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("next_try_at", _TIME, nullable=False),
        sa.Column("settled_at", _TIME),
        sa.PrimaryKeyConstraint("source", "delivery"),
        sa.UniqueConstraint("source", "digest", name="deliveries_digest"),
    )
    op.create_index("deliveries_due", "deliveries", ["outcome", "next_try_at"])
    op.create_index("deliveries_received_at", "deliveries", ["received_at"])


def _create_slots() -> None:
    op.create_table(
        "slots",
        *_texts("key", "scope", "source", "delivery"),
        sa.Column("run", sa.Text),
        sa.Column("taken_at", _TIME, nullable=False),
        sa.Column("released_at", _TIME),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("slots_scope", "slots", ["scope", "released_at"])
    op.create_index("slots_run", "slots", ["run"])


def _create_queue() -> None:
    op.create_table(
        "queue",
        *_texts("run", "repository", "kind"),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("run"),
    )
    op.create_index("queue_repository", "queue", ["repository"])
