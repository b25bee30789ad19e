"""One query for bars: it reads memory and disk, and combines the two answers.

Runs on the event loop, and awaits disk. Memory has all bars from a symbol's ``first_ms`` on, and
disk has those before it. The span at that border is made of minutes from both; no other span is
read twice. When disk does not answer, the result is what memory has, and ``partial`` is set. A
simulator's invented bars fill the minutes that neither memory nor disk has.

Bound: at most ``CHUNK`` spans are read at a time, ``INVENTED_CHUNK`` if some may be invented, and
no more bars are returned than requested.
"""

from collections.abc import Awaitable, Callable, Iterable, Sequence

from photon_app.calendar.calendar import Calendar
from photon_app.calendar.session import Span
from photon_app.calendar.timeframes import NEVER_MS, span_at
from photon_app.errors import BusyError, StorageError
from photon_app.history.invented import Invented
from photon_app.history.one_at_a_time import OneAtATime
from photon_app.market.bars import Bars
from photon_app.market.merge import by_span, merge, merge_all
from photon_app.model import Bar, Timeframe
from photon_app.storage.store import Store

CHUNK = 512
INVENTED_CHUNK = 128
INVENTED_DAYS = 16
"""Days invented per iteration of the event loop: shorter bars need fewer days, and cost less."""
SPANNED_BARS = 1_000
"""Bars whose spans are computed per iteration of the event loop: 1 ms."""
EXACT_SPANS = 16
"""Spans with both stored and invented minutes that a query makes of their minutes. In further ones
it merges the two bars.
"""
Found = list[tuple[Span, Bar]]


class Query:
    """One query of memory and disk."""

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
        assembling: OneAtATime,
        inventing: OneAtATime,
        invented: Invented | None = None,
    ) -> None:
        self._memory = memory
        self._store = store
        self._calendar = calendar
        self._symbol = symbol
        self._timeframe: Timeframe = timeframe
        self._from_ms = from_ms
        self._to_ms = to_ms
        first_ms = memory.first_ms(symbol)
        self.memory_ms = NEVER_MS if first_ms is None else first_ms
        # A span that is partly in memory counts as memory's.
        self._border_ms = min(to_ms, NEVER_MS if first_ms is None else self._span(first_ms)[0])
        self._assembling = assembling
        self._inventing = inventing
        self._invented = invented
        self._exact_left = EXACT_SPANS
        self._chunk_spans = CHUNK if invented is None else INVENTED_CHUNK
        self.partial = False

    async def newest(self, limit: int) -> Found:
        """The newest bars of the range."""
        found = await self._from_memory(newest=limit)
        if len(found) < limit:
            found = await self._stored(self._before, limit - len(found)) + found
        return found[-limit:]

    async def oldest(self, limit: int) -> Found:
        """The oldest bars of the range."""
        found = await self._stored(self._after, limit)
        if len(found) < limit:
            found += await self._from_memory(oldest=limit - len(found))
        return found[:limit]

    async def _from_memory(self, *, oldest: int | None = None, newest: int | None = None) -> Found:
        """The bars that begin at the border or later."""
        from_ms = max(self._from_ms, self._border_ms)
        plain = self._timeframe in {"1s", "1m"}
        stored: list[Bar] = []
        if not plain and from_ms < self._to_ms:
            end_ms = self._span(self._to_ms - 1).end_ms
            stored = await self._minutes(from_ms, min(self.memory_ms, end_ms))
        async with self._assembling.one():
            if plain:
                begin_ms = self._from_ms if self._timeframe == "1s" else from_ms
                bars = self._memory.between(
                    self._symbol,
                    self._timeframe,
                    begin_ms,
                    self._to_ms,
                    oldest=oldest,
                    newest=newest,
                )
            else:
                since_ms = max(from_ms, self.memory_ms)
                bars = self._memory.between(self._symbol, "1m", since_ms)
        if self._invented is not None and self.memory_ms < self._invented.begun_ms:
            # It was followed before, and dropped: the time between then and now is invented.
            end_ms = min(self._to_ms, self._invented.begun_ms)
            since_ms = max(from_ms, self.memory_ms)
            bars = await self._with_invented(bars, since_ms, end_ms, newest=True)
        if plain:
            return await self._spanned(bars if newest is None else bars[-newest:])
        async with self._assembling.one():
            return self._merged(stored + bars) if from_ms < self._to_ms else []

    def _merged(self, minutes: Iterable[Bar]) -> Found:
        """Minutes as the bars of the timeframe that begin in the range."""
        return [
            (span, bar)
            for span, bar in by_span(minutes, self._span)
            if self._from_ms <= span.start_ms < self._to_ms
        ]

    async def _minutes(self, from_ms: int, to_ms: int) -> list[Bar]:
        """Minutes from disk, and the invented ones between them."""
        if from_ms >= to_ms:
            return []
        stored: list[Bar] = []
        if self._store is not None:
            try:
                stored = await self._store.read(self._symbol, from_ms, to_ms, 2_000, newest=True)
            except BusyError:
                raise
            except StorageError:
                self.partial = True
        return await self._with_invented(stored, from_ms, to_ms, newest=True)

    async def _stored(self, look: Callable[[int], Awaitable[Found]], limit: int) -> Found:
        """The bars before the border; fewer when disk does not answer."""
        nothing = self._store is None and self._invented is None
        if nothing or self._timeframe == "1s" or self._from_ms >= self._border_ms:
            return []
        try:
            return await look(limit)
        except BusyError:
            raise
        except StorageError:
            self.partial = True
            return []

    async def _before(self, limit: int) -> Found:
        """The newest bars that begin before the border."""
        if self._timeframe == "1m":
            return await self._plain(limit, newest=True)
        found: Found = []
        before_ms = self._border_ms
        while len(found) < limit and before_ms > self._from_ms:
            spans: list[Span] = []
            while len(spans) < self._chunk_spans and before_ms > self._from_ms:
                spans.append(self._span(before_ms - 1))
                before_ms = spans[-1].start_ms
            chunk = await self._chunk(spans[::-1])
            found = chunk + found
            if not chunk:
                before_ms = await self._skip_back(before_ms)
        return found[-limit:]

    async def _after(self, limit: int) -> Found:
        """The oldest bars that begin before the border."""
        if self._timeframe == "1m":
            return await self._plain(limit, newest=False)
        found: Found = []
        after_ms = await self._skip_on(self._from_ms)
        while len(found) < limit and after_ms < self._border_ms:
            spans: list[Span] = []
            while len(spans) < self._chunk_spans and after_ms < self._border_ms:
                spans.append(self._span(after_ms))
                after_ms = spans[-1].end_ms
            chunk = await self._chunk(spans)
            found += chunk
            if not chunk:
                after_ms = await self._skip_on(after_ms)
        return found[:limit]

    async def _plain(self, limit: int, *, newest: bool) -> Found:
        """Stored minutes, and the invented ones between them."""
        from_ms, to_ms = self._from_ms, self._border_ms
        bars: list[Bar] = []
        if self._store is not None:
            bars = await self._store.read(self._symbol, from_ms, to_ms, limit, newest=newest)
        bars = await self._with_invented(bars, from_ms, to_ms, newest=newest, limit=limit)
        return await self._spanned(bars)

    async def _spanned(self, bars: Sequence[Bar]) -> Found:
        """Bars with the span of each, some per iteration of the event loop."""
        found: Found = []
        for at in range(0, len(bars), SPANNED_BARS):
            async with self._assembling.one():
                found += [(self._span(bar.time_ms), bar) for bar in bars[at : at + SPANNED_BARS]]
        return found

    async def _with_invented(
        self,
        known: list[Bar],
        from_ms: int,
        to_ms: int,
        *,
        newest: bool,
        limit: int = NEVER_MS,
    ) -> list[Bar]:
        """Known minutes of a half-open range, with invented ones between them. They are invented
        some hours per iteration of the event loop, until there are enough.
        """
        if self._invented is None:
            return known
        made: list[Bar] = []
        for begin_ms, end_ms in self._invented.parts(from_ms, to_ms, newest=newest):
            async with self._inventing.one():
                minutes = self._invented.minutes(begin_ms, end_ms)
            made = minutes + made if newest else made + minutes
            if len(made) >= limit:
                break
        async with self._assembling.one():
            bars = _filled(known, made)
        return bars[-limit:] if newest else bars[:limit]

    async def _chunk(self, spans: Sequence[Span]) -> Found:
        """The bars of adjoining spans that begin in the range."""
        bars = [] if self._store is None else await self._store.read_spans(self._symbol, spans)
        by_start = {span.start_ms: span for span in spans}
        found = {
            bar.time_ms: (by_start[bar.time_ms], bar)
            for bar in bars
            if self._from_ms <= bar.time_ms < self._to_ms
        }
        if self._invented is None:
            return list(found.values())
        made = await self._invent(self._invented, spans)
        for span, bar in reversed(made):
            known = found.get(span.start_ms)
            if known is None:
                found[span.start_ms] = span, bar
            elif self._exact_left > 0:
                self._exact_left -= 1
                whole = merge_all(await self._minutes(*span), span.start_ms)
                found[span.start_ms] = span, whole or bar
            else:
                found[span.start_ms] = span, merge(bar, known[1])
        return [found[start_ms] for start_ms in sorted(found)]

    async def _invent(self, invented: Invented, spans: Sequence[Span]) -> Found:
        """The invented bars of adjoining spans that begin in the range, a few days per iteration of
        the event loop.
        """
        step = INVENTED_DAYS if self._timeframe == "1d" else len(spans)
        made: Found = []
        for at in range(0, len(spans), step):
            part = spans[at : at + step]
            async with self._inventing.one():
                from_ms = max(self._from_ms, part[0].start_ms)
                made += invented.bars(self._timeframe, from_ms, part[-1].end_ms)
        return made

    async def _skip_back(self, before_ms: int) -> int:
        """Where the span of the newest bar before a time ends, so that long gaps cost nothing."""
        known = [self._from_ms]
        if self._store is not None:
            rows = await self._store.read(self._symbol, self._from_ms, before_ms, 1, newest=True)
            known += [self._span(row.time_ms).end_ms for row in rows]
        if self._invented is not None:
            known += [self._span(t).end_ms for t in self._invented.last_before(before_ms)]
        return max(known)

    async def _skip_on(self, after_ms: int) -> int:
        """Where the span of the oldest bar from a time on begins."""
        known = [self._border_ms]
        if self._store is not None:
            rows = await self._store.read(self._symbol, after_ms, self._border_ms, 1, newest=False)
            known += [self._span(row.time_ms).start_ms for row in rows]
        if self._invented is not None:
            known.append(max(after_ms, self._span(self._invented.first_ms).start_ms))
        return min(known)

    def _span(self, time_ms: int) -> Span:
        return span_at(self._timeframe, self._symbol, time_ms, self._calendar)


def _filled(known: list[Bar], between: list[Bar]) -> list[Bar]:
    """Minutes in order of time: the known ones, and those of ``between`` where there is no known
    one.
    """
    taken = {bar.time_ms for bar in known}
    more = [bar for bar in between if bar.time_ms not in taken]
    return sorted([*known, *more], key=lambda bar: bar.time_ms) if more else known
