"""The store: the bars of one source on disk, as the event loop uses them.

Owns the writer's thread, which is the only one that writes, and the readers' threads. ``put`` and
``replace`` return at once, whatever the state of the database. ``read`` and the other queries wait
for it, for a bounded time, and raise ``StorageError`` when there is no answer. All are called on
the event loop.

Bounds: ``capacity`` bars wait for the disk; beyond that the oldest are dropped and counted. 512
queries wait for an answer; beyond that they are refused, and while the database does not answer all
are (``readers``). It never delays the feed, and never stores what was read from a file that is
damaged or was replaced.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import sqlalchemy as sa

from photon_app.clock import SYSTEM, Time
from photon_app.errors import StorageError
from photon_app.model import Bar
from photon_app.storage import statements
from photon_app.storage.address import Address
from photon_app.storage.database import Database, SeriesInfo, bars_of, listed
from photon_app.storage.faults import fault_of
from photon_app.storage.health import USUAL_PACE, Pace, StorageHealth
from photon_app.storage.owner import Owner, OwnerOnLoop
from photon_app.storage.pending import Pending
from photon_app.storage.readers import Readers
from photon_app.storage.retention import Retention
from photon_app.storage.writer import Writer

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Store:
    """Bars of one minute, on disk."""

    def __init__(
        self,
        address: Address,
        *,
        source: str,
        since_ms: int,
        retention_days: int,
        retention_force_ms: int = 0,
        capacity: int = 200_000,
        pace: Pace = USUAL_PACE,
        time: Time = SYSTEM,
    ) -> None:
        """Make a store; ``start`` opens the database.

        Args:
            address: of the database, or of none.
            source: the source of the bars that are put, and of those that are read by default.
            since_ms: stored bars that begin then or later are passed to the owner, so that a minute
                that a restart cut in two becomes one.
            retention_days: the bars of trading days that ended longer ago than this are deleted,
                except those of replays; 0 keeps all.
            retention_force_ms: such bars before this time are deleted however many days they are.
            capacity: how many bars may wait.
            pace: pauses and timeouts.
            time: the clocks of this process.
        """
        self._address = address
        self._source = source
        self._pace = pace
        self._pending = Pending(capacity=capacity, time=time)
        self._database = Database(address, lock_s=pace.lock_s) if address.stores else None
        self._readers = Readers(
            wait_s=pace.read_s,
            probe=self._probe,
            retry_s=pace.retry_s,
            retry_most_s=pace.retry_most_s,
            shown=address.shown,
        )
        self._monotonic = time.monotonic
        self._owner = OwnerOnLoop(self._pending)
        self._stopping = threading.Event()
        self._wake = threading.Event()
        self._ended = asyncio.Event()
        self._thread: threading.Thread | None = None
        self._writer: Writer | None = None
        if self._database is not None:
            self._writer = Writer(
                self._database,
                self._pending,
                source=source,
                since_ms=since_ms,
                retention=Retention(days=retention_days, force_ms=retention_force_ms),
                owner=self._owner,
                pace=pace,
                time=time,
            )

    # Life

    def start(self, owner: Owner) -> None:
        """Start the writer's thread; returns at once.

        Args:
            owner: gets the stored bars, and is notified when they are lost, on the event loop.
        """
        if self._writer is None:
            return
        self._owner.bind(owner)
        self._thread = threading.Thread(
            target=self._run, args=(self._writer,), name="photon storage", daemon=True
        )
        self._thread.start()

    async def opened(self, timeout_s: float) -> bool:
        """Whether the database is open and the owner has the stored bars; waits for it up to
        ``timeout_s``.
        """
        if self._writer is None or timeout_s <= 0:
            return self._owner.opened.is_set()
        try:
            async with asyncio.timeout(timeout_s):
                return await self._owner.opened.wait()
        except TimeoutError:
            return False

    async def aclose(self) -> None:
        """Write what waits, and end every thread and connection, within a bounded time."""
        self._readers.close()
        if self._thread is None:
            return
        self._stopping.set()
        self._wake.set()
        try:
            async with asyncio.timeout(self._pace.close_s):
                await self._ended.wait()
        except TimeoutError:
            _log.warning("%s did not answer in time", self._address.shown)
        else:
            self._thread.join()
        if lost := len(self._pending):
            _log.warning("%d bars could not be written to %s", lost, self._address.shown)

    # Writing

    def put(self, symbol: str, bars: Iterable[Bar]) -> None:
        """Store the whole new state of some minutes; a later ``put`` of the same minute wins."""
        if self._writer is not None:
            self._pending.put(symbol, bars)

    def replace(self) -> None:
        """Remove every bar of the source that was put so far."""
        if self._writer is not None:
            self._pending.replace()

    @property
    def health(self) -> StorageHealth:
        """The current state of storage."""
        if self._writer is None:
            return StorageHealth(state="off")
        return self._writer.condition.health(
            opened=self._owner.opened.is_set(),
            pending=len(self._pending),
            age_s=self._pending.age_s,
            dropped=self._pending.dropped,
            database=self._address.shown,
            silent=self._readers.silent,
            now_s=self._monotonic(),
            since_overflow_s=self._pending.since_overflow_s,
        )

    # Reading

    async def read(
        self,
        symbol: str,
        from_ms: int,
        to_ms: int,
        limit: int,
        *,
        newest: bool,
        source: str | None = None,
    ) -> list[Bar]:
        """Stored minutes, the oldest first.

        Args:
            symbol: which.
            from_ms: they begin then or later,
            to_ms: and before that.
            limit: the maximum number of minutes.
            newest: whether to return the newest ``limit`` minutes, or else the oldest.
            source: a source other than the store's own.

        Raises:
            StorageError: the database does not answer.
        """
        statement = statements.window(
            source or self._source, symbol, from_ms, to_ms, limit, newest=newest
        )
        bars = await self._bars(statement, source)
        return bars[::-1] if newest else bars

    async def read_spans(
        self, symbol: str, spans: Sequence[tuple[int, int]], source: str | None = None
    ) -> list[Bar]:
        """One bar for each span that has a minute, merged by the database.

        Args:
            symbol: which.
            spans: starts and ends, in order, without overlap.
            source: a source other than the store's own.

        Raises:
            StorageError: the database does not answer.
        """
        if self._database is None or not spans:
            return []
        dialect = self._database.dialect
        statement = statements.merged(dialect)
        given = statements.spans_of(dialect, source or self._source, symbol, spans)
        return await self._own(lambda c: bars_of(c.execute(statement, given)), [], source)

    async def newest_days(
        self,
        symbols: Sequence[str],
        windows: Callable[[str, int], tuple[tuple[int, int], tuple[int, int]]],
        limit: int,
        made: Callable[[list[Bar], float | None], T],
    ) -> dict[str, T]:
        """What is stored of the newest day of each symbol that has a minute, in one question.

        Args:
            symbols: which.
            windows: the ranges of the day of a symbol's newest minute, and of the regular session
                before it; called in the thread that reads.
            limit: the maximum number of minutes of one symbol, the newest.
            made: makes an answer from minutes, the oldest first, and the last price of that
                session; called in the same thread, so that the minutes of one symbol at a time are
                in memory.

        Raises:
            StorageError: the database does not answer.
        """
        source = self._source

        def work(connection: sa.Connection) -> dict[str, T]:
            found: dict[str, T] = {}
            for symbol in symbols:
                newest = statements.edge(source, symbol, newest=True)
                newest_ms = connection.execute(newest).scalar()
                if newest_ms is None:
                    continue
                day, before = windows(symbol, newest_ms)
                rows, last = (
                    connection.execute(statements.window(source, symbol, *span, most, newest=True))
                    for span, most in ((day, limit), (before, 1))
                )
                closing = bars_of(last)
                found[symbol] = made(bars_of(rows)[::-1], closing[0].close if closing else None)
            return found

        return await self._own(work, {}, None)

    async def extremes(
        self, symbol: str, from_ms: int, to_ms: int, *, since_ms: int
    ) -> tuple[float, float] | None:
        """The lowest and the highest price of a half-open range; ``None`` if there is none, or if
        the oldest stored minute begins after ``since_ms``.

        Raises:
            StorageError: the database does not answer.
        """
        oldest = statements.edge(self._source, symbol, newest=False)
        statement = statements.extremes(self._source, symbol, from_ms, to_ms)

        def work(connection: sa.Connection) -> tuple[float, float] | None:
            oldest_ms = connection.execute(oldest).scalar()
            if oldest_ms is None or oldest_ms > since_ms:
                return None
            low, high = connection.execute(statement).one()
            return None if low is None else (low, high)

        return await self._own(work, None, None)

    async def newest_ms(self, symbol: str, source: str | None = None) -> int | None:
        """When the newest stored minute begins."""
        return await self._edge(symbol, source, newest=True)

    async def first_ms(self, symbol: str, source: str | None = None) -> int | None:
        """When the oldest stored minute begins."""
        return await self._edge(symbol, source, newest=False)

    async def series(self) -> list[SeriesInfo]:
        """Every series that has bars, of all sources."""
        return await self._ask(listed, [])

    async def _bars(self, statement: sa.Select[Any], source: str | None) -> list[Bar]:
        return await self._own(lambda c: bars_of(c.execute(statement)), [], source)

    async def _edge(self, symbol: str, source: str | None, *, newest: bool) -> int | None:
        statement = statements.edge(source or self._source, symbol, newest=newest)
        return await self._own(lambda c: c.execute(statement).scalar(), None, source)

    async def _own(self, work: Callable[[sa.Connection], T], nothing: T, source: str | None) -> T:
        """An answer about one source, without bars that ``replace`` removed but disk still has."""
        epoch = self._pending.epoch
        if source not in {None, self._source}:
            return await self._ask(work, nothing)
        if self._pending.replacing:
            return nothing
        answer = await self._ask(work, nothing)
        return answer if self._pending.epoch == epoch else nothing

    async def _ask(self, work: Callable[[sa.Connection], T], nothing: T) -> T:
        database = self._database
        if database is None:
            return nothing
        try:
            return await self._readers.ask(lambda: database.read(work))
        except StorageError:
            raise
        except Exception as error:  # noqa: BLE001 - drivers raise what they like
            fault = fault_of(error, self._address)
            if fault.reason == "corrupt" and self._writer is not None:
                self._writer.suspect()
            raise StorageError(fault.detail) from None

    def _probe(self) -> None:
        """The smallest query that needs the database itself, in a reader's thread."""
        assert self._database is not None
        self._database.read(lambda c: c.execute(statements.any_series()).first())

    # The writer's thread

    def _run(self, writer: Writer) -> None:
        while not self._stopping.is_set():
            self._wake.wait(writer.run_once())
            self._wake.clear()
        writer.run_once()
        self._readers.join(1.0)
        writer.close()
        self._owner.call(self._ended.set)
