"""Bars: what each symbol's trades came to in every second and every minute.

One ``Bars`` folds the trades of one source. Synchronous and total; called on the event loop only
(or by a command that reads a recording). It judges nothing: it is given the trades that count
(``market.book``) with what their conditions let them do. Seconds stay in memory for some hours,
minutes for a day or so; ``storage`` keeps the minutes for years, and longer bars are derived
from minutes by ``market.merge``, here for those that still run.

Rules (docs/market-data.md has the reasons):

- a trade belongs into the second and minute of the exchange's time; a span without one has no bar;
- the open is the earliest trade's, the close the latest's, by the exchange's time;
- a trade older than its symbol's newest by up to ``LATE_MS`` corrects its bar, an older one is
  dropped and counted;
- a trade that is volume only counts in a bar that has a price, and waits in it for one;
- a bar is final ``GRACE_MS`` after its end, on the market's clock;
- a bar is incomplete when the feed was down, or did not follow the symbol, in a part of its span.

Bounds: of each symbol ``MOST_MINUTES``, so that its running day is always whole (some 135 KB), and
``MOST_SECONDS``; of all seconds ``SECONDS_KEPT``, shared evenly, so many the fewer of each. Symbols
that are let go are forgotten when no trade can be late for them any more.
"""

from collections import deque
from collections.abc import Callable, Container, Iterable

import msgspec

from photon_app.market.calendar import Calendar
from photon_app.market.conditions import REGULAR, Effect
from photon_app.market.merge import Sum, merge_all
from photon_app.market.ring import Ring
from photon_app.market.session import Day
from photon_app.market.timeframes import MINUTE_MS, SECOND_MS, span_at
from photon_app.model import Bar, Timeframe, Trade

LATE_MS = 300_000
"""How far behind its symbol's newest trade a trade may be. The tapes report within 10 s; what comes
later is a correction by hand, or a line that was held up."""
GRACE_MS = 2_000
"""How long after its end a bar waits for trades that are on their way."""
MOST_SECONDS = 4 * 3600
MOST_MINUTES = 1_500
"""A day of 25 hours, as when summer time ends."""
SECONDS_KEPT = 1_000_000
LEAST_KEPT = 600
"""Of each symbol, however many there are."""
_GAPS = 64


class Counters(msgspec.Struct):
    """How many trades went where, since the start."""

    folded: int = 0
    """Those that counted in a bar, as they came or late."""
    late: int = 0
    """Those of them that came after a bar later than theirs had begun."""
    too_late: int = 0
    """Counted in no bar: more than ``LATE_MS`` behind."""


class Series:
    """The bars of one symbol. Private to ``Bars``."""

    __slots__ = (
        "begun_ms",
        "changes",
        "derived",
        "dropped",
        "minute",
        "minutes",
        "newest_ms",
        "second",
        "seconds",
        "since_ms",
        "told",
        "touched",
    )

    def __init__(self, since_ms: int) -> None:
        self.since_ms = self.begun_ms = since_ms
        """Since when the symbol is followed."""
        self.newest_ms = -1
        self.second = Sum(-SECOND_MS)
        self.minute = Sum(-MINUTE_MS)
        """Without what its open second has."""
        self.seconds = Ring()
        self.minutes = Ring()
        self.changes = 0
        """Grows with everything that changes a bar."""
        self.told = 0
        """How much of that was handed over for storage."""
        self.touched: set[int] = set()
        """Closed minutes that changed since."""
        self.derived: dict[Timeframe, tuple[Day, Bar | None]] = {}
        """Of the running longer bars, what the closed minutes have."""
        self.dropped = False

    @property
    def running(self) -> Bar | None:
        """The open minute."""
        total = Sum(self.minute.time_ms)
        total.merge(self.minute)
        total.merge(self.second)
        return total.bar() if total.priced else None


class Bars:
    """Seconds and minutes of one source."""

    def __init__(
        self,
        *,
        now_ms: Callable[[], int],
        follow_all: bool = False,
        gaps: bool = True,
        capacity: int = 2000,
    ) -> None:
        """Make an empty one.

        Args:
            now_ms: the market's clock.
            follow_all: every symbol that trades is followed.
            gaps: whether trades can go unseen. A recording is complete as far as it goes, and so
                is what is invented.
            capacity: the most symbols.
        """
        self._now_ms = now_ms
        self._follow_all = follow_all
        self._capacity = capacity
        self._series: dict[str, Series] = {}
        self._has_gaps = gaps
        self._down_ms: int | None = -1
        self._gaps: deque[tuple[int, int]] = deque(maxlen=_GAPS)
        self.on_correction: Callable[[str, int], None] = lambda _symbol, _time_ms: None
        """Told of each trade that may change a bar that is final: its symbol and time."""
        self.counters = Counters()

    # What the feed side calls

    def fold(self, trade: Trade, effect: Effect = REGULAR) -> None:
        """Fold in one trade that counts.

        Args:
            trade: of volume 0 it is a price only.
            effect: what its conditions let it do, at least one thing.
        """
        series = self._series.get(trade.symbol) or self._newcomer(trade.symbol)
        if series is None:
            return
        time_ms = trade.time_ms
        total = series.second
        if effect is REGULAR and total.firm and 0 <= time_ms - total.time_ms < SECOND_MS:
            price, volume = trade.price, trade.volume
            if price > total.high:  # noqa: PLR1730 - a call costs more than all of this
                total.high = price
            if price < total.low:  # noqa: PLR1730
                total.low = price
            total.volume += volume
            total.turnover += price * volume
            total.count += 1
            if time_ms >= total.close_ms:
                total.close, total.close_ms = price, time_ms
                series.newest_ms = time_ms
            elif time_ms < total.open_ms:
                total.open, total.open_ms = price, time_ms
            series.changes += 1
            self.counters.folded += 1
            return
        self._add(trade.symbol, series, _single(trade, effect), time_ms)

    def sample(self, symbol: str, price: float, time_ms: int) -> None:
        """A price that was asked for: between two of them anything may have happened."""
        series = self._series.get(symbol) or self._newcomer(symbol)
        if series is not None and time_ms >= series.begun_ms - LATE_MS:
            total = _single(Trade(symbol, price, 0, time_ms), REGULAR)
            total.count, total.incomplete = 0, True
            self._add(symbol, series, total, time_ms)

    def follow(self, symbol: str) -> bool:
        """The symbol is followed from now on, where it was not; whether nothing of it is here."""
        series = self._series.get(symbol)
        if series is None:
            self._series[symbol] = Series(self._now_ms())
            return True
        if series.dropped:
            series.dropped = False
            series.since_ms = self._now_ms()
            self._cut(series, series.since_ms)
        return False

    def drop(self, symbol: str) -> None:
        """The symbol is not followed any more: its seconds go at once, its minutes with ``tick``
        when no late trade can come, should it be followed again by then.
        """
        series = self._series.get(symbol)
        if series is not None and not self._follow_all:
            series.dropped = True
            series.seconds = Ring()
            self._cut(series, self._now_ms())

    def flowing(self, *, flows: bool) -> None:
        """Whether trades can come now; bars that run meanwhile are incomplete."""
        if flows is (self._down_ms is None):
            return
        now_ms = self._now_ms()
        if not flows:
            self._down_ms = now_ms
        elif self._down_ms is not None:
            self._gaps.append((self._down_ms, now_ms))
            self._down_ms = None
        for series in self._series.values():
            self._cut(series, now_ms)

    def clear(self) -> None:
        """Forget every bar: a recording begins anew, and each symbol with its first trade."""
        self._series.clear()

    def fill(self, symbol: str, bars: Iterable[Bar]) -> None:
        """Learn minutes from before what is here, as from storage; those from a time that is here
        are left alone. Nothing of it has to be stored.
        """
        series = self._series.get(symbol) or self._newcomer(symbol)
        if series is None:
            return
        first_ms = self._first_ms(series)
        for bar in bars:
            if first_ms is None or bar.time_ms < first_ms:
                series.minutes.merge(Sum.of(bar))
        handed_over = series.told == series.changes
        self._changed(series)
        if handed_over:
            series.told = series.changes

    def resume(self, symbol: str, bars: Iterable[Bar]) -> bool:
        """Go on from minutes that were stored before the symbol was followed: trades of before and
        after are in one bar then. False when the symbol is not followed.
        """
        series = self._series.get(symbol) or self._newcomer(symbol)
        if series is None:
            return False
        for bar in bars:
            total = Sum.of(bar)
            if bar.time_ms == series.minute.time_ms:
                total.merge(series.minute)
                series.minute = total
            elif bar.time_ms > series.minute.time_ms:
                self._begin_minute(series, bar.time_ms)
                series.minute = total
            else:
                known = series.minutes.get(bar.time_ms)
                series.minutes.merge(total)
                if known is not None:
                    series.touched.add(bar.time_ms)
            series.newest_ms = max(series.newest_ms, bar.close_ms)
        self._changed(series)
        return True

    def tick(self) -> None:
        """Once a second: forget what is too old, and symbols that were let go."""
        share = max(1, len(self._series))
        seconds = min(MOST_SECONDS, max(LEAST_KEPT, SECONDS_KEPT // share))
        before_ms = self._now_ms() - LATE_MS - MINUTE_MS
        for symbol, series in list(self._series.items()):
            series.seconds.trim(seconds)
            series.minutes.trim(MOST_MINUTES)
            if series.dropped and series.newest_ms < before_ms and series.told == series.changes:
                del self._series[symbol]

    def take_dirty(self, later: Container[str] = ()) -> list[tuple[str, list[Bar]]]:
        """The minutes that changed since the last call, by symbol, each whole; without those of
        symbols that are to be taken later.
        """
        dirty = []
        for symbol, series in self._series.items():
            if series.told == series.changes or symbol in later:
                continue
            series.told = series.changes
            bars = [bar for time in series.touched if (bar := series.minutes.get(time)) is not None]
            series.touched.clear()
            if (running := series.running) is not None:
                bars.append(running)
            if bars:
                dirty.append((symbol, bars))
        return dirty

    # What whoever shows bars asks

    @property
    def has_gaps(self) -> bool:
        """Whether trades can go unseen."""
        return self._has_gaps

    @property
    def symbols(self) -> list[str]:
        """Every symbol that has a series."""
        return list(self._series)

    @property
    def final_ms(self) -> int:
        """Bars that end by then are final."""
        return self._now_ms() - GRACE_MS

    def changes(self, symbol: str) -> int:
        """A number that differs when any bar of the symbol changed; -1 when it is not known."""
        series = self._series.get(symbol)
        return -1 if series is None else series.changes

    def newest_ms(self, symbol: str) -> int | None:
        """The time of the newest trade."""
        series = self._series.get(symbol)
        return None if series is None or series.newest_ms < 0 else series.newest_ms

    def first_ms(self, symbol: str) -> int | None:
        """From when on every minute is here; ``None`` when there is none."""
        series = self._series.get(symbol)
        return None if series is None else self._first_ms(series)

    def first_second_ms(self, symbol: str) -> int | None:
        """When the oldest second begins that is here."""
        series = self._series.get(symbol)
        if series is None:
            return None
        if series.seconds.first_ms is not None:
            return series.seconds.first_ms
        return series.second.time_ms if series.second.priced else None

    def seconds(
        self,
        symbol: str,
        from_ms: int,
        to_ms: int,
        *,
        oldest: int | None = None,
        newest: int | None = None,
    ) -> list[Bar]:
        """The seconds that begin in a half-open range, the oldest first; when it is said, at least
        the oldest or the newest so many.
        """
        series = self._series.get(symbol)
        if series is None:
            return []
        bars = list(series.seconds.between(from_ms, to_ms, oldest=oldest, newest=newest))
        if series.second.priced and from_ms <= series.second.time_ms < to_ms:
            bars.append(series.second.bar())
        return bars

    def minutes(
        self,
        symbol: str,
        from_ms: int,
        to_ms: int,
        *,
        oldest: int | None = None,
        newest: int | None = None,
    ) -> list[Bar]:
        """The minutes that begin in a half-open range, the oldest first; when it is said, at least
        the oldest or the newest so many.
        """
        series = self._series.get(symbol)
        if series is None:
            return []
        bars = list(series.minutes.between(from_ms, to_ms, oldest=oldest, newest=newest))
        if from_ms <= series.minute.time_ms < to_ms and (running := series.running) is not None:
            bars.append(running)
        return bars

    def bar_at(
        self, symbol: str, timeframe: Timeframe, time_ms: int, calendar: Calendar
    ) -> tuple[Day, Bar | None]:
        """The bar of any timeframe whose span holds a time, as far as memory goes, and that span.
        Cheap for the running bar: what its closed minutes have is remembered until one changes.
        """
        span = span_at(timeframe, symbol, time_ms, calendar)
        series = self._series.get(symbol)
        if series is None:
            return span, None
        if timeframe == "1s":
            return span, next(iter(self.seconds(symbol, *span)), None)
        if not span.start_ms <= series.minute.time_ms < span.end_ms:
            return span, series.minutes.merged(*span, span.start_ms)
        known = series.derived.get(timeframe)
        if known is None or known[0] != span:
            known = span, series.minutes.merged(*span, span.start_ms)
            series.derived[timeframe] = known
        parts = [bar for bar in (known[1], series.running) if bar is not None]
        return span, merge_all(parts, span.start_ms)

    # Inside

    def _newcomer(self, symbol: str) -> Series | None:
        if not self._follow_all or len(self._series) >= self._capacity:
            return None
        series = self._series[symbol] = Series(-1)
        return series

    def _add(self, symbol: str, series: Series, total: Sum, time_ms: int) -> None:
        """Take in one trade that is not simply the next of its second."""
        if time_ms < series.newest_ms - LATE_MS:
            self.counters.too_late += 1
            return
        self.counters.folded += 1
        series.newest_ms = max(series.newest_ms, time_ms)
        second_ms = time_ms - time_ms % SECOND_MS
        total.time_ms = second_ms
        if second_ms >= max(series.second.time_ms, series.minute.time_ms):
            if second_ms > series.second.time_ms:
                self._begin_second(series, total)
            else:
                series.second.merge(total)
            series.changes += 1
            return
        self.counters.late += 1
        series.seconds.merge(total)
        total.time_ms = second_ms - second_ms % MINUTE_MS
        if total.time_ms == series.minute.time_ms:
            series.minute.merge(total)
            series.changes += 1
        else:
            total.incomplete |= self._is_incomplete(series, total.time_ms)
            series.minutes.merge(total)
            series.touched.add(total.time_ms)
            self._changed(series)
        self.on_correction(symbol, time_ms)

    def _begin_second(self, series: Series, total: Sum) -> None:
        minute_ms = total.time_ms - total.time_ms % MINUTE_MS
        if minute_ms > series.minute.time_ms:
            self._begin_minute(series, minute_ms)
        else:
            self._close_second(series)
        series.second = total
        if self._has_gaps and self._gaps and self._gaps[-1][1] > total.time_ms:
            total.incomplete = True

    def _close_second(self, series: Series) -> None:
        second = series.second
        if second.time_ms >= 0:
            series.minute.merge(second)
            if not series.dropped:
                series.seconds.append(second)

    def _begin_minute(self, series: Series, minute_ms: int) -> None:
        self._close_second(series)
        series.second = Sum(-SECOND_MS)
        if series.minute.time_ms >= 0:
            series.minutes.append(series.minute)
            series.touched.add(series.minute.time_ms)
        self._extend(series)
        series.minute = Sum(minute_ms)
        series.minute.incomplete = self._is_incomplete(series, minute_ms)

    def _extend(self, series: Series) -> None:
        """The open minute closes: what is remembered of longer bars has it too."""
        for timeframe, (span, known) in list(series.derived.items()):
            total = Sum(span.start_ms)
            if known is not None:
                total.merge(known)
            if span.start_ms <= series.minute.time_ms < span.end_ms:
                total.merge(series.minute)
            series.derived[timeframe] = span, total.bar() if total.priced else None

    def _is_incomplete(self, series: Series, minute_ms: int) -> bool:
        """Whether something of a minute went unseen before now."""
        if not self._has_gaps:
            return False
        end_ms = minute_ms + MINUTE_MS
        down = self._down_ms is not None and self._down_ms < end_ms
        return (
            down
            or series.since_ms > minute_ms
            or any(begin < end_ms and minute_ms < end for begin, end in self._gaps)
        )

    def _cut(self, series: Series, now_ms: int) -> None:
        """Something of the present goes unseen."""
        if not self._has_gaps:
            return
        if series.minute.time_ms <= now_ms < series.minute.time_ms + MINUTE_MS:
            series.minute.incomplete = True
            series.changes += 1
        if series.second.time_ms <= now_ms < series.second.time_ms + SECOND_MS:
            series.second.incomplete = True

    def _changed(self, series: Series) -> None:
        series.changes += 1
        series.derived.clear()

    def _first_ms(self, series: Series) -> int | None:
        first_ms = series.minutes.first_ms
        if first_ms is not None:
            return first_ms
        return series.minute.time_ms if series.minute.time_ms >= 0 else None


def _single(trade: Trade, effect: Effect) -> Sum:
    """One trade as a bar."""
    total = Sum(trade.time_ms)
    total.count = 1
    if effect.volume:
        total.volume = trade.volume
        total.turnover = trade.price * trade.volume
    if effect.high_low:
        total.open = total.high = total.low = total.close = trade.price
        total.open_ms = total.close_ms = trade.time_ms
        total.firm = effect.last
    return total
