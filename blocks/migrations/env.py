"""Alembic's entry: runs the missing revisions in the transaction of the connection that `upgrade` was given."""

from __future__ import annotations

from alembic import context

from blocks.ledger.proven import metadata  # imported from there, because it is complete only with those tables
from blocks.migrations import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    version_table=VERSION_TABLE,
)
with context.begin_transaction():
    context.run_migrations()
