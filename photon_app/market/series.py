"""The bars of one symbol in memory: its open second and minute, and the closed ones.

Owned by ``market.bars``, which alone makes series and calls them, on the event loop. The open
minute does not include its open second: a trade changes only the second, which is merged into the
minute when it closes. ``market.bars`` decides which trade is too late to be added.

Bound: the owner calls ``trim``.
"""

from collections.abc import Iterable, Mapping

from photon_app.calendar.session import Span
from photon_app.calendar.timeframes import MINUTE_MS, SECOND_MS
from photon_app.market.gaps import Gaps
from photon_app.market.merge import BarBuilder, merge, merge_all
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
        "flushed",
        "minute",
        "minutes",
        "newest_ms",
        "second",
        "seconds",
        "since_ms",
        "touched",
        "unseen",
    )

    def __init__(self, since_ms: int, gaps: Gaps) -> None:
        """Make an empty series.

        Args:
            since_ms: since when the symbol is followed, by this machine's clock.
            gaps: when the feed was down.
        """
        self._gaps = gaps
        self.begun_ms = since_ms
        self.since_ms = since_ms
        """Since when the symbol is followed without a break."""
        self.newest_ms = -1
        self.second = BarBuilder(-SECOND_MS)
        self.minute = BarBuilder(-MINUTE_MS)
        self.seconds = Ring()
        self.minutes = Ring()
        self.changes = 0
        """Increases with every change of a bar."""
        self.flushed = 0
        """The value of ``changes`` up to which bars were handed over for storage."""
        self.touched: set[int] = set()
        """Closed minutes that changed since then."""
        self.dropped = False
        self.unseen = False
        """Whether the symbol is followed but not on the tape: its trades are missed."""
        self.before: Mapping[Timeframe, tuple[Span, Bar]] = {}
        """The invented part, before the series began, of longer bars that were running then."""
        self._derived: dict[Timeframe, tuple[Span, Bar | None]] = {}
        """The part of running longer bars that comes from closed minutes."""

    # Changes

    def add(self, total: BarBuilder, time_ms: int) -> bool:
        """Add one trade, given as a bar of its own. Returns true if it is late: of a second that
        is over.
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
        """Add one regular trade of a later second of the open minute: the same as ``add``, in a
        third of the time. Most seconds begin this way.
        """
        self._close_second()
        self.second.begin(time_ms - time_ms % SECOND_MS, price, volume, time_ms)
        self._mark_second()
        self.newest_ms = max(self.newest_ms, time_ms)
        self.changes += 1

    def fill(self, bars: Iterable[Bar]) -> None:
        """Add minutes older than those in memory; minutes from a time in memory are ignored."""
        first_ms = self.first_ms
        for bar in bars:
            if first_ms is None or bar.time_ms < first_ms:
                self.minutes.merge(BarBuilder.of(bar))
                self.newest_ms = max(self.newest_ms, bar.close_ms)
        self._changed_in_memory()

    def begin_after(self, before: Mapping[Timeframe, tuple[Span, Bar]]) -> None:
        """Set the invented part of the longer bars that are running now. It is not added to the
        minutes and is not stored.
        """
        self.before = before
        self._changed_in_memory()

    def resume(self, bars: Iterable[Bar]) -> None:
        """Continue from stored minutes. Trades in memory are none of theirs: they are another part
        of the same minutes, or later.
        """
        for bar in bars:
            total = BarBuilder.of(bar)
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

    def mark_gap(self, from_ms: int, to_ms: int) -> list[int]:
        """Mark a range of time, both ends included, by the clock, in which trades may have been
        missed. Returns the times of the closed minutes that became incomplete.
        """
        if not self._gaps.possible:
            return []
        from_ms, to_ms = from_ms - self._gaps.behind_ms, to_ms - self._gaps.behind_ms
        if from_ms < self.minute.time_ms + MINUTE_MS and self.minute.time_ms <= to_ms:
            self.minute.incomplete = True
            self.changes += 1
        if from_ms < self.second.time_ms + SECOND_MS and self.second.time_ms <= to_ms:
            self.second.incomplete = True
        self.seconds.mark_incomplete(from_ms - SECOND_MS + 1, to_ms + 1)
        marked = self.minutes.mark_incomplete(from_ms - MINUTE_MS + 1, to_ms + 1)
        if marked:
            self.touched.update(marked)
            self._changed()
        return marked

    def drop(self, now_ms: int) -> None:
        """The symbol is no longer followed: drop its seconds; its minutes can still continue."""
        self.dropped = True
        self.seconds = Ring()
        self.mark_gap(now_ms, now_ms)

    def follow(self, now_ms: int) -> None:
        """The symbol is followed again, or on the tape again."""
        self.dropped = self.unseen = False
        self.since_ms = now_ms
        self.mark_gap(now_ms, now_ms)

    def leave_tape(self, now_ms: int) -> None:
        """The symbol is no longer on the tape."""
        self.unseen = True
        self.mark_gap(now_ms, now_ms)

    def trim(self, seconds: int, minutes: int) -> None:
        """Drop the oldest bars beyond these numbers."""
        self.seconds.trim(seconds)
        self.minutes.trim(minutes)

    def take_dirty(self) -> list[Bar]:
        """The minutes that changed since the last call, each whole."""
        if self.flushed == self.changes:
            return []
        self.flushed = self.changes
        bars = [bar for time in self.touched if (bar := self.minutes.get(time)) is not None]
        self.touched.clear()
        running = self.running
        return bars if running is None else [*bars, running]

    # Reads

    @property
    def running(self) -> Bar | None:
        """The open minute, with its open second."""
        total = BarBuilder(self.minute.time_ms)
        total.merge(self.minute)
        total.merge(self.second)
        return total.bar() if total.priced else None

    @property
    def first_ms(self) -> int | None:
        """When the oldest minute in memory begins."""
        if self.minutes.first_ms is not None:
            return self.minutes.first_ms
        return self.minute.time_ms if self.minute.time_ms >= 0 else None

    @property
    def first_second_ms(self) -> int | None:
        """When the oldest second in memory begins."""
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
        """The seconds for ``1s``, the minutes for any other timeframe: see ``Bars.between``."""
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
        """The bar of a span, from what is in memory. Cheap for the running one: the sum of its
        closed minutes is cached until one of them changes.
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
        """The bar of a span's closed minutes and the invented part before them."""
        closed = self.minutes.merged(*span, span.start_ms)
        before = self.before.get(timeframe)
        if before is None or before[0] != span:
            return closed
        return before[1] if closed is None else merge(before[1], closed)

    def _changed_in_memory(self) -> None:
        """Record a change that need not be stored."""
        was_flushed = self.flushed == self.changes
        self._changed()
        if was_flushed:
            self.flushed = self.changes

    def _add_late(self, total: BarBuilder) -> None:
        """Add a trade of a second that is over; its minute may be over too."""
        self.seconds.merge(total)
        total.time_ms -= total.time_ms % MINUTE_MS
        if total.time_ms == self.minute.time_ms:
            self.minute.merge(total)
            self.changes += 1
            return
        total.incomplete |= self._has_gap(total.time_ms)
        self.minutes.merge(total)
        self.touched.add(total.time_ms)
        self._changed()

    def _begin_second(self, total: BarBuilder) -> None:
        minute_ms = total.time_ms - total.time_ms % MINUTE_MS
        if minute_ms > self.minute.time_ms:
            self._begin_minute(minute_ms)
        else:
            self._close_second()
        self.second = total
        self._mark_second()

    def _mark_second(self) -> None:
        """Mark the new open second as incomplete if something of it went unseen."""
        if self.unseen or self._gaps.overlap(self.second.time_ms, self.second.time_ms + 1):
            self.second.incomplete = True

    def _close_second(self) -> None:
        if self.second.time_ms >= 0:
            self.minute.merge(self.second)
            if not self.dropped:
                self.seconds.append(self.second)

    def _begin_minute(self, minute_ms: int) -> None:
        self._close_second()
        self.second = BarBuilder(-SECOND_MS)
        if self.minute.time_ms >= 0:
            self.minutes.append(self.minute)
            self.touched.add(self.minute.time_ms)
        self._extend()
        self.minute = BarBuilder(minute_ms)
        self.minute.incomplete = self._has_gap(minute_ms)

    def _extend(self) -> None:
        """Add the closing minute to the cached longer bars."""
        for timeframe, (span, known) in list(self._derived.items()):
            total = BarBuilder(span.start_ms)
            if known is not None:
                total.merge(known)
            if self.minute.priced and span.start_ms <= self.minute.time_ms < span.end_ms:
                total.merge(self.minute)
            self._derived[timeframe] = span, total.bar() if total.priced else None

    def _has_gap(self, minute_ms: int) -> bool:
        """Whether trades of a minute may have been missed before now."""
        since_ms = self.since_ms - self._gaps.behind_ms
        unfollowed = self._gaps.possible and (self.unseen or since_ms > minute_ms)
        return unfollowed or self._gaps.overlap(minute_ms, minute_ms + MINUTE_MS)

    def _changed(self) -> None:
        self.changes += 1
        self._derived.clear()
