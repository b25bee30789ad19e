"""One symbol in the book: its last price, its day, and what waits.

Owned by ``market.book``, which alone makes, reads and writes entries, on the event loop. What is
here is how a day begins and what it learns; which trade does what is the book's to say. An entry
holds at most one print that waits, and never a history.
"""

import math
from typing import Protocol

from photon_app.model import Bar, Seed, Trade


class Span(Protocol):
    """A trading day, half-open, in UNIX ms."""

    @property
    def start_ms(self) -> int:
        """Its first millisecond."""
        ...

    @property
    def end_ms(self) -> int:
        """The first millisecond after it."""
        ...


class Entry:
    """One symbol's truth. Mutable, private to the book; everyone else gets a ``Quote``."""

    __slots__ = (
        "ahead_ms",
        "ahead_volume",
        "asked",
        "before",
        "day_end_ms",
        "day_start_ms",
        "day_volume",
        "held",
        "high",
        "low",
        "open",
        "polled",
        "prev_close",
        "price",
        "run",
        "seq",
        "symbol",
        "time_ms",
        "volume",
    )

    def __init__(self, symbol: str, seq: int) -> None:
        self.symbol = symbol
        self.prev_close: float | None = None
        self.begin(seq)

    def begin(self, seq: int) -> None:
        """No trade yet."""
        self.seq = seq
        self.price = math.nan
        self.volume = 0.0
        self.polled = False
        self.time_ms = -1
        self.day_start_ms = -1
        self.day_end_ms = -1
        self.open = self.high = self.low = math.nan
        self.day_volume = 0.0
        self.ahead_ms = -1
        self.ahead_volume = 0.0
        self.held: Trade | None = None
        self.run = 0
        """How many prints in a row were held: above the last price, or as a negative number below.
        """
        self.asked: tuple[float, int] | None = None
        self.before: tuple[int, Bar] | None = None
        """What a day came to before its first price here, and which day."""

    def begin_day(self, day: Span, price: float) -> None:
        """The first price of a day; volume that came ahead of it is the day's."""
        if self.time_ms >= 0:
            self.prev_close = self.price
        self.day_start_ms, self.day_end_ms = day.start_ms, day.end_ms
        self.open = self.high = self.low = price
        self.day_volume = self.ahead_volume if self.ahead_ms == day.start_ms else 0
        self.ahead_ms, self.ahead_volume = -1, 0.0
        if self.before is not None and self.before[0] == day.start_ms:
            self._go_on_from(self.before[1])
        self.before = None

    def recall(self, day: Span, bar: Bar) -> bool:
        """What a day came to so far, from elsewhere; true when that is news."""
        if day.start_ms != self.day_start_ms:
            self.before = day.start_ms, bar
            return False
        before = (self.open, self.high, self.low, self.day_volume)
        self._go_on_from(bar)
        return before != (self.open, self.high, self.low, self.day_volume)

    def _go_on_from(self, bar: Bar) -> None:
        """The bar has all that is here, or comes before all of it."""
        if self.asked is None:  # else the open is the official one
            self.open = bar.open
        self.widen(bar.high)
        self.widen(bar.low)
        self.day_volume = max(self.day_volume, bar.volume)

    def come_ahead(self, day: Span, volume: float) -> None:
        """Volume of a day that has no price yet."""
        if day.start_ms > self.ahead_ms:
            self.ahead_ms, self.ahead_volume = day.start_ms, 0.0
        if day.start_ms == self.ahead_ms:
            self.ahead_volume += volume

    def widen(self, price: float) -> None:
        """High and low hold this price."""
        self.high = max(self.high, price)
        self.low = min(self.low, price)

    def learn_close(self, price: float | None) -> bool:
        """The previous close, if it is one; true when it is news."""
        if price is None or not is_price(price) or price == self.prev_close:
            return False
        self.prev_close = price
        return True

    def learn_figures(self, seed: Seed) -> bool:
        """The day as upstream tells it: its open is the open, its range is within ours."""
        before = (self.open, self.high, self.low)
        for figure in (seed.open, seed.high, seed.low):
            if figure is not None and is_price(figure):
                self.widen(figure)
        if seed.open is not None and is_price(seed.open):
            self.open = seed.open
        return before != (self.open, self.high, self.low)


def is_price(value: float) -> bool:
    """Whether a figure can be a price."""
    return 0 < value < math.inf
