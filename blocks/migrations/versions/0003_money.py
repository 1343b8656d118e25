"""Money: reservations of turns, accounts whose quota is used up, and the history of each kind's turns."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)
_MONEY = sa.Numeric(20, 9).with_variant(sa.BigInteger(), "sqlite")


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def upgrade() -> None:
    """Create the tables and the index."""
    _create_reservations()
    _create_accounts()
    op.create_index("turns_kind_at", "turns", ["kind", "at"])


def _create_reservations() -> None:
    op.create_table(
        "reservations",
        *_texts("run", "step"),
        sa.Column("visit", sa.Integer, nullable=False),
        sa.Column("turn", sa.Integer, nullable=False),
        *_texts("kind", "repository"),
        sa.Column("amount", _MONEY, nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("run"),
    )
    op.create_index("reservations_repository", "reservations", ["repository"])


def _create_accounts() -> None:
    op.create_table(
        "accounts",
        *_texts("account"),
        sa.Column("exhausted_until", _TIME, nullable=False),
        *_texts("run"),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("account"),
    )
