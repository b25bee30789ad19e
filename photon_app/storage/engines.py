"""How a database is opened: one connection that writes, and a few that only read.

Called in the writer's thread and in the readers' threads. Every wait has a timeout: for a lock, for
a server that does not answer, for a statement that takes too long.
"""

import sqlite3
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.pool import NullPool, QueuePool

from photon_app import clock
from photon_app.storage.address import Address

READERS = 2
"""How many threads read at a time."""
_LOCK_MS = 2_000
_WRITE_MS = 30_000
_READ_MS = 5_000
_IDLE_MS = 10_000
"""How long a transaction may be idle: a process that was stopped during one must not hold its lease
for ever.
"""
_WAL_BYTES = 16 << 20
_SERVER: dict[str, Any] = {
    "application_name": "photon",
    "connect_timeout": 5,
    "keepalives": 1,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
    "prepare_threshold": None,  # connection poolers lose prepared statements
}


def writing(address: Address, *, lock_s: float) -> sa.Engine:
    """The engine of one connection that writes.

    Args:
        address: of the database.
        lock_s: how long to wait for another program that writes.
    """
    if address.path is None:
        engine = sa.create_engine(
            address.url, poolclass=NullPool, connect_args=_SERVER, hide_parameters=True
        )
        _run_on_connect(
            engine,
            f"SET statement_timeout = {_WRITE_MS}",
            f"SET lock_timeout = {_LOCK_MS}",
            f"SET idle_in_transaction_session_timeout = {_IDLE_MS}",
        )
        return engine
    engine = _sqlite(address.path, "rwc", lock_s, poolclass=NullPool)
    _run_on_connect(
        engine,
        "PRAGMA synchronous = NORMAL",
        "PRAGMA trusted_schema = OFF",
        "PRAGMA cell_size_check = ON",
        f"PRAGMA journal_size_limit = {_WAL_BYTES}",
    )
    # SQLite does not wait for the lock in a transaction that reads before it writes.
    sa.event.listen(engine, "begin", _begin_immediate)
    return engine


def reading(address: Address) -> sa.Engine:
    """The engine of ``READERS`` connections that cannot write."""
    if address.path is not None:
        return _sqlite(
            address.path,
            "ro",
            _LOCK_MS / 1000,
            poolclass=QueuePool,
            pool_size=READERS,
            max_overflow=0,
        )
    engine = sa.create_engine(
        address.url,
        pool_size=READERS,
        max_overflow=0,
        pool_pre_ping=True,
        isolation_level="AUTOCOMMIT",
        connect_args=_SERVER,
        hide_parameters=True,
    )
    _run_on_connect(
        engine,
        f"SET statement_timeout = {_READ_MS}",
        "SET default_transaction_read_only = on",
    )
    return engine


def write_ahead(connection: sa.Connection, *, lock_s: float) -> None:
    """Switch to write-ahead logging, so that readers and the writer do not wait for each other. The
    mode is stored in the file, for every process. SQLite does not wait for locks here by itself.
    """
    deadline = clock.monotonic() + lock_s
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    while True:
        try:
            driver.execute("PRAGMA journal_mode = WAL").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or clock.monotonic() > deadline:
                raise
            time.sleep(0.02)
        else:
            return


def _sqlite(path: Path, mode: str, lock_s: float, **pool: Any) -> sa.Engine:
    uri = f"file:{quote(str(path.absolute()))}?mode={mode}"

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            uri, uri=True, timeout=lock_s, isolation_level=None, check_same_thread=False
        )

    return sa.create_engine("sqlite://", creator=connect, hide_parameters=True, **pool)


def _run_on_connect(engine: sa.Engine, *statements: str) -> None:
    """Run statements on each new connection."""

    def run(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()
        connection.commit()

    sa.event.listen(engine, "connect", run)


def _begin_immediate(connection: sa.Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")
