"""How two bars become one: seconds a minute, minutes a day, and two parts of a minute one minute.

Pure. Volume, turnover and count are sums, high and low the extremes. The open is that of the
earliest trade by exchange time, the close that of the latest; of equal times the open is the first
that arrived and the close the last. Prices that may not be a last price (``market.conditions``)
make an open or close only if there is no other price. So the order in which bars are merged changes
nothing, except for trades of the same millisecond.
"""

import math
from collections.abc import Callable, Iterable, Iterator

from photon_app.calendar.session import Span
from photon_app.model import Bar


class BarBuilder:
    """A bar under construction. Mutable, private to the fold; all other code gets a ``Bar``."""

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
        """See ``Bar.firm``."""
        self.incomplete = False
        self.invented = False

    @classmethod
    def of(cls, bar: Bar) -> "BarBuilder":
        """Continue a finished bar."""
        made = cls(bar.time_ms)
        made.merge(bar)
        return made

    def begin(self, time_ms: int, price: float, volume: float, trade_ms: int) -> None:
        """Start over as the bar of one regular trade.

        Args:
            time_ms: when the bar begins, UNIX ms.
            price: the trade's price.
            volume: the trade's volume.
            trade_ms: the trade's time, UNIX ms.
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

    def merge(self, other: "BarBuilder | Bar") -> None:
        """Add another bar, which shares no trade with this one; of equal times it came later."""
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
        """The bar so far; there must be a price."""
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
    """Merge two bars into one, at the time of the earlier one.

    Args:
        one: a bar.
        other: a bar that shares no trade with the first; of equal times its trades came later.
    """
    total = BarBuilder(min(one.time_ms, other.time_ms))
    total.merge(one)
    total.merge(other)
    return total.bar()


def merge_all(bars: Iterable[Bar], time_ms: int) -> Bar | None:
    """Merge bars into one that begins at ``time_ms``; ``None`` if there are none."""
    total = BarBuilder(time_ms)
    for bar in bars:
        total.merge(bar)
    return total.bar() if total.priced else None


def by_span(minutes: Iterable[Bar], span_of: Callable[[int], Span]) -> Iterator[tuple[Span, Bar]]:
    """Merge bars, in order of time, into bars of longer spans; yields each with its span.

    Args:
        minutes: the shorter bars.
        span_of: returns the longer span that contains a time.
    """
    span, total = Span(0, 0), BarBuilder(0)
    for minute in minutes:
        if not span.start_ms <= minute.time_ms < span.end_ms:
            if total.priced:
                yield span, total.bar()
            span = span_of(minute.time_ms)
            total = BarBuilder(span.start_ms)
        total.merge(minute)
    if total.priced:
        yield span, total.bar()
