"""History: the bars in memory and those on disk as one series.

Owns the path of minutes from memory to disk and back. ``run`` is a task of ``runtime``; everything
else is called on the event loop. Memory has all bars from a symbol's ``first_ms`` on, and disk has
those before it, so a query never has two answers for the same time. The feed never waits: minutes
are passed to disk by ``Store.put``, which returns at once. When disk does not answer, a query is
answered from memory, and the answer is marked ``partial``.

A simulator: memory and disk have what was traded since the simulator began a symbol. The bars
before that are invented for each query, and are not stored. Clients may use any name as a symbol of
a simulator, and it trades. So disk gets the minutes of the symbols that are always wanted, and of
``KEPT`` others that have been followed for ``KEPT_AFTER_MS``, those followed longest first (see
``followed``). That is at most ``KEPT`` rows a minute besides the former, whatever clients want.

Bounds: one round per second, in which at most ``FILLED`` symbols are looked up on disk.
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Container, Mapping, Sequence
from typing import Protocol

import msgspec

from photon_app.calendar.calendar import CalendarSource
from photon_app.calendar.session import market_day
from photon_app.calendar.timeframes import MINUTE_MS, NEVER_MS, span_at
from photon_app.errors import StorageError
from photon_app.feed.simulated.past import SimulatedPast
from photon_app.history import days
from photon_app.history.followed import Begun, FollowedSymbols, Phase
from photon_app.history.invented import Invented
from photon_app.history.lines import Lines
from photon_app.history.one_at_a_time import OneAtATime
from photon_app.history.query import Query
from photon_app.market.bars import Bars
from photon_app.model import (
    Bar,
    Clock,
    EpochBegan,
    MarketFact,
    PriceBegan,
    Recollection,
    Timeframe,
)
from photon_app.storage.store import Store

RESTORED = 20_000
"""Bars from memory that are put into a new file per round."""
ROUND_S = 1.0
FILLED = 200
"""Symbols whose day is looked up on disk per round."""
AHEAD_MS = 60_000
"""How far ahead of the market's clock a bar may begin; the book allows a trade as much."""
FUTURE_MS = 86_400_000
"""A stored bar that begins later than this comes from a wrong clock: no tape is so far ahead."""
log = logging.getLogger(__name__)


class Recalls(Protocol):
    """Takes a day that was looked up: the part of ``Market`` that is used here."""

    def recall(self, symbol: str, what: Recollection) -> None:
        """Take the figures of a symbol's newest day so far."""
        ...


class Past(msgspec.Struct, frozen=True):
    """The answer to a query for bars."""

    bars: Sequence[Bar]
    """The oldest first."""
    ends_ms: Sequence[int]
    """Where the span of each ends."""
    since_ms: int | None
    """When the symbol's oldest bar begins, in range or not; ``None`` when there is none."""
    partial: bool
    """Whether bars may be missing, because disk did not answer."""


class History:
    """Bars of one source, of any timeframe."""

    def __init__(
        self,
        bars: Bars,
        store: Store | None,
        *,
        calendars: CalendarSource,
        clock: Clock,
        past: SimulatedPast | None = None,
        book: Recalls | None = None,
        always: Container[str] = (),
        replays: bool = False,
    ) -> None:
        """Join memory and disk.

        Args:
            bars: the bars in memory.
            store: the bars on disk; ``None`` when nothing is stored.
            calendars: the exchange's days as far as they are known.
            clock: the market's clock.
            past: invents the minutes that neither memory nor disk has; only for a simulator.
            book: gets each symbol's newest day so far once it was looked up.
            always: the symbols of a simulator that are always stored.
            replays: whether a new epoch means that a recording starts again from its beginning.
        """
        self.memory = bars
        self._store = store
        self._calendars = calendars
        self._clock = clock
        self._past = past
        self._book = book
        self.assembling = OneAtATime()
        """Serializes the assembly of answers, here and where they are encoded."""
        self._inventing = OneAtATime(rests=True)
        self._replays = replays
        self._followed = FollowedSymbols(limited=past is not None, always=always)
        self.lines = Lines(
            bars,
            store,
            calendars=calendars,
            clock=clock,
            past=past,
            followed=self._followed,
            assembling=self.assembling,
            inventing=self._inventing,
        )
        """The newest day of many symbols at once."""
        self._to_restore: deque[str] = deque()
        """The symbols whose bars are still to be put into a new file."""
        self._since: dict[str, int | None] = {}
        """When each series on disk begins, for the symbols queried since the last round."""

    @property
    def unread(self) -> list[str]:
        """The followed symbols whose day has not been looked up on disk yet."""
        return self._followed.unread

    # Between memory and disk

    async def run(self) -> None:
        """Keep disk up to date, and memory with each symbol's day, until cancelled."""
        while True:
            try:
                self.flush()
                await self._fill()
                await self._restore()
                self._since.clear()
            except Exception:  # all later bars depend on this task
                log.exception("a round of the history failed; the next one follows")
            await asyncio.sleep(ROUND_S)

    async def finish(self) -> None:
        """Pass the last minutes to disk; to be called after the last trade."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(ROUND_S):
                await self._fill()
        self.flush()

    def flush(self) -> None:
        """Pass every changed minute to disk. A symbol whose day has not been looked up yet waits:
        disk may have a part of its minute.
        """
        self.memory.tick()
        self._followed.grant(self._clock.now_ms())
        dirty = self.memory.take_dirty(self._followed.unwritten)
        if self._store is not None:
            for symbol, bars in dirty:
                self._store.put(symbol, bars)

    def follow(self, symbol: str) -> None:
        """A symbol is followed from now on. Its day is looked up on disk, unless memory still has
        it.
        """
        phase = Phase.UNREAD if self.memory.follow(symbol) else Phase.READ
        self._followed.follow(symbol, self._clock.now_ms(), phase)

    def drop(self, symbol: str) -> None:
        """A symbol is no longer followed; its minutes that are not on disk yet are passed on."""
        self.memory.drop(symbol)
        dirty = self.memory.take_dirty_of(symbol)
        if self._store is not None and self._followed.is_stored(symbol):
            self._store.put(symbol, dirty)
        self._followed.drop(symbol)

    def resume(self, stored: Mapping[str, Sequence[Bar]]) -> None:
        """Continue the newest bars that an earlier process stored. Its last minutes are incomplete
        if there can be gaps. Bars of future days, which it stored by a wrong clock, are ignored
        here and stay on disk.
        """
        until_ms = self._clock.now_ms() + FUTURE_MS
        stored = {
            symbol: [bar for bar in bars if bar.time_ms < until_ms]
            for symbol, bars in stored.items()
        }
        newest_ms = max((bar.time_ms for bars in stored.values() for bar in bars), default=0)
        for symbol, bars in stored.items():
            cut = [
                msgspec.structs.replace(bar, incomplete=True)
                if bar.time_ms == newest_ms and self.memory.has_gaps
                else bar
                for bar in bars
            ]
            resumed = bool(cut) and self.memory.resume(symbol, cut)
            if resumed and (one := self._followed.get(symbol)) is not None:
                one.resume(frozenset(bar.time_ms for bar in bars))

    def restore(self) -> None:
        """A new, empty file has replaced the old one: put into it what memory has, some symbols per
        round.
        """
        self._since.clear()
        self._to_restore = deque(s for s in self.memory.symbols if self._followed.is_stored(s))

    async def last_prices(self, symbol: str) -> tuple[float | None, float | None]:
        """The prices from which a simulator continues: the last one on disk of the newest trading
        day, if that day is not over or was recorded to its end; and the close of the day before, if
        its end was recorded. ``None`` for what is not known.
        """
        if self._store is None:
            return None, None
        now_ms, calendar = self._clock.now_ms(), self._calendars.calendar
        return await days.last_prices(self._store, symbol, now_ms, calendar)

    def hear(self, fact: MarketFact) -> None:
        """Take one fact of the market: a simulator began a symbol, or a recording started again."""
        match fact:
            case PriceBegan():
                self.began(fact.symbol, fact.time_ms, fact.price)
            case EpochBegan() if self._replays:
                self.begin_pass()
            case _:
                pass

    def began(self, symbol: str, time_ms: int, price: float) -> None:
        """A simulator began a symbol at this price. The bars that it invents before that lead to
        this price, and fill the times for which disk and memory have nothing.
        """
        if (one := self._followed.get(symbol)) is not None:
            one.begun = Begun(time_ms, price)
        self._recall_day(symbol)

    def begin_pass(self) -> None:
        """A recording starts again from its beginning: the bars of its last pass are removed."""
        self.memory.clear()
        self._since.clear()
        if self._store is not None:
            self._store.replace()

    async def _fill(self) -> None:
        """Load the newest day of newly followed symbols from disk into memory."""
        if self._store is not None and not await self._store.opened(0):
            return
        for symbol in self._followed.unread[:FILLED]:
            try:
                stored, prev_close = await self._look_up(symbol)
            except StorageError:
                return
            async with self.assembling.one():
                one = self._followed.get(symbol)  # it may have been dropped meanwhile
                if one is not None and one.phase is Phase.UNREAD:
                    self._take(symbol, stored, one.read(), prev_close)

    async def _look_up(self, symbol: str) -> tuple[Sequence[Bar], float | None]:
        """The minutes that disk has of a symbol's newest trading day, and the close before that
        day. If disk has none of that day, it is the last day that it has, unless the symbol has
        traded already or a simulator invents its past.
        """
        if self._store is None:
            return (), None
        now_ms, calendar = self._clock.now_ms(), self._calendars.calendar
        from_ms = market_day(symbol, now_ms, calendar).start_ms
        first_ms = self.memory.first_ms(symbol)
        if first_ms is not None:
            from_ms = min(from_ms, first_ms)
        or_last = self._past is None and first_ms is None
        stored = await days.newest_day(
            self._store, symbol, from_ms, now_ms + AHEAD_MS, calendar, or_last=or_last
        )
        return stored, await days.prev_close(self._store, symbol, stored, calendar)

    def _take(
        self,
        symbol: str,
        stored: Sequence[Bar],
        known: frozenset[int],
        prev_close: float | None,
    ) -> None:
        """Add stored minutes to memory: those before its first one, and those that are parts of its
        own minutes, without the ``known`` ones that it has already.
        """
        if stored or known:
            stored = [bar for bar in stored if bar.time_ms not in known]
            begin_ms = self._memory_begins(symbol)
            self.memory.resume(symbol, [bar for bar in stored if bar.time_ms >= begin_ms])
            self.memory.fill(symbol, [bar for bar in stored if bar.time_ms < begin_ms])
            self._recall_day(symbol, prev_close=prev_close)

    def _memory_begins(self, symbol: str) -> int:
        first_ms, now_ms = self.memory.first_ms(symbol), self._clock.now_ms()
        return now_ms - now_ms % MINUTE_MS if first_ms is None else first_ms

    def _recall_day(self, symbol: str, prev_close: float | None = None) -> None:
        """Give the book a symbol's newest day so far, from memory and from invented bars."""
        minutes, calendar = self.memory.between(symbol, "1m"), self._calendars.calendar
        begun = self._followed.begun(symbol)
        if self._past is not None and begun is not None:
            invented_bars = days.invented_bars(
                self._past, symbol, begun, {bar.time_ms for bar in minutes}
            )
            running = days.running_at(symbol, begun.time_ms, invented_bars, calendar)
            self.memory.begin_after(symbol, running)
            minutes = sorted([*invented_bars, *minutes], key=lambda bar: bar.time_ms)
        day = days.recollect(
            symbol,
            minutes,
            self._clock.now_ms(),
            calendar,
            prev_close=prev_close,
            as_price=self._past is None,
        )
        if day is not None and self._book is not None:
            self._book.recall(symbol, day)

    async def _restore(self) -> None:
        """Put up to about ``RESTORED`` bars into a new file."""
        left = RESTORED
        while self._to_restore and left > 0 and self._store is not None:
            symbol = self._to_restore.popleft()
            bars = self.memory.between(symbol, "1m")
            self._store.put(symbol, bars)
            left -= len(bars)
            await asyncio.sleep(0)

    # Queries

    async def bars(
        self,
        symbol: str,
        timeframe: Timeframe,
        *,
        from_ms: int | None = None,
        to_ms: int | None = None,
        limit: int = 500,
    ) -> Past:
        """Bars of a symbol, the oldest first.

        Args:
            symbol: a symbol of this process's source.
            timeframe: the length of a bar.
            from_ms: for the oldest ``limit`` bars that begin then or later; ``None`` for the newest
                ``limit`` bars.
            to_ms: only bars that begin before this.
            limit: the maximum number of bars.
        """
        now_ms, calendar = self._clock.now_ms(), self._calendars.calendar
        tape_ms = max(now_ms, self.memory.newest_ms(symbol) or 0)  # it may be ahead of the clock
        top_ms = min(to_ms if to_ms is not None else NEVER_MS, tape_ms + AHEAD_MS)
        invented = None
        if self._past is not None and timeframe != "1s":
            begun = self._followed.begun(symbol)
            invented = Invented(self._past, symbol, now_ms, calendar, begun)
        while True:
            query = Query(
                self.memory,
                self._store,
                calendar=calendar,
                symbol=symbol,
                timeframe=timeframe,
                from_ms=from_ms or 0,
                to_ms=top_ms,
                assembling=self.assembling,
                inventing=self._inventing,
                invented=invented,
            )
            found = await (query.newest(limit) if from_ms is None else query.oldest(limit))
            if (self.memory.first_ms(symbol) or NEVER_MS) <= query.memory_ms:
                break  # else memory dropped some bars after disk was queried: ask again
        since_ms = await self._begin(symbol, timeframe, query)
        if invented is not None:
            first_ms = span_at(timeframe, symbol, invented.first_ms, calendar).start_ms
            since_ms = first_ms if since_ms is None else min(since_ms, first_ms)
        return Past(
            [bar for _, bar in found], [s.end_ms for s, _ in found], since_ms, query.partial
        )

    async def _begin(self, symbol: str, timeframe: Timeframe, query: Query) -> int | None:
        """When the oldest bar begins, as far as is known. The answer of disk is cached until the
        next round.
        """
        if timeframe == "1s":
            return self.memory.first_second_ms(symbol)
        if self._store is not None and symbol not in self._since:
            try:
                self._since[symbol] = await self._store.first_ms(symbol)
            except StorageError:
                query.partial = True
        stored = self._since.get(symbol)
        known = [ms for ms in (stored, self.memory.first_ms(symbol)) if ms is not None]
        return min(known, default=None)
