"""Slack: answers whose channel proves who gave them, and what a gate asks, for those who show it elsewhere."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the table and add the column."""
    names = ("source", "nonce", "gate", "run", "channel", "person", "name", "choice", "text", "place")
    op.create_table(
        "proofs",
        *(sa.Column(name, sa.Text, nullable=False) for name in names),
        sa.Column("at", _TIME, nullable=False),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("who", "identities", "standing")),
        sa.Column("closed_at", _TIME),
        sa.PrimaryKeyConstraint("source"),
        sa.UniqueConstraint("nonce", name="proofs_nonce"),
    )
    op.create_index("proofs_closed_at", "proofs", ["closed_at"])
    op.add_column("gates", sa.Column("asked", sa.Text))
