"""The bars of one symbol in memory: its open second and minute, and those that are closed.

Owned by ``market.bars``, which alone makes series and calls them, on the event loop. The open
minute is without what its open second has: a trade changes the second only, and a second the minute
when it closes. Which trade is too late to be taken in is ``market.bars``' to say.

Bound: its owner calls ``trim``.
"""

from collections.abc import Iterable, Mapping

from photon_app.calendar.session import Span
from photon_app.calendar.timeframes import MINUTE_MS, SECOND_MS
from photon_app.market.gaps import Gaps
from photon_app.market.merge import Sum, merge, merge_all
from photon_app.market.ring import Ring
from photon_app.model import Bar, Timeframe


class Series:
    """The bars of one symbol."""

    __slots__ = (
        "_derived",
        "_gaps",
        "before",
        "begun_ms",
        "changes",
        "dropped",
        "minute",
        "minutes",
        "newest_ms",
        "second",
        "seconds",
        "since_ms",
        "told",
        "touched",
        "unseen",
    )

    def __init__(self, since_ms: int, gaps: Gaps) -> None:
        """Make an empty one.

        Args:
            since_ms: since when the symbol is followed, by the clock.
            gaps: when the feed was down.
        """
        self._gaps = gaps
        self.begun_ms = since_ms
        self.since_ms = since_ms
        """Since when it is followed without a break."""
        self.newest_ms = -1
        self.second = Sum(-SECOND_MS)
        self.minute = Sum(-MINUTE_MS)
        self.seconds = Ring()
        self.minutes = Ring()
        self.changes = 0
        """Grows with everything that changes a bar."""
        self.told = 0
        """How much of that was handed over for storage."""
        self.touched: set[int] = set()
        """Closed minutes that changed since."""
        self.dropped = False
        self.unseen = False
        """Whether it is not on the tape: its trades go unseen, though it is followed."""
        self.before: Mapping[Timeframe, tuple[Span, Bar]] = {}
        """Of longer bars that ran when it began, what was made up of the time before."""
        self._derived: dict[Timeframe, tuple[Span, Bar | None]] = {}
        """Of the running longer bars, what the closed minutes have."""

    # What changes it

    def add(self, total: Sum, time_ms: int) -> bool:
        """Take in one trade, given as a bar of its own; true when it is late: of a second that is
        over.
        """
        if time_ms > self.newest_ms:  # noqa: PLR1730 - a call costs more than all of this
            self.newest_ms = time_ms
        total.time_ms = second_ms = time_ms - time_ms % SECOND_MS
        if second_ms >= self.second.time_ms and second_ms >= self.minute.time_ms:
            if second_ms > self.second.time_ms:
                self._begin_second(total)
            else:
                self.second.merge(total)
            self.changes += 1
            return False
        self._add_late(total)
        return True

    def next_second(self, price: float, volume: float, time_ms: int) -> None:
        """Take in one regular trade that is of a later second of the open minute: as ``add``, in a
        third of the time. Most seconds begin so.
        """
        second = self.second
        self.minute.merge(second)
        if not self.dropped:
            self.seconds.append(second)
        second.begin(time_ms - time_ms % SECOND_MS, price, volume, time_ms)
        if self.unseen or self._gaps.cut(second.time_ms, second.time_ms + 1):
            second.incomplete = True
        self.newest_ms = max(self.newest_ms, time_ms)
        self.changes += 1

    def fill(self, bars: Iterable[Bar]) -> None:
        """Learn minutes from before what is here; those from a time that is here are left alone."""
        first_ms = self.first_ms
        for bar in bars:
            if first_ms is None or bar.time_ms < first_ms:
                self.minutes.merge(Sum.of(bar))
                self.newest_ms = max(self.newest_ms, bar.close_ms)
        self._changed_untold()

    def begin_after(self, before: Mapping[Timeframe, tuple[Span, Bar]]) -> None:
        """Of longer bars that run now, this was made up of the time before. It is no minute here,
        and none to be stored.
        """
        self.before = before
        self._changed_untold()

    def resume(self, bars: Iterable[Bar]) -> None:
        """Go on from minutes of which what is here is another part, or comes after."""
        for bar in bars:
            total = Sum.of(bar)
            if bar.time_ms == self.minute.time_ms:
                total.merge(self.minute)
                self.minute = total
            elif bar.time_ms > self.minute.time_ms:
                self._begin_minute(bar.time_ms)
                self.minute = total
            else:
                if self.minutes.get(bar.time_ms) is not None:
                    self.touched.add(bar.time_ms)
                self.minutes.merge(total)
            self.newest_ms = max(self.newest_ms, bar.close_ms)
        self._changed()

    def cut(self, from_ms: int, to_ms: int) -> list[int]:
        """Something between two moments went unseen, both included, by the clock. Returns the times
        of the closed minutes that are incomplete now and were not.
        """
        if not self._gaps.possible:
            return []
        from_ms, to_ms = from_ms - self._gaps.behind_ms, to_ms - self._gaps.behind_ms
        if from_ms < self.minute.time_ms + MINUTE_MS and self.minute.time_ms <= to_ms:
            self.minute.incomplete = True
            self.changes += 1
        if from_ms < self.second.time_ms + SECOND_MS and self.second.time_ms <= to_ms:
            self.second.incomplete = True
        self.seconds.spoil(from_ms - SECOND_MS + 1, to_ms + 1)
        spoiled = self.minutes.spoil(from_ms - MINUTE_MS + 1, to_ms + 1)
        if spoiled:
            self.touched.update(spoiled)
            self._changed()
        return spoiled

    def drop(self, now_ms: int) -> None:
        """It is not followed any more: its seconds go, its minutes can still be gone on with."""
        self.dropped = True
        self.seconds = Ring()
        self.cut(now_ms, now_ms)

    def follow(self, now_ms: int) -> None:
        """It is followed again, or on the tape again."""
        self.dropped = self.unseen = False
        self.since_ms = now_ms
        self.cut(now_ms, now_ms)

    def lose(self, now_ms: int) -> None:
        """It is not on the tape any more."""
        self.unseen = True
        self.cut(now_ms, now_ms)

    def trim(self, seconds: int, minutes: int) -> None:
        """Keep no more than so many."""
        self.seconds.trim(seconds)
        self.minutes.trim(minutes)

    def take_dirty(self) -> list[Bar]:
        """The minutes that changed since the last call, each whole."""
        if self.told == self.changes:
            return []
        self.told = self.changes
        bars = [bar for time in self.touched if (bar := self.minutes.get(time)) is not None]
        self.touched.clear()
        running = self.running
        return bars if running is None else [*bars, running]

    # What it has

    @property
    def running(self) -> Bar | None:
        """The open minute, with its open second."""
        total = Sum(self.minute.time_ms)
        total.merge(self.minute)
        total.merge(self.second)
        return total.bar() if total.priced else None

    @property
    def first_ms(self) -> int | None:
        """When its oldest minute begins."""
        if self.minutes.first_ms is not None:
            return self.minutes.first_ms
        return self.minute.time_ms if self.minute.time_ms >= 0 else None

    @property
    def first_second_ms(self) -> int | None:
        """When its oldest second begins."""
        if self.seconds.first_ms is not None:
            return self.seconds.first_ms
        return self.second.time_ms if self.second.priced else None

    def between(
        self,
        timeframe: Timeframe,
        from_ms: int,
        to_ms: int,
        *,
        oldest: int | None = None,
        newest: int | None = None,
    ) -> list[Bar]:
        """Its seconds, or its minutes for any other timeframe: see ``Bars.between``."""
        if timeframe == "1s":
            ring, time_ms = self.seconds, self.second.time_ms
            running = self.second.bar() if self.second.priced else None
        else:
            ring, time_ms, running = self.minutes, self.minute.time_ms, self.running
        bars = list(ring.between(from_ms, to_ms, oldest=oldest, newest=newest))
        if running is not None and from_ms <= time_ms < to_ms:
            bars.append(running)
        return bars

    def bar(self, timeframe: Timeframe, span: Span) -> Bar | None:
        """The bar of a span, as far as memory goes. Cheap for the running one: what its closed
        minutes have is remembered until one of them changes.
        """
        if timeframe == "1s":
            return next(iter(self.between("1s", *span)), None)
        if not span.start_ms <= self.minute.time_ms < span.end_ms:
            return self._closed(timeframe, span)
        known = self._derived.get(timeframe)
        if known is None or known[0] != span:
            known = span, self._closed(timeframe, span)
            self._derived[timeframe] = known
        parts = [bar for bar in (known[1], self.running) if bar is not None]
        return merge_all(parts, span.start_ms)

    # Inside

    def _closed(self, timeframe: Timeframe, span: Span) -> Bar | None:
        """What the closed minutes of a span have, and what was made up before them."""
        closed = self.minutes.merged(*span, span.start_ms)
        before = self.before.get(timeframe)
        if before is None or before[0] != span:
            return closed
        return before[1] if closed is None else merge(before[1], closed)

    def _changed_untold(self) -> None:
        """Something changed that need not be stored."""
        handed_over = self.told == self.changes
        self._changed()
        if handed_over:
            self.told = self.changes

    def _add_late(self, total: Sum) -> None:
        """A trade of a second that is over; its minute may be too."""
        self.seconds.merge(total)
        total.time_ms -= total.time_ms % MINUTE_MS
        if total.time_ms == self.minute.time_ms:
            self.minute.merge(total)
            self.changes += 1
            return
        total.incomplete |= self._is_cut(total.time_ms)
        self.minutes.merge(total)
        self.touched.add(total.time_ms)
        self._changed()

    def _begin_second(self, total: Sum) -> None:
        minute_ms = total.time_ms - total.time_ms % MINUTE_MS
        if minute_ms > self.minute.time_ms:
            self._begin_minute(minute_ms)
        else:
            self._close_second()
        self.second = total
        if self.unseen or self._gaps.cut(total.time_ms, total.time_ms + 1):
            total.incomplete = True

    def _close_second(self) -> None:
        if self.second.time_ms >= 0:
            self.minute.merge(self.second)
            if not self.dropped:
                self.seconds.append(self.second)

    def _begin_minute(self, minute_ms: int) -> None:
        self._close_second()
        self.second = Sum(-SECOND_MS)
        if self.minute.time_ms >= 0:
            self.minutes.append(self.minute)
            self.touched.add(self.minute.time_ms)
        self._extend()
        self.minute = Sum(minute_ms)
        self.minute.incomplete = self._is_cut(minute_ms)

    def _extend(self) -> None:
        """The open minute closes: what is remembered of longer bars has it too."""
        for timeframe, (span, known) in list(self._derived.items()):
            total = Sum(span.start_ms)
            if known is not None:
                total.merge(known)
            if self.minute.priced and span.start_ms <= self.minute.time_ms < span.end_ms:
                total.merge(self.minute)
            self._derived[timeframe] = span, total.bar() if total.priced else None

    def _is_cut(self, minute_ms: int) -> bool:
        """Whether something of a minute went unseen before now."""
        since_ms = self.since_ms - self._gaps.behind_ms
        unfollowed = self._gaps.possible and (self.unseen or since_ms > minute_ms)
        return unfollowed or self._gaps.cut(minute_ms, minute_ms + MINUTE_MS)

    def _changed(self) -> None:
        self.changes += 1
        self._derived.clear()
