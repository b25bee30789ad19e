"""The newest day of each of many symbols as a line: what a list draws beside each of its prices.

Owns no bar. ``Lines.of`` is called on the event loop: for the symbols whose day is in memory it
asks nobody, for all others it puts one question to the database. A simulator's invented bars fill
what neither has. Each symbol is one piece of work (``one_at_a_time``).

The range of 52 weeks costs more, since a database has only minutes. So it is looked up once per
symbol and day, and an answer spends at most ``YEARS_S`` on it; further symbols have none until the
next answer.

Bound: the ranges of the last ``YEARS_KEPT`` symbols are cached.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from photon_app.calendar.calendar import CalendarSource
from photon_app.calendar.session import (
    MarketDay,
    Span,
    hours_on,
    market_day,
    market_day_before,
)
from photon_app.calendar.timeframes import DAY_MS, MINUTE_MS, NEVER_MS
from photon_app.errors import BusyError, StorageError
from photon_app.feed.simulated.past import SimulatedPast
from photon_app.history.followed import FollowedSymbols, Phase
from photon_app.history.invented import Invented
from photon_app.history.one_at_a_time import OneAtATime
from photon_app.market.bars import MOST_MINUTES, Bars
from photon_app.market.merge import by_span, merge, merge_all
from photon_app.model import Bar, Clock
from photon_app.storage.store import Store

STEP_MS = 5 * MINUTE_MS
MOST_POINTS = 300
"""A day of 25 hours, such as the one on which summer time ends."""
YEAR_MS = 52 * 7 * DAY_MS
SLACK_MS = 7 * DAY_MS
"""The range is known if the oldest bar is at most this much younger than 52 weeks."""
YEARS_S = 0.3
YEARS_KEPT = 4096


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One symbol's newest day; all is ``None`` or empty without a bar."""

    day_ms: int | None = None
    """When its date begins, as the bar of the day does."""
    from_ms: int | None = None
    """When its first session begins: a stock's pre-market."""
    to_ms: int | None = None
    """When its last session ends."""
    points: Sequence[tuple[int, float]] = ()
    """The start of each five minutes that have a trade, and the last price in them."""
    vwap: float | None = None
    prev_close: float | None = None
    low: float | None = None
    high: float | None = None
    low_52w: float | None = None
    high_52w: float | None = None


class Stored(NamedTuple):
    """What the database has of a symbol's newest day."""

    bars: list[Bar]
    """Of five minutes."""
    prev_close: float | None
    """The last price of the regular session before that day."""


_NOTHING = Stored([], None)


class Lines:
    """The lines of one source.

    Args:
        memory: the bars in memory.
        store: the bars on disk; ``None`` when nothing is stored.
        calendars: the exchange's days as far as they are known.
        clock: the market's clock.
        past: invents what neither has; only for a simulator.
        followed: the symbols whose newest day is in memory, among others.
        assembling: serializes the work on the event loop,
        inventing: and that of a simulator's past.
    """

    def __init__(
        self,
        memory: Bars,
        store: Store | None,
        *,
        calendars: CalendarSource,
        clock: Clock,
        past: SimulatedPast | None,
        followed: FollowedSymbols,
        assembling: OneAtATime,
        inventing: OneAtATime,
    ) -> None:
        self._memory = memory
        self._store = store
        self._calendars = calendars
        self._clock = clock
        self._past = past
        self._followed = followed
        self._assembling = assembling
        self._inventing = inventing
        self._years: OrderedDict[tuple[str, int], tuple[float, float] | None] = OrderedDict()

    async def of(self, symbols: Sequence[str]) -> tuple[list[Line], bool]:
        """The lines of some symbols, in their order; and whether some may be incomplete, because
        the database did not answer.

        Raises:
            BusyError: too many questions wait for the database.
        """
        stored, partial = await self._stored([s for s in symbols if not self._has_day(s)])
        lines: list[Line] = []
        until_s = _now_s() + YEARS_S
        for symbol in symbols:
            line = await self._line(symbol, stored.get(symbol, _NOTHING))
            if line.day_ms is not None and not partial:
                line = await self._with_year(symbol, line, until_s)
            lines.append(line)
        return lines, partial

    def _has_day(self, symbol: str) -> bool:
        """Whether memory has the whole of a symbol's newest day."""
        one = self._followed.get(symbol)
        return one is not None and one.phase is Phase.READ

    async def _stored(self, symbols: Sequence[str]) -> tuple[Mapping[str, Stored], bool]:
        """What the database has of the newest day of some symbols, before the time from which on
        memory has it.
        """
        if self._store is None or not symbols:
            return {}, False
        calendar, now_ms = self._calendars.calendar, self._clock.now_ms()
        until = {symbol: self._memory.first_ms(symbol) or NEVER_MS for symbol in symbols}
        newest = {symbol: self._newest_ms(symbol, now_ms) for symbol in symbols}

        def windows(symbol: str, newest_ms: int) -> tuple[Span, Span]:
            day = market_day(symbol, max(newest_ms, newest[symbol]), calendar)
            before = market_day_before(symbol, day, calendar)
            end_ms = min(until[symbol], day.end_ms)
            return Span(day.start_ms, end_ms), Span(before.start_ms, before.close_ms)

        try:
            found = await self._store.newest_days(symbols, windows, MOST_MINUTES, _day_of)
        except BusyError:
            raise
        except StorageError:
            return {}, True
        return found, False

    def _newest_ms(self, symbol: str, now_ms: int) -> int:
        """A time in the newest day, as far as it is known without the database; else 0."""
        newest_ms = self._memory.newest_ms(symbol) or 0
        return newest_ms if self._past is None else max(newest_ms, now_ms)

    async def _line(self, symbol: str, stored: Stored) -> Line:
        calendar, now_ms = self._calendars.calendar, self._clock.now_ms()
        invented: Sequence[Bar] = ()
        if self._past is not None:
            begun = self._followed.begun(symbol)
            until_ms = now_ms if begun is None else begun.time_ms
            # The newest day may be over, and the next one not traded yet.
            newest_ms = max(until_ms, self._memory.newest_ms(symbol) or 0)
            # If it was traded since that day began, there is nothing to invent.
            if begun is None or until_ms > self._past.hours_at(symbol, newest_ms).begins_ms:
                async with self._inventing.one():
                    invented = Invented(self._past, symbol, until_ms, calendar, begun).newest_day()
        async with self._assembling.one():
            traded = _joined(stored.bars, _fives(self._memory.between(symbol, "1m")))
            if not traded and not invented:
                return Line()
            bars = _filled(traded, invented)
            day = market_day(symbol, bars[-1].time_ms, calendar)
            prev_close = stored.prev_close
            if prev_close is None and self._past is not None:
                prev_close = self._past.prev_close(symbol, bars[-1].time_ms)
            return _drawn(symbol, day, bars, prev_close)

    # The range of 52 weeks

    async def _with_year(self, symbol: str, line: Line, until_s: float) -> Line:
        """A line with its range, if that is known or can be looked up in time."""
        day_ms = line.day_ms
        assert day_ms is not None
        key = symbol, day_ms
        if key not in self._years:
            if _now_s() >= until_s:
                return line
            try:
                self._years[key] = await self._year(symbol, day_ms)
            except StorageError:
                return line
            if len(self._years) > YEARS_KEPT:
                self._years.popitem(last=False)
        self._years.move_to_end(key)
        year = self._years[key]
        if year is None or line.low is None or line.high is None:
            return line
        low, high = min(year[0], line.low), max(year[1], line.high)
        return msgspec.structs.replace(line, low_52w=low, high_52w=high)

    async def _year(self, symbol: str, day_ms: int) -> tuple[float, float] | None:
        """The lowest and highest price of the 52 weeks before a day; ``None`` if the history is
        shorter. Of invented days only the closes count.
        """
        if self._past is not None:
            async with self._inventing.one():
                return self._past.closes_between(symbol, day_ms - YEAR_MS, day_ms)
        if self._store is None:
            return None
        from_ms = day_ms - YEAR_MS
        return await self._store.extremes(symbol, from_ms, day_ms, since_ms=from_ms + SLACK_MS)


def _drawn(symbol: str, day: MarketDay, bars: Sequence[Bar], prev_close: float | None) -> Line:
    """The line of a day from bars of five minutes, the oldest first; others are left out."""
    of_day = [bar for bar in bars if day.start_ms <= bar.time_ms < day.end_ms]
    # What was traded after the last session does not count, unless there is nothing else.
    of_day = [bar for bar in of_day if bar.time_ms < day.done_ms] or of_day
    whole = merge_all(of_day, day.date_ms)
    if whole is None:
        return Line()
    from_ms, to_ms = hours_on(symbol, day) or (day.start_ms, day.done_ms)
    return Line(
        day_ms=day.date_ms,
        from_ms=min(from_ms, of_day[0].time_ms),
        to_ms=max(to_ms, of_day[-1].time_ms + STEP_MS),
        points=[(bar.time_ms, bar.close) for bar in of_day[-MOST_POINTS:]],
        vwap=whole.vwap,
        prev_close=prev_close,
        low=whole.low,
        high=whole.high,
    )


def _day_of(minutes: Iterable[Bar], close: float | None) -> Stored:
    """What the database has, in bars of five minutes; called in the thread that reads."""
    return Stored(_fives(minutes), close)


def _fives(minutes: Iterable[Bar]) -> list[Bar]:
    """Minutes as bars of five, the oldest first."""
    return [bar for _, bar in by_span(minutes, _five_at)]


def _five_at(time_ms: int) -> Span:
    start_ms = time_ms - time_ms % STEP_MS
    return Span(start_ms, start_ms + STEP_MS)


def _joined(older: Sequence[Bar], newer: Sequence[Bar]) -> list[Bar]:
    """Bars of five minutes of which the last and the first may be two parts of one."""
    if older and newer and older[-1].time_ms == newer[0].time_ms:
        return [*older[:-1], merge(older[-1], newer[0]), *newer[1:]]
    return [*older, *newer]


def _filled(traded: Iterable[Bar], invented: Iterable[Bar]) -> list[Bar]:
    """Traded bars of five minutes, with invented ones where there are none; in the five minutes in
    which trades began, what was invented until then is part of the bar.
    """
    bars = {bar.time_ms: bar for bar in invented}
    for bar in traded:
        made = bars.get(bar.time_ms)
        led_there = made is not None and made.close_ms < bar.open_ms
        bars[bar.time_ms] = merge(made, bar) if made is not None and led_there else bar
    return [bars[at] for at in sorted(bars)]


def _now_s() -> float:
    return asyncio.get_running_loop().time()
