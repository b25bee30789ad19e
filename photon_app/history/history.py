"""History: the bars in memory and those on disk as one.

Of a simulator memory and disk have what was traded; what it made up of the time before is made when
somebody asks, and kept nowhere. Anybody may invent a name, and it trades: so disk gets the minutes
of symbols that are wanted for ever, and of ``KEPT`` others that have been followed for
``KEPT_AFTER_MS``, the longest followed first (``followed``). That is at most ``KEPT`` rows a
minute, whatever clients want.

Owns the way of minutes from memory to disk and back: ``run`` is a task of ``runtime``, everything
else is called on the event loop. Memory has everything from a symbol's ``first_ms`` on, disk what
came before, so a question never has to weigh one against the other. The feed never waits: disk is
told with ``Store.put``, which returns at once, and when disk does not answer, a question is
answered from memory and says so.

Bounds: one turn a second, in which disk is asked for the days of ``FILLED`` symbols.
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
from photon_app.history.one_at_a_time import OneAtATime
from photon_app.history.question import Question
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
"""Bars that a new file is given in one turn."""
TURN_S = 1.0
FILLED = 200
AHEAD_MS = 60_000
"""How far ahead of the market's clock a bar may begin, as the book lets a trade."""
FUTURE_MS = 86_400_000
"""What begins later than that is of a clock that was wrong: no tape is so far ahead."""
log = logging.getLogger(__name__)


class Recalls(Protocol):
    """What takes in a day that was looked up: ``Market``, as far as it matters here."""

    def recall(self, symbol: str, what: Recollection) -> None:
        """What a symbol's newest day came to before now."""
        ...


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
        calendars: CalendarSource,
        clock: Clock,
        past: SimulatedPast | None = None,
        book: Recalls | None = None,
        always: Container[str] = (),
        replays: bool = False,
    ) -> None:
        """Join them.

        Args:
            bars: what memory has.
            store: what disk has; ``None`` when nothing is stored.
            calendars: the exchange's days as they are known.
            clock: the market's.
            past: what makes up the time of which neither has a minute; only a simulator has one.
            book: is told of each symbol's newest day so far when it was looked up.
            always: the symbols of a simulator that are always stored.
            replays: whether a new epoch is a recording that begins from its start.
        """
        self.memory = bars
        self._store = store
        self._calendars = calendars
        self._clock = clock
        self._past = past
        self._book = book
        self.assembling = OneAtATime()
        """In which answers are put together, here and by whoever writes them."""
        self._inventing = OneAtATime(rests=True)
        self._replays = replays
        self._followed = FollowedSymbols(limited=past is not None, always=always)
        self._lost: deque[str] = deque()
        """The symbols that a new file is still to be given."""
        self._since: dict[str, int | None] = {}
        """When each series on disk begins, as it was asked for since the last turn."""

    @property
    def unread(self) -> list[str]:
        """The followed symbols whose day was not looked up on disk yet."""
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
            except Exception:  # bars of every later turn hang on this one
                log.exception("a turn of the history failed; it goes on")
            await asyncio.sleep(TURN_S)

    async def finish(self) -> None:
        """Hand over what is left, when nothing more comes."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TURN_S):
                await self._fill()
        self.flush()

    def flush(self) -> None:
        """Hand every minute that changed over to disk. A symbol whose day was not looked up yet
        waits: disk may have a part of its minute.
        """
        self.memory.tick()
        self._followed.grant(self._clock.now_ms())
        dirty = self.memory.take_dirty(self._followed.unwritten)
        if self._store is not None:
            for symbol, bars in dirty:
                self._store.put(symbol, bars)

    def follow(self, symbol: str) -> None:
        """A symbol is followed from now on; its day is looked up on disk, unless memory still has
        it.
        """
        phase = Phase.UNREAD if self.memory.follow(symbol) else Phase.READ
        self._followed.follow(symbol, self._clock.now_ms(), phase)

    def drop(self, symbol: str) -> None:
        """A symbol is let go; what disk has not of it is handed over."""
        self.memory.drop(symbol)
        dirty = self.memory.take_dirty_of(symbol)
        if self._store is not None and self._followed.is_stored(symbol):
            self._store.put(symbol, dirty)
        self._followed.drop(symbol)

    def resume(self, stored: Mapping[str, Sequence[Bar]]) -> None:
        """Go on from what an earlier process stored last. Its newest minutes were cut off. What it
        stored of days to come, by a clock that was wrong, stays on disk.
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
        """A new, empty file has taken the place of the old one: it is given what memory has, some
        symbols at a time.
        """
        self._since.clear()
        self._lost = deque(s for s in self.memory.symbols if self._followed.is_stored(s))

    async def last_prices(self, symbol: str) -> tuple[float | None, float | None]:
        """Where a simulator goes on from: the price that disk has last of the newest trading day,
        if that day still runs or was seen to its end; and the close of the day before, if it was
        seen.
        """
        if self._store is None:
            return None, None
        now_ms, calendar = self._clock.now_ms(), self._calendars.calendar
        return await days.last_prices(self._store, symbol, now_ms, calendar)

    def hear(self, fact: MarketFact) -> None:
        """Take one fact of the market: a price that a simulator began, or a recording's start."""
        match fact:
            case PriceBegan():
                self.began(fact.symbol, fact.time_ms, fact.price)
            case EpochBegan() if self._replays:
                self.begin_anew()
            case _:
                pass

    def began(self, symbol: str, time_ms: int, price: float) -> None:
        """A simulator began a symbol: what it makes up of the time before leads to this price, and
        stands where disk and memory have nothing.
        """
        if (one := self._followed.get(symbol)) is not None:
            one.begun = Begun(time_ms, price)
        self._tell_day(symbol)

    def begin_anew(self) -> None:
        """A recording begins from its start: the bars of its last pass are replaced."""
        self.memory.clear()
        self._since.clear()
        if self._store is not None:
            self._store.replace()

    async def _fill(self) -> None:
        """Give memory the newest day so far of symbols that are newly followed."""
        if self._store is not None and not await self._store.opened(0):
            return
        for symbol in self._followed.unread[:FILLED]:
            try:
                stored, prev_close = await self._look_up(symbol)
            except StorageError:
                return
            async with self.assembling.one():
                one = self._followed.get(symbol)  # it may have been let go meanwhile
                if one is not None and one.phase is Phase.UNREAD:
                    self._take(symbol, stored, one.read(), prev_close)

    async def _look_up(self, symbol: str) -> tuple[Sequence[Bar], float | None]:
        """What disk has of a symbol's newest trading day, and the close before that day. Where it
        has nothing of that day, the last one that it has, unless the symbol traded already or a
        simulator makes up its past.
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
        """Memory gets what was stored before it began, and what was stored of its own minutes, but
        for those that it knows already.
        """
        if stored or known:
            stored = [bar for bar in stored if bar.time_ms not in known]
            begin_ms = self._memory_begins(symbol)
            self.memory.resume(symbol, [bar for bar in stored if bar.time_ms >= begin_ms])
            self.memory.fill(symbol, [bar for bar in stored if bar.time_ms < begin_ms])
            self._tell_day(symbol, prev_close=prev_close)

    def _memory_begins(self, symbol: str) -> int:
        first_ms, now_ms = self.memory.first_ms(symbol), self._clock.now_ms()
        return now_ms - now_ms % MINUTE_MS if first_ms is None else first_ms

    def _tell_day(self, symbol: str, prev_close: float | None = None) -> None:
        """Say what a symbol's newest day came to so far, by memory and by what is made up."""
        minutes, calendar = self.memory.between(symbol, "1m"), self._calendars.calendar
        begun = self._followed.begun(symbol)
        if self._past is not None and begun is not None:
            made_up = days.made_up(self._past, symbol, begun, {bar.time_ms for bar in minutes})
            running = days.running_at(symbol, begun.time_ms, made_up, calendar)
            self.memory.begin_after(symbol, running)
            minutes = sorted([*made_up, *minutes], key=lambda bar: bar.time_ms)
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
        """Put a part of what a file lost."""
        left = RESTORED
        while self._lost and left > 0 and self._store is not None:
            symbol = self._lost.popleft()
            bars = self.memory.between(symbol, "1m")
            self._store.put(symbol, bars)
            left -= len(bars)
            await asyncio.sleep(0)

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
        now_ms, calendar = self._clock.now_ms(), self._calendars.calendar
        tape_ms = max(now_ms, self.memory.newest_ms(symbol) or 0)  # it may be ahead of the clock
        top_ms = min(to_ms if to_ms is not None else NEVER_MS, tape_ms + AHEAD_MS)
        invented = None
        if self._past is not None and timeframe != "1s":
            begun = self._followed.begun(symbol)
            invented = Invented(self._past, symbol, now_ms, calendar, begun)
        while True:
            question = Question(
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
            found = await (question.newest(limit) if from_ms is None else question.oldest(limit))
            if (self.memory.first_ms(symbol) or NEVER_MS) <= question.memory_ms:
                break  # else memory let some go after disk was asked for those before
        since_ms = await self._begin(symbol, timeframe, question)
        if invented is not None:
            first_ms = span_at(timeframe, symbol, invented.first_ms, calendar).start_ms
            since_ms = first_ms if since_ms is None else min(since_ms, first_ms)
        return Past(
            [bar for _, bar in found], [s.end_ms for s, _ in found], since_ms, question.partial
        )

    async def _begin(self, symbol: str, timeframe: Timeframe, question: Question) -> int | None:
        """When the oldest bar begins, as far as anything is known. What disk says is remembered
        until the next turn.
        """
        if timeframe == "1s":
            return self.memory.first_second_ms(symbol)
        if self._store is not None and symbol not in self._since:
            try:
                self._since[symbol] = await self._store.first_ms(symbol)
            except StorageError:
                question.partial = True
        stored = self._since.get(symbol)
        known = [ms for ms in (stored, self.memory.first_ms(symbol)) if ms is not None]
        return min(known, default=None)
