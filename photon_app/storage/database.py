"""One database: open, write, read and sweep. Its callers decide when.

``open``, ``write``, ``since``, ``sweep`` and ``close`` are called in one thread, which owns the
only connection that writes; ``read`` is called in any thread. No bars are kept here, and nothing is
retried: errors of the driver are raised as they are, for ``faults.fault_of``.

Each source has one writer among all processes: ``claim`` takes the lease of a source, and ``write``
writes nothing without it. With SQLite the lease is a lock of the operating system. With PostgreSQL
it is a row that each transaction renews, so that a process that lost the lease while it was stopped
cannot write any more.
"""

import contextlib
import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar

import sqlalchemy as sa

from photon_app.calendar.session import day_of
from photon_app.calendar.timeframes import DAY_MS, NEVER_MS
from photon_app.model import Bar, Fact
from photon_app.storage import engines, file, statements, versions
from photon_app.storage.address import Address
from photon_app.storage.faults import UnusableError
from photon_app.storage.health import USUAL_PACE
from photon_app.storage.lease import FileLease, held_elsewhere
from photon_app.storage.tables import bar_of, row_of

T = TypeVar("T")


class SeriesInfo(Fact, frozen=True):
    """The stored bars of one symbol of one source."""

    source: str
    symbol: str
    first_ms: int
    """When the oldest begins."""
    last_ms: int
    """When the newest begins."""
    bars: int


class Database:
    """The bars of all sources at one address."""

    def __init__(self, address: Address, *, lock_s: float = USUAL_PACE.lock_s) -> None:
        """Remember the address; nothing is opened.

        Args:
            address: of a database, not ``none``.
            lock_s: how long to wait for another program that writes.
        """
        self.address = address
        self._lock_s = lock_s
        self._engine: sa.Engine | None = None
        self._connection: sa.Connection | None = None
        self._reading: tuple[sa.Engine, file.File | None] | None = None
        self._file: file.File | None = None
        self._holder = uuid.uuid4().hex
        self._leases: dict[str, FileLease | None] = {}
        """The sources that are written here; with SQLite, the lock of each."""
        self.aged = 0
        """How many bars were deleted because of their age."""

    @property
    def is_open(self) -> bool:
        """Whether there is a writing connection."""
        return self._connection is not None

    @property
    def dialect(self) -> str:
        """``sqlite`` or ``postgresql``."""
        return "sqlite" if self.address.is_sqlite else "postgresql"

    # In the thread that writes

    def open(self) -> None:
        """Connect, and make or update the tables."""
        if self._file is not None and self._file.state() == "other":
            self.close()
        try:
            if self.address.path is not None and self._file is None:
                self._file = file.File(self.address.path)
            self._engine = engines.writing(self.address, lock_s=self._lock_s)
            self._connection = self._engine.connect()
            versions.bring_up(self._connection)
            if self.address.is_sqlite:
                engines.write_ahead(self._connection, lock_s=self._lock_s)
        except BaseException:
            self.disconnect()
            raise
        if self._file is not None:
            with self._connection.begin():  # this creates the write-ahead log
                self._connection.execute(statements.leftovers())
            self._file.opened()
        if self._reading is None:
            self._reading = engines.reading(self.address), self._file

    def disconnect(self) -> None:
        """Close the writing connection, whatever its state; reading continues."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(sa.exc.SQLAlchemyError):
                connection.invalidate()
                connection.close()
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.dispose()

    def close(self) -> None:
        """Close every connection, and release every lease."""
        reading, self._reading = self._reading, None
        if reading is not None:
            reading[0].dispose()
        self._release()
        self.disconnect()
        opened, self._file = self._file, None
        if opened is not None:
            opened.close()

    def look(self) -> Literal["closed", "same", "other", "garbage"]:
        """Whether the file at the address still is the one that was opened."""
        state = "same" if self._file is None else self._file.state()
        if self._file is not None and state == "garbage" and not self._file.is_database:
            state = "same"
        return "closed" if state == "same" and self._connection is None else state

    def is_whole(self) -> bool:
        """Whether SQLite finds no damage; this reads the whole file."""
        if not self.address.is_sqlite:
            return True
        with self._open.begin():
            return self._open.exec_driver_sql("PRAGMA quick_check(1)").scalar() == "ok"

    def set_aside(self, now_ms: int) -> Path | None:
        """Rename a damaged file, and close it; returns its new path. ``None`` if there is no file,
        or if it was never opened here as a database and its name is not one of a database.
        """
        if self.address.path is None:
            return None
        was_ours = self._file is not None and self._file.is_database
        if not (was_ours or file.may_be_moved(self.address.path)):
            return None
        aside = file.set_aside(self.address.path, now_ms)
        self.close()
        return aside

    def claim(self, source: str) -> bool:
        """Take or keep the lease of a source, so that no other process writes the source.

        Returns:
            Whether it was taken just now.

        Raises:
            UnusableError: another process holds it.
        """
        if self.address.path is not None:
            lease = self._leases.get(source) or FileLease(self.address.path, source)
            taken = lease.take()
            self._leases[source] = lease
            return taken
        with self._open.begin():
            found = self._open.execute(statements.lease(source, self._holder)).one_or_none()
            mine, fresh, free = found or (False, False, True)
            if mine and source in self._leases:
                if not fresh:
                    self._open.execute(statements.keep_lease(source, self._holder))
                return False
            self._leases.pop(source, None)
            take = statements.take_lease(source, self._holder)
            if not (mine or free) or self._open.execute(take).first() is None:
                raise held_elsewhere(source)
        self._leases[source] = None
        return True

    def write(
        self,
        source: str,
        rows: Sequence[tuple[str, Bar]],
        *,
        replaces: bool,
        fuller: bool = False,
    ) -> None:
        """Write bars, each in place of what its minute had, in one transaction.

        Args:
            source: the source of the bars.
            rows: symbols and bars.
            replaces: whether everything else of the source is removed.
            fuller: whether a stored minute stays if it has more trades than the new bar, or if it
                is complete and the new bar is not.

        Raises:
            UnusableError: another process writes this source; nothing was written.
        """
        if source not in self._leases:
            self.claim(source)
        with self._open.begin():
            self._keep(source)
            if replaces:
                self._open.execute(statements.forget(source))
            if not rows:
                return
            ids = self._ids(source, {symbol for symbol, _ in rows})
            made = [row_of(ids[symbol], bar) for symbol, bar in rows]
            self._open.execute(
                statements.upsert(self.dialect, fuller=fuller),
                statements.parameters(self.dialect, made),
            )

    def since(self, source: str, since_ms: int) -> dict[str, list[Bar]]:
        """The bars of a source that begin at a time or later, by symbol."""
        found: dict[str, list[Bar]] = {}
        with self._open.begin():
            for symbol, *row in self._open.execute(statements.since(source, since_ms)):
                found.setdefault(symbol, []).append(bar_of(row))
        return found

    def begins(self, from_ms: int, before_ms: int, most: int) -> list[int]:
        """The starts of spans of 24 hours that cover every bar of a range that can be too old.

        Args:
            from_ms: the range has bars that begin then or later,
            before_ms: and before that.
            most: the maximum number of spans.
        """
        found: list[int] = []
        with self._open.begin():
            while len(found) < most:
                at = statements.first_ageing(from_ms, before_ms)
                first_ms = self._open.execute(at).scalar()
                if first_ms is None:
                    break
                found.append(first_ms)
                from_ms = first_ms + DAY_MS
        return found

    def sweep(self, before_ms: int | None, rows: int) -> bool:
        """Delete some bars that were removed from their source, or whose trading day ended before a
        time. No day is ever cut in two, so that no bar that is made of minutes shrinks.

        Args:
            before_ms: that time; ``None`` when age does not matter.
            rows: how many; of bars that are too old, up to a day more.

        Returns:
            Whether there are more.
        """
        with self._open.begin():
            for series_id in self._all(statements.leftovers()):
                if self._chunk(series_id, NEVER_MS, rows):
                    return True
                self._open.execute(statements.drop_series(series_id))
        with self._open.begin():
            if before_ms is None:
                return False
            ageing = self._open.execute(statements.ageing()).all()
            return any(self._age(*found, before_ms, rows) for found in ageing)

    @property
    def _open(self) -> sa.Connection:
        if self._connection is None:
            raise UnusableError("gone", "the database is not open")
        return self._connection

    def _keep(self, source: str) -> None:
        """Within a transaction: keep the lease, so that no other process writes the source before
        the transaction ends.
        """
        lease = self._leases[source]
        if lease is not None:
            lease.keep()
        elif not self._open.execute(statements.keep_lease(source, self._holder)).rowcount:
            del self._leases[source]
            raise held_elsewhere(source)

    def _release(self) -> None:
        leases, self._leases = self._leases, {}
        for lease in leases.values():
            if lease is not None:
                lease.release()
        if leases and not self.address.is_sqlite and self._connection is not None:
            with contextlib.suppress(sa.exc.SQLAlchemyError), self._connection.begin():
                self._connection.execute(statements.drop_leases(self._holder))

    def _ids(self, source: str, symbols: Iterable[str]) -> dict[str, int]:
        """The series of a source, with missing ones added. Read in each transaction, because an
        import may have replaced the series since the last one.
        """
        ids = dict(self._open.execute(statements.ids(source)).all())
        missing = [symbol for symbol in symbols if symbol not in ids]
        if missing:
            added = [{"source": source, "symbol": symbol} for symbol in missing]
            self._open.execute(statements.add_series(self.dialect), added)
            ids = dict(self._open.execute(statements.ids(source)).all())
        return ids

    def _all(self, statement: sa.Select[int]) -> Sequence[int]:
        return self._open.execute(statement).scalars().all()

    def _chunk(self, series_id: int, before_ms: int, rows: int) -> bool:
        """Delete the oldest rows of a series before a time; returns whether it has more."""
        cut = self._open.execute(statements.cut(series_id, before_ms, rows)).scalar()
        self._open.execute(statements.delete(series_id, before_ms if cut is None else cut))
        return cut is not None

    def _age(self, series_id: int, symbol: str, before_ms: int, rows: int) -> bool:
        """Delete the oldest days of a series that ended before a time; returns whether it has
        more.
        """
        edge_ms = day_of(symbol, before_ms).start_ms
        cut = self._open.execute(statements.cut(series_id, edge_ms, rows)).scalar()
        end_ms = edge_ms if cut is None else day_of(symbol, cut).end_ms
        self.aged += self._open.execute(statements.delete(series_id, end_ms)).rowcount
        return cut is not None

    # In any thread

    def read(self, ask: Callable[[sa.Connection], T]) -> T:
        """Call ``ask`` with a reading connection, and return what it does. An answer that was read
        from a file that is damaged, or is no longer the one that was opened, is discarded.

        Raises:
            UnusableError: the file is damaged or was replaced, or the database is not open.
        """
        reading = self._reading
        if reading is None:
            raise UnusableError("gone", "the database is not open")
        engine, opened = reading
        with engine.connect() as connection:
            answer = ask(connection)
        state = "same" if opened is None else opened.state()
        if state == "garbage":
            raise UnusableError("corrupt", "the database is damaged")
        if state == "other":
            raise UnusableError("gone", "the database was replaced by another file")
        return answer


def bars_of(rows: Iterable[Iterable[Any]]) -> list[Bar]:
    """The bars of rows of ``statements.window`` and ``merged``."""
    return [bar_of(row) for row in rows]


def listed(connection: sa.Connection) -> list[SeriesInfo]:
    """Every series that has bars."""
    return [
        SeriesInfo(source=source, symbol=symbol, first_ms=first_ms, last_ms=last_ms, bars=bars)
        for source, symbol, first_ms, last_ms, bars in connection.execute(statements.listing())
    ]
