"""The version of the tables: it is read, brought up to date, or refused.

Called each time a database is opened, in the thread that opens it. A second process on an empty
database waits for the first. Alembic is imported only when there is something to migrate.
"""

import logging
import threading
from pathlib import Path

import sqlalchemy as sa

from photon_app.storage.faults import UnusableError

KNOWN = ("0001", "0002")
"""All versions, the newest last: the modules of ``migrations``."""
_TABLE = sa.table("alembic_version", sa.column("version_num"))
_LOCK = 0x70686F746F6E
"""The advisory lock by which Photons on one PostgreSQL wait for each other: "photon" in ASCII."""
_proxies = threading.Lock()
"""Alembic passes its operations to migrations through a module variable: one thread at a time."""


def bring_up(connection: sa.Connection) -> None:
    """Bring the tables to the newest version, in one transaction.

    Raises:
        UnusableError: the version of the database is not known; nothing was changed.
    """
    with connection.begin():
        if _version(connection) == KNOWN[-1]:
            return
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        version = _version(connection)
        if version not in {None, *KNOWN}:
            raise UnusableError(
                "error",
                f"this Photon knows databases up to version {KNOWN[-1]}, and this one is of "
                f"version {version}: get a newer Photon, or set DATABASE_URL to another database",
            )
        if version != KNOWN[-1]:
            _upgrade(connection)


def _version(connection: sa.Connection) -> str | None:
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.select(_TABLE.c.version_num)).scalar()


def _upgrade(connection: sa.Connection) -> None:
    logging.getLogger("alembic").setLevel(logging.WARNING)
    from alembic.migration import MigrationContext  # noqa: PLC0415 - seldom needed, long to load
    from alembic.operations import Operations  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415

    folder = str(Path(__file__).with_name("migrations"))
    script = ScriptDirectory(folder, version_locations=[folder])
    context = MigrationContext.configure(
        connection,
        opts={"fn": lambda version, _: script._upgrade_revs("head", version)},  # noqa: SLF001
    )
    with _proxies, Operations.context(context):
        context.run_migrations()
