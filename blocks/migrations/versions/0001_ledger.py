"""The first tables: claims, outcomes, turns and effects."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_MONEY = sa.Numeric(20, 9).with_variant(sa.BigInteger(), "sqlite")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def upgrade() -> None:
    """Create the tables."""
    _create_claims()
    _create_outcomes()
    _create_turns()
    _create_effects()


def _create_claims() -> None:
    op.create_table(
        "claims",
        *_texts("identity", "run", "repository", "kind"),
        sa.Column("claimed_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("identity"),
    )
    op.create_index("claims_run", "claims", ["run"])
    op.create_index("claims_repository", "claims", ["repository"])


def _create_outcomes() -> None:
    op.create_table(
        "outcomes",
        *_texts("run", "step"),
        sa.Column("visit", sa.Integer, nullable=False),
        *_texts("kind", "status"),
        sa.Column("seconds", sa.Float(), nullable=False),
        *_texts("commit", "tree"),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("run", "step", "visit"),
    )


def _create_turns() -> None:
    tokens = ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens")
    op.create_table(
        "turns",
        *_texts("run", "step"),
        sa.Column("visit", sa.Integer, nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        *_texts("agent", "kind", "repository", "model"),
        *(sa.Column(name, sa.BigInteger, nullable=False) for name in tokens),
        sa.Column("cost", _MONEY, nullable=False),
        *_texts("currency"),
        sa.Column("priced", sa.Boolean, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("run", "step", "visit", "turn"),
    )
    op.create_index("turns_repository_at", "turns", ["repository", "at"])
    op.create_index("turns_at", "turns", ["at"])


def _create_effects() -> None:
    op.create_table(
        "effects",
        *_texts("key", "run", "what", "detail"),
        sa.Column("result", sa.Text),
        sa.Column("intended_at", _TIME, nullable=False),
        sa.Column("confirmed_at", _TIME),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_index("effects_run", "effects", ["run"])
