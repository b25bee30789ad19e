"""One symbol in the book: its last price, its day, and what waits.

Owned by ``market.book``, which alone makes, reads and writes entries, on the event loop. What is
here is how a day begins and what it learns; which trade does what is the book's to say. An entry
holds at most one print that waits, and never a history.
"""

import math
from typing import Protocol

from photon_app.market.digits import Digits
from photon_app.model import Bar, Seed, Trade


class Day(Protocol):
    """A trading day, with the closed hours that follow it: half-open, in UNIX ms."""

    @property
    def start_ms(self) -> int:
        """Its first millisecond."""
        ...

    @property
    def date_ms(self) -> int:
        """Where the bar of the day begins."""
        ...

    @property
    def close_ms(self) -> int:
        """The end of its regular session."""
        ...

    @property
    def done_ms(self) -> int:
        """The end of its last session."""
        ...

    @property
    def end_ms(self) -> int:
        """The first millisecond of the next one."""
        ...


class Entry:
    """One symbol's truth. Mutable, private to the book; everyone else gets a ``Quote``."""

    __slots__ = (
        "ahead_ms",
        "ahead_volume",
        "asked",
        "before",
        "close",
        "close_ms",
        "day",
        "day_end_ms",
        "day_start_ms",
        "day_volume",
        "digits",
        "edge_ms",
        "held",
        "high",
        "look_seq",
        "low",
        "open",
        "polled",
        "prev_close",
        "price",
        "recalled_seq",
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
        self.digits = Digits(self.symbol)
        self.look_seq = seq
        """From which ``seq`` on a price is looked at for its decimals."""
        self.price = math.nan
        self.volume = 0.0
        self.polled = False
        self.time_ms = -1
        self.day_start_ms = -1
        self.day_end_ms = -1
        self.day: Day | None = None
        self.edge_ms = -1
        """Until then a trade of the day is like the one before it."""
        self.close: float | None = None
        """The price at the end of the day's regular session, once that is over."""
        self.close_ms = -1
        """When it was made: a closing cross after that end, all others before it."""
        self.recalled_seq = -1
        """The ``seq`` of a price that is of an earlier process."""
        self.open = self.high = self.low = math.nan
        self.day_volume = 0.0
        self.ahead_ms = -1
        self.ahead_volume = 0.0
        self.held: Trade | None = None
        self.run = 0
        """How many prints in a row were held: above the last price, or as a negative number below.
        """
        self.asked: tuple[float, int] | None = None
        self.before: tuple[int, Bar, float | None] | None = None
        """What a day came to before its first price here: when it began, and its close."""

    def begin_day(self, day: Day, price: float, *, outside: bool = False) -> None:
        """The first price of a day; volume that came ahead of it is the day's.

        Args:
            day: which.
            price: its first.
            outside: whether that price was made when the day was done. Then the figures are of
                such trades, until what the day truly came to is recalled or asked for.
        """
        if self.time_ms >= 0:
            self.prev_close = self.price if self.close is None else self.close
        self.close = None
        self.day = day
        self.day_start_ms, self.day_end_ms = day.start_ms, day.end_ms
        self.edge_ms = day.end_ms if outside else day.close_ms
        self.open = self.high = self.low = price
        self.day_volume = self.ahead_volume if self.ahead_ms == day.start_ms else 0
        self.ahead_ms, self.ahead_volume = -1, 0.0
        if self.before is not None and self.before[0] == day.start_ms:
            self.go_on_from(*self.before[1:])
        self.before = None

    @property
    def recalled(self) -> bool:
        """Whether the price is of an earlier process and not confirmed since."""
        return self.seq == self.recalled_seq

    @property
    def provisional(self) -> bool:
        """Whether the day's figures are of trades that came when it was done."""
        return self.day is not None and self.edge_ms == self.day_end_ms > self.day.done_ms

    def settle(self) -> None:
        """The day is known now from those who saw it: what comes when it is done is outside."""
        if self.day is not None and self.provisional:
            self.edge_ms = self.day.close_ms

    def recall(self, day: Day, bar: Bar, close: float | None) -> bool:
        """What a day came to so far, from elsewhere; true when that is news."""
        if day.start_ms != self.day_start_ms:
            self.before = day.start_ms, bar, close
            return False
        before = (self.open, self.high, self.low, self.day_volume)
        self.go_on_from(bar, close)
        return before != (self.open, self.high, self.low, self.day_volume)

    def take_up(self, day: Day, bar: Bar, close: float | None) -> None:
        """Go on from a day's last price, where there is none here."""
        self.begin_day(day, bar.close, outside=bar.open_ms >= day.done_ms)
        self.open, self.high, self.low, self.day_volume = bar.open, bar.high, bar.low, bar.volume
        if close is not None:
            self.close_at(close, day.close_ms - 1)
        self.price, self.time_ms = bar.close, bar.close_ms
        self.seq += 1
        self.recalled_seq = self.seq
        self.look()

    def go_on_from(self, bar: Bar, close: float | None) -> None:
        """The bar has all that is here, or comes before all of it. One that is of a closed market
        tells nothing of the session before.
        """
        if self.day is not None and self.provisional and bar.open_ms >= self.day.done_ms:
            return
        if self.provisional or (bar.invented and self.asked is None):
            self.high, self.low, self.day_volume = bar.high, bar.low, bar.volume
        if self.asked is None:  # else the open is the official one
            self.open = bar.open
        self.widen(bar.high)
        self.widen(bar.low)
        self.day_volume = max(self.day_volume, bar.volume)
        self.settle()
        if self.close is None and close is not None and self.day is not None:
            self.close_at(close, self.day.close_ms - 1)

    def close_at(self, price: float, time_ms: int) -> None:
        """This was the price at the end of the regular session."""
        self.close, self.close_ms = price, time_ms

    def come_ahead(self, day: Day, volume: float) -> None:
        """Volume of a day that has no price yet."""
        if day.start_ms > self.ahead_ms:
            self.ahead_ms, self.ahead_volume = day.start_ms, 0.0
        if day.start_ms == self.ahead_ms:
            self.ahead_volume += volume

    def look(self) -> bool:
        """Learn from the newest price how prices are written; true when that is news."""
        news = self.digits.look(self.price)
        self.look_seq = self.seq + self.digits.step
        return news

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
        known = [f for f in (seed.open, seed.high, seed.low) if f is not None and is_price(f)]
        if self.provisional and known:
            self.high, self.low = max(known), min(known)
            self.settle()
        for figure in known:
            self.widen(figure)
        if seed.open is not None and is_price(seed.open):
            self.open = seed.open
        return before != (self.open, self.high, self.low)


def is_price(value: float) -> bool:
    """Whether a figure can be a price."""
    return 0 < value < math.inf
