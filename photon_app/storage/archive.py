"""The store for commands: synchronous, without threads, for import and export.

It uses the tables and statements of ``Store``, also while a Photon runs on the same database: each
batch is a transaction of its own, and each process waits some seconds for the other's transactions.
A source that another process writes can only be read. Errors are raised as ``StorageError``, each
with one sentence.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from typing import Any, Self, TypeVar

import sqlalchemy as sa

from photon_app.calendar.timeframes import NEVER_MS
from photon_app.errors import StorageError
from photon_app.model import Bar
from photon_app.storage import statements
from photon_app.storage.address import Address
from photon_app.storage.database import Database, SeriesInfo, bars_of, listed
from photon_app.storage.faults import fault_of
from photon_app.storage.tables import is_sound
from photon_app.storage.writer import BATCH

LOCK_S = 10.0
PAGE = 5_000
"""Bars read at a time."""
T = TypeVar("T")


class Archive:
    """The stored bars of all sources; a context manager."""

    def __init__(self, address: Address) -> None:
        """Open a database, and make or update its tables.

        Args:
            address: of the database.

        Raises:
            StorageError: it cannot be opened, or nothing is stored.
        """
        if not address.stores:
            raise StorageError("DATABASE_URL is none: nothing is stored")
        self._address = address
        self._database = Database(address, lock_s=LOCK_S)
        self._try(self._database.open)

    def claim(self, source: str) -> None:
        """Keep every other process from writing a source until this is closed.

        Raises:
            StorageError: another process writes it.
        """
        self._try(lambda: self._database.claim(source))

    def write(self, source: str, symbol: str, bars: Iterable[Bar]) -> int:
        """Write bars, each in place of what its minute had; returns how many.

        Raises:
            StorageError: they cannot be written; earlier batches of them stay written.
        """
        rows = ((symbol, bar) for bar in bars if is_sound(bar))
        written = 0
        while batch := list(islice(rows, BATCH)):
            self._try(partial(self._database.write, source, batch, replaces=False))
            written += len(batch)
        return written

    def replace(self, source: str) -> None:
        """Delete every bar of a source.

        Raises:
            StorageError: they cannot be deleted.
        """
        self._try(lambda: self._database.write(source, [], replaces=True))
        while self._try(lambda: self._database.sweep(None, BATCH)):
            pass

    def rows(
        self, source: str, symbol: str, from_ms: int = 0, to_ms: int = NEVER_MS
    ) -> Iterator[Bar]:
        """The minutes of a range, the oldest first, read in pages.

        Raises:
            StorageError: they cannot be read.
        """
        while True:
            statement = statements.window(source, symbol, from_ms, to_ms, PAGE, newest=False)
            page = self._read(partial(_page, statement))
            yield from page
            if len(page) < PAGE:
                return
            from_ms = page[-1].time_ms + 1

    def series(self) -> list[SeriesInfo]:
        """Every series that has bars.

        Raises:
            StorageError: they cannot be read.
        """
        return self._read(listed)

    def close(self) -> None:
        """Close every connection."""
        self._database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def _read(self, ask: Callable[[sa.Connection], T]) -> T:
        return self._try(lambda: self._database.read(ask))

    def _try(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except Exception as error:  # noqa: BLE001 - drivers raise what they like
            detail = fault_of(error, self._address).detail
            message = f"{self._address.shown} cannot be used: {detail}"
            raise StorageError(message) from None


def _page(statement: sa.Select[Any], connection: sa.Connection) -> list[Bar]:
    return bars_of(connection.execute(statement))


def open_archive(address: Address) -> Archive:
    """An archive, to be used in a ``with``.

    Raises:
        StorageError: the database cannot be opened.
    """
    return Archive(address)
