"""Bars: what the prints of a span come to, worked out from the list of all of them.

Nothing is folded, so no order of folding can be wrong.
"""

from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import NamedTuple

from tests.reference.days import begin_ms
from tests.reference.prints import Print, allowed

LATE_MS = 5 * 60_000
"""How far behind the newest print of its symbol another still counts."""
MINUTE_MS = 60_000


class Counted(NamedTuple):
    """A print that counts in bars, and what it may change."""

    time_ms: int
    price: float
    volume: Decimal
    trades: int = 1
    """0 for a polled price."""
    priced: bool = True
    """Whether its price may be open, high, low and close."""
    last: bool = True
    """Whether it may be open and close where other prices may not."""
    arrives_ms: int = 0


class Bar(NamedTuple):
    """One bar."""

    time_ms: int
    open: float
    high: float
    low: float
    close: float
    volume: Decimal
    turnover: Decimal
    trades: int
    open_ms: int
    close_ms: int
    firm: bool
    """Whether open and close are of prices that may be last ones."""
    born_ms: int
    """When its first price came."""


def exact(figure: float) -> Decimal:
    """A figure as it is written."""
    return Decimal(str(figure))


def counted(print_: Print) -> Counted:
    """A print as bars count it."""
    may = allowed(print_.conditions)
    return Counted(
        print_.time_ms,
        print_.price,
        exact(print_.volume) if may.volume else Decimal(0),
        priced=may.high_low,
        last=may.last,
        arrives_ms=print_.arrives_ms,
    )


def bar(time_ms: int, prints: Iterable[Counted]) -> Bar | None:
    """The bar of all prints of one span, in the order in which they came; ``None`` without a
    price.
    """
    prints = list(prints)
    priced = [one for one in prints if one.priced]
    if not priced:
        return None
    lasts = [one for one in priced if one.last]
    first = earliest(lasts or priced)
    last = newest(lasts or priced)
    return Bar(
        time_ms=time_ms,
        open=first.price,
        high=max(one.price for one in priced),
        low=min(one.price for one in priced),
        close=last.price,
        volume=sum((one.volume for one in prints), Decimal(0)),
        turnover=sum((one.volume * exact(one.price) for one in prints), Decimal(0)),
        trades=sum(one.trades for one in prints),
        open_ms=first.time_ms,
        close_ms=last.time_ms,
        firm=bool(lasts),
        born_ms=min(one.arrives_ms for one in priced),
    )


def earliest(prints: list[Counted]) -> Counted:
    """The one of the earliest time; of equal times the one that came first."""
    return min(prints, key=lambda one: one.time_ms)


def newest(prints: list[Counted]) -> Counted:
    """The one of the latest time; of equal times the one that came last."""
    return max(reversed(prints), key=lambda one: one.time_ms)


def by_span(
    prints: Iterable[Counted], span_of: Callable[[int], int]
) -> list[tuple[Bar, list[Counted]]]:
    """Every bar with its prints, the oldest first.

    Args:
        prints: in the order in which they came.
        span_of: where the span begins that holds a time.
    """
    spans: dict[int, list[Counted]] = {}
    for one in prints:
        spans.setdefault(span_of(one.time_ms), []).append(one)
    made = ((bar(start_ms, found), found) for start_ms, found in sorted(spans.items()))
    return [(one, found) for one, found in made if one is not None]


def bars(
    prints: Iterable[Counted], timeframe: str, span_of: Callable[[int], int] | None = None
) -> list[Bar]:
    """All bars of a timeframe, the oldest first. Longer ones are of minutes: volume of a minute
    without a price is in none.

    Args:
        prints: in the order in which they came.
        timeframe: how long they are.
        span_of: where the span begins that holds a time; that of a stock where it is not given.
    """
    if timeframe not in {"1s", "1m"}:
        minutes = by_span(prints, lambda time_ms: begin_ms("1m", time_ms))
        kept = {one.time_ms for one, _ in minutes}
        prints = [one for one in prints if begin_ms("1m", one.time_ms) in kept]
    spans = by_span(prints, span_of or (lambda time_ms: begin_ms(timeframe, time_ms)))
    return [one for one, _ in spans]


class Series:
    """What counts in the bars of one symbol, in the order in which it came.

    Args:
        since_ms: since when the symbol is followed.
    """

    def __init__(self, since_ms: int = 0) -> None:
        self._since_ms = since_ms
        self._newest_ms = -1
        self.kept: list[Print | Counted] = []
        """Prints as they came; ``Counted`` where that says something else of one."""
        self.late = 0
        """Those that came in an earlier second than the newest one's."""
        self.too_late = 0
        """Those that came so late that they are in none."""

    def add(self, one: Print | Counted) -> None:
        """Add one, unless it is too late, or a polled price from long before the symbol was
        followed.
        """
        asked = isinstance(one, Counted) and not one.trades
        if asked and one.time_ms < self._since_ms - LATE_MS:
            return
        if one.time_ms < self._newest_ms - LATE_MS:
            self.too_late += 1
            return
        self.late += one.time_ms // 1000 < self._newest_ms // 1000
        self._newest_ms = max(self._newest_ms, one.time_ms)
        self.kept.append(one)

    @property
    def prints(self) -> list[Counted]:
        """All of it, as bars count it."""
        return [one if isinstance(one, Counted) else counted(one) for one in self.kept]
