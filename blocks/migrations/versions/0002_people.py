"""People and recovery: runs, gates, decisions, recoveries, and the lease of an effect."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def upgrade() -> None:
    """Create the tables and the column."""
    _create_runs()
    _create_gates()
    _create_decisions()
    _create_recoveries()
    op.add_column("effects", sa.Column("held_until", _TIME))


def _create_runs() -> None:
    op.create_table(
        "runs",
        *_texts("run", "title", "repository", "forge", "pipeline", "branch", "policy"),
        sa.Column("attempt", sa.Integer, nullable=False),
        *_texts("status"),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME),
        sa.Column("reaped_at", _TIME),
        sa.PrimaryKeyConstraint("run"),
    )
    op.create_index("runs_opened_at", "runs", ["opened_at"])
    op.create_index("runs_status", "runs", ["status"])


def _create_gates() -> None:
    op.create_table(
        "gates",
        *_texts("key", "run", "step", "reason", "title", "channel"),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("escalate_at", _TIME),
        sa.Column("escalated_at", _TIME),
        sa.Column("due_at", _TIME),
        sa.Column("settled_at", _TIME),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("gates_run", "gates", ["run"])
    op.create_index("gates_settled_at", "gates", ["settled_at"])


def _create_decisions() -> None:
    op.create_table(
        "decisions",
        *_texts("key", "gate", "run", "step", "who"),
        sa.Column("proven", sa.Boolean, nullable=False),
        *_texts("channel"),
        sa.Column("at", _TIME, nullable=False),
        *_texts("choice", "comment", "edited", "subject", "policy"),
        sa.Column("expires_at", _TIME),
        *_texts("standing"),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("decisions_run", "decisions", ["run"])


def _create_recoveries() -> None:
    op.create_table(
        "recoveries",
        *_texts("run", "state", "kind"),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("step", sa.Text),
        sa.PrimaryKeyConstraint("run", "state"),
    )
