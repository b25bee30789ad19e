"""Bars: each symbol's trades, summed up by second and by minute.

One ``Bars`` folds the trades of one source. Synchronous and total; called on the event loop only
(or by a command that reads a recording). It judges no trade: it is given the trades that count
(``market.book``), with what their conditions allow. Seconds stay in memory for some hours, minutes
for a day or so. ``storage`` keeps the minutes for years. Longer bars are derived from minutes by
``market.merge``; those that are still running, here.

Rules (docs/market-data.md has the reasons):

- a trade belongs to the second and minute of its exchange time; a span without a trade has no bar;
- the open is the earliest trade's price, the close the latest's, by exchange time;
- a trade older than its symbol's newest by up to ``LATE_MS`` corrects its bar, an older one is
  dropped and counted;
- a volume-only trade counts in a bar that has a price; in a bar without one it waits for a price;
- a bar is final ``GRACE_MS`` after its end, by the market's clock, or by the tape's if that is
  behind or ahead (``tape_offset``);
- a bar is incomplete if the feed was down, or did not follow the symbol, in a part of its span. The
  feed counts as down from its connection's last sign of life, not from when the loss was noticed.

Bounds: the symbols that are followed, which ``hub.demand`` bounds, or ``capacity`` if all are
followed, and ``DROPPED_KEPT`` dropped ones; ``MOST_MINUTES`` per symbol, so that its running day is
always whole (some 135 KB), and ``MOST_SECONDS``; ``SECONDS_KEPT`` seconds in all, shared evenly, so
that each symbol keeps fewer when there are many. A dropped symbol is forgotten when no late trade
can arrive for it any more, or, if there are too many, the longest dropped first.
"""

import dataclasses
from collections import deque
from collections.abc import Container, Iterable, Mapping

from photon_app.calendar.calendar import Calendar
from photon_app.calendar.session import Span
from photon_app.calendar.timeframes import MINUTE_MS, NEVER_MS, SECOND_MS, span_at
from photon_app.market.conditions import NOTHING, REGULAR
from photon_app.market.gaps import Gaps
from photon_app.market.merge import BarBuilder
from photon_app.market.series import Series
from photon_app.model import Bar, Clock, Counted, Effect, Timeframe, Trade
from photon_app.settings import DEFAULTS

LATE_MS = 300_000
"""How far behind its symbol's newest trade a trade may be. The tapes report within 10 s; a later
trade is a manual correction, or comes from a connection that stalled."""
GRACE_MS = 2_000
"""How long after its end a bar waits for trades in transit."""
MOST_SECONDS = 4 * 3600
MOST_MINUTES = 1_500
"""A day of 25 hours, such as the one on which summer time ends."""
SECONDS_KEPT = 1_000_000
CORRECTIONS_KEPT = 50_000
"""Corrections that are not taken yet: 25 minutes of 2,000 symbols made incomplete by a gap, or all
the late trades of a quarter of a second."""
DROPPED_KEPT = 50
"""Dropped symbols whose bars can still be continued."""
LEAST_KEPT = 600
"""Seconds kept of each symbol, however many symbols there are."""


@dataclasses.dataclass(slots=True)  # written on the path of every trade: a struct costs more
class Counters:
    """What became of the trades since the start."""

    folded: int = 0
    """Counted in a bar, in time or late."""
    late: int = 0
    """Of those, the ones that arrived after a later bar than theirs had begun."""
    too_late: int = 0
    """Counted in no bar: more than ``LATE_MS`` behind."""


class Bars:
    """Seconds and minutes of one source."""

    def __init__(
        self,
        *,
        clock: Clock,
        follow_all: bool = False,
        gaps: bool = True,
        capacity: int = DEFAULTS.max_symbols_total,
    ) -> None:
        """Make an empty one.

        Args:
            clock: the market's clock.
            follow_all: follow every symbol that trades.
            gaps: whether trades can be missed. A recording is complete as far as it goes, and so
                are invented trades.
            capacity: the most symbols, if all are followed.
        """
        self._now_ms = clock.now_ms
        self._follow_all = follow_all
        self._capacity = capacity
        self._series: dict[str, Series] = {}
        self._dropped: dict[str, None] = {}
        self._gaps = Gaps(possible=gaps)
        self._unseen: frozenset[str] = frozenset()
        self._corrections: deque[tuple[str, int]] = deque(maxlen=CORRECTIONS_KEPT)
        self.counters = Counters()

    # Called by the feed side

    def fold(self, counted: Iterable[Counted]) -> None:  # noqa: C901 - a call costs more
        """Fold in trades that count, in their order. A trade without effect only sets a price and
        is in no bar.
        """
        every, folded = self._series, 0
        for trade, effect, _ in counted:
            symbol = trade.symbol
            series = every.get(symbol) or self._new_series(symbol, effect)
            if series is None:
                continue
            time_ms = trade.time_ms
            total = series.second
            since_ms = time_ms - total.time_ms
            if effect is not REGULAR or not total.firm or since_ms < 0:
                if effect is not NOTHING:
                    self._add(symbol, series, _single(trade, effect), time_ms)
                continue
            price, volume = trade.price, trade.volume
            if since_ms < SECOND_MS:
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
            elif time_ms < series.minute.time_ms + MINUTE_MS:
                series.next_second(price, volume, time_ms)
            else:
                self._add(symbol, series, _single(trade, effect), time_ms)
                continue
            folded += 1
        self.counters.folded += folded

    def sample(self, symbol: str, price: float, time_ms: int) -> None:
        """Add a polled price, which is not a trade. For a symbol that is not on the tape, anything
        may have happened between two polls, so its bars are incomplete.
        """
        series = self._series.get(symbol) or self._new_series(symbol)
        if series is not None and time_ms >= series.begun_ms - self._gaps.behind_ms - LATE_MS:
            total = _single(Trade(symbol, price, 0, time_ms), REGULAR)
            total.count = 0
            self._add(symbol, series, total, time_ms)

    def follow(self, symbol: str) -> bool:
        """Follow a symbol from now on, unless it is already followed. Returns whether none of its
        bars are in memory.
        """
        series = self._series.get(symbol)
        if series is None:
            series = self._series[symbol] = Series(self._now_ms(), self._gaps)
            series.unseen = symbol in self._unseen
            return True
        if series.dropped:
            del self._dropped[symbol]
            series.follow(self._now_ms())
            series.unseen = symbol in self._unseen
        return False

    def drop(self, symbol: str) -> None:
        """Stop following a symbol. Unless it is followed again, ``tick`` forgets it once no late
        trade can arrive. It is forgotten earlier if more than ``DROPPED_KEPT`` symbols wait for
        that and it has waited longest.
        """
        series = self._series.get(symbol)
        if series is None or self._follow_all:
            return
        series.drop(self._now_ms())
        self._dropped[symbol] = None
        if len(self._dropped) > DROPPED_KEPT:
            oldest = next(iter(self._dropped))
            del self._dropped[oldest], self._series[oldest]

    def begin_after(self, symbol: str, before: Mapping[Timeframe, tuple[Span, Bar]]) -> None:
        """Set the invented part, before the symbol was followed, of its running longer bars."""
        series = self._series.get(symbol)
        if series is not None:
            series.begin_after(before)

    def flowing(self, *, flows: bool, lost_ms: int | None = None) -> None:
        """Set whether trades can arrive now; bars that run while they cannot are incomplete.

        Args:
            flows: whether trades can arrive.
            lost_ms: since when they could not, by the clock, if that was before now.
        """
        now_ms = self._now_ms()
        since_ms = now_ms if flows or lost_ms is None else min(lost_ms, now_ms)
        if self._gaps.flowing(since_ms, flows=flows):
            for symbol, series in self._series.items():
                for time_ms in series.mark_gap(since_ms, now_ms):
                    self._corrections.append((symbol, time_ms))

    def unseen(self, symbols: frozenset[str]) -> None:
        """Set the symbols that are not on the tape now: always the whole set."""
        now_ms = self._now_ms()
        for symbol in symbols ^ self._unseen:
            if (series := self._series.get(symbol)) is None:
                continue
            if symbol in symbols:
                series.leave_tape(now_ms)
            elif not series.dropped:
                series.follow(now_ms)
        self._unseen = symbols

    def tape_offset(self, behind_ms: int) -> None:
        """Set how far exchange times are behind the clock now; negative if they are ahead."""
        self._gaps.behind_ms = behind_ms

    def clear(self) -> None:
        """Forget every bar: a recording starts again, and each symbol with its first trade."""
        self._series.clear()
        self._dropped.clear()

    def fill(self, symbol: str, bars: Iterable[Bar]) -> None:
        """Add minutes older than those in memory, such as stored ones; minutes from a time in
        memory are ignored. None of this has to be stored.
        """
        series = self._series.get(symbol) or self._new_series(symbol)
        if series is not None:
            series.fill(bars)

    def resume(self, symbol: str, bars: Iterable[Bar]) -> bool:
        """Continue from minutes that were stored before the symbol was followed: trades from before
        and after are then in one bar. False if the symbol is not followed.
        """
        series = self._series.get(symbol) or self._new_series(symbol)
        if series is None:
            return False
        series.resume(bars)
        return True

    def tick(self) -> None:
        """Forget old bars and dropped symbols. Called once a second."""
        share = max(1, len(self._series))
        seconds = min(MOST_SECONDS, max(LEAST_KEPT, SECONDS_KEPT // share))
        before_ms = self._now_ms() - self._gaps.behind_ms - LATE_MS - MINUTE_MS
        for series in self._series.values():
            series.trim(seconds, MOST_MINUTES)
        for symbol in list(self._dropped):
            series = self._series[symbol]
            if series.newest_ms < before_ms and series.flushed == series.changes:
                del self._dropped[symbol], self._series[symbol]

    def take_dirty(self, later: Container[str] = ()) -> list[tuple[str, list[Bar]]]:
        """The minutes that changed since the last call, by symbol, each whole; without those of
        the symbols in ``later``.
        """
        return [
            (symbol, bars)
            for symbol, series in self._series.items()
            if symbol not in later and (bars := series.take_dirty())
        ]

    def take_dirty_of(self, symbol: str) -> list[Bar]:
        """The same for one symbol."""
        series = self._series.get(symbol)
        return [] if series is None else series.take_dirty()

    # Called by readers

    def take_corrections(self) -> list[tuple[str, int]]:
        """Symbols and times, UNIX ms, at which a final bar may have changed since the last call:
        by late trades, or by a gap that was noticed late.
        """
        taken = list(self._corrections)
        self._corrections.clear()
        return taken

    @property
    def has_gaps(self) -> bool:
        """Whether trades can be missed."""
        return self._gaps.possible

    @property
    def symbols(self) -> list[str]:
        """Every symbol that has a series."""
        return list(self._series)

    @property
    def final_ms(self) -> int:
        """Bars that end by then are final."""
        return self._now_ms() - self._gaps.behind_ms - GRACE_MS

    def changes(self, symbol: str) -> int:
        """A number that changes with every change of a bar; -1 for an unknown symbol."""
        series = self._series.get(symbol)
        return -1 if series is None else series.changes

    def newest_ms(self, symbol: str) -> int | None:
        """The time of the newest trade."""
        series = self._series.get(symbol)
        return None if series is None or series.newest_ms < 0 else series.newest_ms

    def first_ms(self, symbol: str) -> int | None:
        """Since when every minute is in memory; ``None`` if there is none."""
        series = self._series.get(symbol)
        return None if series is None else series.first_ms

    def first_second_ms(self, symbol: str) -> int | None:
        """When the oldest second in memory begins."""
        series = self._series.get(symbol)
        return None if series is None else series.first_second_ms

    def between(
        self,
        symbol: str,
        timeframe: Timeframe,
        from_ms: int = 0,
        to_ms: int = NEVER_MS,
        *,
        oldest: int | None = None,
        newest: int | None = None,
    ) -> list[Bar]:
        """The seconds (``1s``) or minutes (``1m``) that begin in a range, the oldest first.
        ``oldest`` or ``newest`` limits the closed ones to that many; the open one is extra.
        """
        series = self._series.get(symbol)
        if series is None:
            return []
        return series.between(timeframe, from_ms, to_ms, oldest=oldest, newest=newest)

    def bar_at(
        self, symbol: str, timeframe: Timeframe, time_ms: int, calendar: Calendar
    ) -> tuple[Span, Bar | None]:
        """The span of any timeframe that contains a time, and its bar, from what is in memory."""
        span = span_at(timeframe, symbol, time_ms, calendar)
        series = self._series.get(symbol)
        return span, None if series is None else series.bar(timeframe, span)

    # Inside

    def _new_series(self, symbol: str, effect: Effect = REGULAR) -> Series | None:
        if not self._follow_all or len(self._series) >= self._capacity or effect is NOTHING:
            return None
        series = self._series[symbol] = Series(-1, self._gaps)
        return series

    def _add(self, symbol: str, series: Series, total: BarBuilder, time_ms: int) -> None:
        """Add one trade that is not simply the next one of its second."""
        if time_ms < series.newest_ms - LATE_MS:
            self.counters.too_late += 1
            return
        self.counters.folded += 1
        if series.add(total, time_ms):
            self.counters.late += 1
            self._corrections.append((symbol, time_ms))


def _single(trade: Trade, effect: Effect) -> BarBuilder:
    """One trade as a bar."""
    total = BarBuilder(trade.time_ms)
    total.count = 1
    if effect.volume:
        total.volume = trade.volume
        total.turnover = trade.price * trade.volume
    if effect.high_low:
        total.open = total.high = total.low = total.close = trade.price
        total.open_ms = total.close_ms = trade.time_ms
        total.firm = effect.last
    return total
