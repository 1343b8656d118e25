"""The ledger's schema, revision by revision.

To change it: edit `blocks/ledger/tables.py`, `blocks/ledger/people.py`, `blocks/ledger/money.py`,
`blocks/ledger/triggers.py` or `blocks/ledger/proven.py`, add `versions/<next number>_<what>.py`, and raise `HEAD`.
"""

from __future__ import annotations

from sqlalchemy import Connection, inspect, text

from contracts.errors import Misconfigured

HEAD = "0005"
"""The newest revision; a test holds it equal to what `versions` contains."""

VERSION_TABLE = "ledger_version"
"""Not Alembic's own name for it: a database shared with Prefect's server holds that table already."""


def revision(connection: Connection) -> str:
    """Return the revision that the database is at; empty when it holds no ledger."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return ""
    return connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar() or ""  # noqa: S608 - a constant


def upgrade(connection: Connection) -> None:
    """Bring the database to the newest revision, within the transaction that the connection is in.

    The caller excludes other processes, for example by a lock that the transaction holds.

    Raises:
        Misconfigured: the database was upgraded by a newer release.
    """
    # Alembic takes half a second to import, and nearly every process finds the schema up to date.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", "blocks:migrations")
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise Misconfigured(
            f"the ledger's schema cannot be brought from revision {revision(connection)!r} to {HEAD!r}; "
            "install the release of prefect-delivery that wrote it, or a newer one",
            detail=str(error),
        ) from error
