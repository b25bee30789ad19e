"""One bar of two: the law by which seconds make minutes, minutes days, and halves of a minute one.

Pure. Volume, turnover and count are sums, high and low the extremes. The open is that of the
earliest trade by the exchange's time, the close that of the latest; of equal times the open is the
first one's that arrived and the close the last one's. Prices that may be no last price
(``market.conditions``) make an open or close only where no other does. So the order in which bars
are merged changes nothing, but for trades of one millisecond.
"""

import math
from collections.abc import Callable, Iterable, Iterator

from photon_app.calendar.session import Span
from photon_app.model import Bar


class Sum:
    """A bar in the making. Mutable, private to the fold; everyone else gets a ``Bar``."""

    __slots__ = (
        "close",
        "close_ms",
        "count",
        "firm",
        "high",
        "incomplete",
        "invented",
        "low",
        "open",
        "open_ms",
        "time_ms",
        "turnover",
        "volume",
    )

    def __init__(self, time_ms: int) -> None:
        self.time_ms = time_ms
        self.open = self.close = math.nan
        self.high, self.low = -math.inf, math.inf
        self.volume = self.turnover = 0.0
        self.count = 0
        self.open_ms = self.close_ms = -1
        """Below 0 while there is no price."""
        self.firm = False
        self.incomplete = False
        self.invented = False

    @classmethod
    def of(cls, bar: Bar) -> "Sum":
        """A bar that goes on."""
        made = cls(bar.time_ms)
        made.merge(bar)
        return made

    def begin(self, time_ms: int, price: float, volume: float, trade_ms: int) -> None:
        """Become the bar of one regular trade; what was here is gone.

        Args:
            time_ms: when the bar begins, UNIX ms.
            price: of the trade.
            volume: of the trade.
            trade_ms: its time, UNIX ms.
        """
        self.time_ms = time_ms
        self.open = self.high = self.low = self.close = price
        self.open_ms = self.close_ms = trade_ms
        self.volume = volume
        self.turnover = price * volume
        self.count = 1
        self.firm = True
        self.incomplete = self.invented = False

    @property
    def priced(self) -> bool:
        """Whether it has a price."""
        return self.open_ms >= 0

    def merge(self, other: "Sum | Bar") -> None:
        """Take in what another one has, none of which is in here; of equal times it came later."""
        self.volume += other.volume
        self.turnover += other.turnover
        self.count += other.count
        self.incomplete |= other.incomplete
        self.invented |= other.invented
        if other.open_ms < 0:
            return
        if other.high > self.high:  # noqa: PLR1730 - a call costs more than all of this
            self.high = other.high
        if other.low < self.low:  # noqa: PLR1730
            self.low = other.low
        better = self.open_ms < 0 or (other.firm and not self.firm)
        if not better and self.firm and not other.firm:
            return
        if better or other.open_ms < self.open_ms:
            self.open, self.open_ms = other.open, other.open_ms
        if better or other.close_ms >= self.close_ms:
            self.close, self.close_ms = other.close, other.close_ms
        self.firm |= other.firm

    def bar(self) -> Bar:
        """What it is now; it has a price."""
        return Bar(
            time_ms=self.time_ms,
            open=self.open,
            high=self.high,
            low=self.low,
            close=self.close,
            volume=self.volume,
            turnover=self.turnover,
            count=self.count,
            open_ms=self.open_ms,
            close_ms=self.close_ms,
            firm=self.firm,
            incomplete=self.incomplete,
            invented=self.invented,
        )


def merge(one: Bar, other: Bar) -> Bar:
    """Both in one bar, at the time of the earlier.

    Args:
        one: some trades.
        other: further trades, none of which is among the first; of equal times they came later.
    """
    total = Sum(min(one.time_ms, other.time_ms))
    total.merge(one)
    total.merge(other)
    return total.bar()


def merge_all(bars: Iterable[Bar], time_ms: int) -> Bar | None:
    """All of them in one bar that begins at a time; ``None`` of none."""
    total = Sum(time_ms)
    for bar in bars:
        total.merge(bar)
    return total.bar() if total.priced else None


def by_span(minutes: Iterable[Bar], span_of: Callable[[int], Span]) -> Iterator[tuple[Span, Bar]]:
    """Bars in order of time as those of longer spans, each with its span.

    Args:
        minutes: the shorter ones.
        span_of: the longer span that holds a time.
    """
    span, total = Span(0, 0), Sum(0)
    for minute in minutes:
        if not span.start_ms <= minute.time_ms < span.end_ms:
            if total.priced:
                yield span, total.bar()
            span = span_of(minute.time_ms)
            total = Sum(span.start_ms)
        total.merge(minute)
    if total.priced:
        yield span, total.bar()
