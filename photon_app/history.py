"""History: the bars in memory and those on disk as one.

Owns the way of minutes from memory to disk and back: ``run`` is a task of ``runtime``, everything
else is called on the event loop. Memory has everything from a symbol's ``first_ms`` on, disk what
came before, so a question never has to weigh one against the other. The feed never waits: disk is
told with ``Store.put``, which returns at once, and when disk does not answer, a question is
answered from memory and says so.

Bounds: one turn a second; of one question at most ``limit`` bars and ``CHUNK`` spans at a time.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import msgspec

from photon_app.errors import StorageError
from photon_app.market.bars import MOST_MINUTES, Bars
from photon_app.market.calendar import Calendar
from photon_app.market.merge import merge_all
from photon_app.market.session import Day, day_of
from photon_app.market.timeframes import MINUTE_MS, span_at
from photon_app.model import Bar, Timeframe
from photon_app.storage.store import Store

CHUNK = 512
TURN_S = 1.0
DAY_MS = 86_400_000
AHEAD_MS = 60_000
"""How far ahead of the market's clock a bar may begin, as the book lets a trade."""
_NEVER_MS = 1 << 62
log = logging.getLogger(__name__)


class Past(msgspec.Struct, frozen=True):
    """The answer to a question for bars."""

    bars: Sequence[Bar]
    """The oldest first."""
    ends_ms: Sequence[int]
    """Where the span of each ends."""
    since_ms: int | None
    """When the oldest bar of the symbol begins, of any time; ``None`` when there is none."""
    partial: bool
    """Whether disk did not answer, so that bars may be missing."""


class History:
    """Bars of one source, of any timeframe."""

    def __init__(
        self,
        bars: Bars,
        store: Store | None,
        *,
        calendar: Callable[[], Calendar],
        now_ms: Callable[[], int],
    ) -> None:
        """Join them.

        Args:
            bars: what memory has.
            store: what disk has; ``None`` when nothing is stored.
            calendar: the exchange's days as they are known.
            now_ms: the market's clock.
        """
        self.memory = bars
        self._store = store
        self._calendar = calendar
        self._now_ms = now_ms
        self.on_day: Callable[[str, Bar], None] = lambda _symbol, _day: None
        """Told of each symbol's day so far when it was looked up."""
        self._unfilled: dict[str, None] = {}
        self._learned: dict[str, Sequence[Bar]] = {}

    # Between memory and disk

    async def run(self) -> None:
        """Keep disk up to date, and memory with each symbol's day, until cancelled."""
        while True:
            try:
                self.flush()
                await self._fill()
            except Exception:  # bars of every later turn hang on this one
                log.exception("a turn of the history failed; it goes on")
            await asyncio.sleep(TURN_S)

    def flush(self) -> None:
        """Hand every minute that changed over to disk."""
        self.memory.tick()
        dirty = self.memory.take_dirty()
        if self._store is not None:
            for symbol, bars in dirty:
                self._store.put(symbol, bars)

    def follow(self, symbol: str) -> None:
        """A symbol is followed from now on; its day is looked up on disk."""
        self.memory.follow(symbol)
        self._unfilled[symbol] = None

    def drop(self, symbol: str) -> None:
        """A symbol is let go."""
        self.memory.drop(symbol)
        self._unfilled.pop(symbol, None)
        self._learned.pop(symbol, None)

    def resume(self, stored: Mapping[str, Sequence[Bar]]) -> None:
        """Go on from what an earlier process stored last. Its newest minutes were cut off."""
        newest_ms = max((bar.time_ms for bars in stored.values() for bar in bars), default=0)
        for symbol, bars in stored.items():
            self.memory.resume(
                symbol,
                [
                    msgspec.structs.replace(bar, incomplete=True)
                    if bar.time_ms == newest_ms and self.memory.has_gaps
                    else bar
                    for bar in bars
                ],
            )

    def restore(self) -> None:
        """A new, empty file has taken the place of the old one: give it what memory has."""
        if self._store is not None:
            for symbol in self.memory.symbols:
                self._store.put(symbol, self.memory.minutes(symbol, 0, _NEVER_MS))

    async def last_prices(self, symbol: str) -> tuple[float | None, float | None]:
        """The newest price that disk has of the last 24 hours, and the last one of the days before
        the present one: where a simulator goes on from.
        """
        if self._store is None:
            return None, None
        now_ms = self._now_ms()
        day_ms = day_of(symbol, now_ms).start_ms
        try:
            newest = await self._store.read(symbol, now_ms - DAY_MS, now_ms, 1, newest=True)
            before = await self._store.read(symbol, 0, day_ms, 1, newest=True)
        except StorageError:
            return None, None
        last, close = ((bars[0].close if bars else None) for bars in (newest, before))
        return last, close

    def learn(self, symbol: str, minutes: Sequence[Bar]) -> None:
        """What a feed knows of a symbol's past; taken when disk knows nothing of that time."""
        self._learned[symbol] = minutes
        self._unfilled[symbol] = None

    def begin_anew(self) -> None:
        """A recording begins from its start: the bars of its last pass are replaced."""
        self.memory.clear()
        if self._store is not None:
            self._store.replace()

    async def _fill(self) -> None:
        """Give memory the day so far of symbols that are newly followed."""
        if self._store is not None and not await self._store.opened(0):
            return
        for symbol in list(self._unfilled):
            self._unfilled.pop(symbol, None)
            try:
                self.memory.fill(symbol, await self._day(symbol))
            except StorageError:
                self._unfilled[symbol] = None
                return
            _, day = self.memory.bar_at(symbol, "1d", self._now_ms(), self._calendar())
            if day is not None:
                self.on_day(symbol, day)

    async def _day(self, symbol: str) -> Sequence[Bar]:
        """A symbol's day up to where memory begins: from disk, or as the feed told it."""
        now_ms = self._now_ms()
        first_ms = self.memory.first_ms(symbol)
        before_ms = now_ms - now_ms % MINUTE_MS if first_ms is None else first_ms
        learned = [bar for bar in self._learned.get(symbol, ()) if bar.time_ms < before_ms]
        if self._store is not None:
            from_ms = day_of(symbol, now_ms).start_ms
            if learned:
                from_ms = min(from_ms, learned[0].time_ms)
            stored = await self._store.read(symbol, from_ms, before_ms, MOST_MINUTES, newest=True)
            if stored or not learned:
                return stored
            self._store.put(symbol, learned)
        self._learned.pop(symbol, None)
        return learned

    # Questions

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
            symbol: of the source that this process has.
            timeframe: how long a bar is.
            from_ms: the bars that begin then or later, the oldest ``limit`` of them; else the
                newest.
            to_ms: only those that begin before.
            limit: the most.
        """
        top_ms = min(to_ms if to_ms is not None else _NEVER_MS, self._now_ms() + AHEAD_MS)
        question = _Question(
            self.memory,
            self._store,
            calendar=self._calendar(),
            symbol=symbol,
            timeframe=timeframe,
            from_ms=from_ms or 0,
            to_ms=top_ms,
        )
        found = await (question.newest(limit) if from_ms is None else question.oldest(limit))
        since_ms = await question.since()
        if timeframe == "1s":
            since_ms = self.memory.first_second_ms(symbol)
        return Past(
            [bar for _, bar in found], [s.end_ms for s, _ in found], since_ms, question.partial
        )


Found = list[tuple[Day, Bar]]


class _Question:
    """One question on its way to memory and disk."""

    def __init__(
        self,
        memory: Bars,
        store: Store | None,
        *,
        calendar: Calendar,
        symbol: str,
        timeframe: Timeframe,
        from_ms: int,
        to_ms: int,
    ) -> None:
        self._memory = memory
        self._store = store
        self._calendar = calendar
        self._symbol = symbol
        self._timeframe: Timeframe = timeframe
        self._from_ms = from_ms
        self._to_ms = to_ms
        first_ms = memory.first_ms(symbol)
        self._memory_ms = _NEVER_MS if first_ms is None else first_ms
        # A span that is partly in memory is put together there.
        self._border_ms = min(to_ms, _NEVER_MS if first_ms is None else self._span(first_ms)[0])
        self.partial = False

    async def newest(self, limit: int) -> Found:
        """The newest bars of the range."""
        found = await self._from_memory(limit)
        if len(found) < limit:
            found = await self._stored(self._before, limit - len(found)) + found
        return found[-limit:]

    async def oldest(self, limit: int) -> Found:
        """The oldest bars of the range."""
        found = await self._stored(self._after, limit)
        if len(found) < limit:
            found += await self._from_memory(None)
        return found[:limit]

    async def since(self) -> int | None:
        """When the oldest bar begins, as far as anything is known."""
        stored = None
        if self._store is not None:
            try:
                stored = await self._store.first_ms(self._symbol)
            except StorageError:
                self.partial = True
        known = [ms for ms in (stored, self._memory.first_ms(self._symbol)) if ms is not None]
        return min(known, default=None)

    async def _from_memory(self, newest: int | None) -> Found:
        """What begins at the border or later."""
        from_ms = max(self._from_ms, self._border_ms)
        if self._timeframe == "1s":
            seconds = self._memory.seconds(self._symbol, self._from_ms, self._to_ms, newest)
            return [(self._span(bar.time_ms), bar) for bar in seconds]
        if from_ms >= self._to_ms:
            return []
        if self._timeframe == "1m":
            minutes = self._memory.minutes(self._symbol, from_ms, self._to_ms, newest)
            return [(self._span(bar.time_ms), bar) for bar in minutes]
        minutes = await self._minutes(from_ms, min(self._memory_ms, self._to_ms))
        minutes += self._memory.minutes(self._symbol, max(from_ms, self._memory_ms), _NEVER_MS)
        return self._merged(minutes)

    def _merged(self, minutes: Iterable[Bar]) -> Found:
        """Minutes as the bars of the timeframe that begin in the range."""
        parts: dict[Day, list[Bar]] = {}
        span = Day(0, 0)
        for minute in minutes:
            if not span.start_ms <= minute.time_ms < span.end_ms:
                span = self._span(minute.time_ms)
            parts.setdefault(span, []).append(minute)
        return [
            (span, bar)
            for span, those in parts.items()
            if self._from_ms <= span.start_ms < self._to_ms
            and (bar := merge_all(those, span.start_ms)) is not None
        ]

    async def _minutes(self, from_ms: int, to_ms: int) -> list[Bar]:
        """Minutes from disk."""
        if self._store is None or from_ms >= to_ms:
            return []
        try:
            return await self._store.read(self._symbol, from_ms, to_ms, 2_000, newest=True)
        except StorageError:
            self.partial = True
            return []

    async def _stored(self, look: Callable[[Store, int], Awaitable[Found]], limit: int) -> Found:
        """What disk has before the border; less when it does not answer."""
        if self._store is None or self._timeframe == "1s" or self._from_ms >= self._border_ms:
            return []
        try:
            return await look(self._store, limit)
        except StorageError:
            self.partial = True
            return []

    async def _before(self, store: Store, limit: int) -> Found:
        """The newest bars on disk that begin before the border."""
        if self._timeframe == "1m":
            return await self._plain(store, limit, newest=True)
        found: Found = []
        before_ms = self._border_ms
        while len(found) < limit and before_ms > self._from_ms:
            spans: list[Day] = []
            while len(spans) < CHUNK and before_ms > self._from_ms:
                spans.append(self._span(before_ms - 1))
                before_ms = spans[-1].start_ms
            chunk = await self._chunk(store, spans[::-1])
            found = chunk + found
            if not chunk:
                before_ms = await self._skip_back(store, before_ms)
        return found[-limit:]

    async def _after(self, store: Store, limit: int) -> Found:
        """The oldest bars on disk that begin before the border."""
        if self._timeframe == "1m":
            return await self._plain(store, limit, newest=False)
        found: Found = []
        after_ms = await self._skip_on(store, self._from_ms)
        while len(found) < limit and after_ms < self._border_ms:
            spans: list[Day] = []
            while len(spans) < CHUNK and after_ms < self._border_ms:
                spans.append(self._span(after_ms))
                after_ms = spans[-1].end_ms
            chunk = await self._chunk(store, spans)
            found += chunk
            if not chunk:
                after_ms = await self._skip_on(store, after_ms)
        return found[:limit]

    async def _plain(self, store: Store, limit: int, *, newest: bool) -> Found:
        """Minutes as they are stored."""
        bars = await store.read(self._symbol, self._from_ms, self._border_ms, limit, newest=newest)
        return [(self._span(bar.time_ms), bar) for bar in bars]

    async def _chunk(self, store: Store, spans: Sequence[Day]) -> Found:
        """The bars of adjoining spans that begin in the range."""
        bars = await store.read_spans(self._symbol, spans)
        by_start = {span.start_ms: span for span in spans}
        return [
            (by_start[bar.time_ms], bar)
            for bar in bars
            if self._from_ms <= bar.time_ms < self._to_ms
        ]

    async def _skip_back(self, store: Store, before_ms: int) -> int:
        """Where the newest bar before a time ends, so that long gaps cost nothing."""
        rows = await store.read(self._symbol, self._from_ms, before_ms, 1, newest=True)
        return self._span(rows[0].time_ms).end_ms if rows else self._from_ms

    async def _skip_on(self, store: Store, after_ms: int) -> int:
        """Where the oldest bar from a time on begins."""
        rows = await store.read(self._symbol, after_ms, self._border_ms, 1, newest=False)
        return self._span(rows[0].time_ms).start_ms if rows else self._border_ms

    def _span(self, time_ms: int) -> Day:
        return span_at(self._timeframe, self._symbol, time_ms, self._calendar)
