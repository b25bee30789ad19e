"""One symbol in the book: its last price, its day, and its pending print.

Owned by ``market.book``, which alone makes, reads and writes entries, on the event loop. This
module says how a day begins and how its figures are merged with those from elsewhere; the book
decides what each trade changes. An entry keeps at most one pending print, and never a history.
"""

import math
from typing import Protocol

from photon_app.market.digits import Digits
from photon_app.model import Bar, Seed, Trade


class Day(Protocol):
    """A trading day with the closed hours that follow it: half-open, in UNIX ms."""

    @property
    def start_ms(self) -> int:
        """Its first millisecond."""
        ...

    @property
    def date_ms(self) -> int:
        """When the day's bar begins."""
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
    """The state of one symbol. Mutable, private to the book; all other code gets a ``Quote``."""

    __slots__ = (
        "close",
        "close_ms",
        "day",
        "day_end_ms",
        "day_start_ms",
        "day_volume",
        "digits",
        "early_day_ms",
        "early_volume",
        "edge_ms",
        "high",
        "last_poll",
        "look_seq",
        "low",
        "open",
        "pending",
        "pending_print",
        "polled",
        "prev_close",
        "price",
        "recalled_seq",
        "run",
        "seq",
        "stored_day",
        "symbol",
        "time_ms",
        "volume",
    )

    def __init__(self, symbol: str, seq: int) -> None:
        self.symbol = symbol
        self.prev_close: float | None = None
        self.reset(seq)

    def reset(self, seq: int) -> None:
        """Return to the state before the first trade."""
        self.seq = seq
        self.digits = Digits(self.symbol)
        self.look_seq = seq
        """The ``seq`` of the next price whose decimals are looked at."""
        self.price = math.nan
        self.volume = 0.0
        self.polled = False
        self.time_ms = -1
        self.day_start_ms = -1
        self.day_end_ms = -1
        self.day: Day | None = None
        self.edge_ms = -1
        """Until this time a trade of the day needs no check of its session."""
        self.close: float | None = None
        """The price at the end of the day's regular session, once that is over."""
        self.close_ms = -1
        """When it was made: after that end for a closing cross, before it for any other trade."""
        self.recalled_seq = -1
        """The ``seq`` of a price that an earlier process stored."""
        self.open = self.high = self.low = math.nan
        self.day_volume = 0.0
        self.early_day_ms = -1
        """When the day begins that ``early_volume`` belongs to."""
        self.early_volume = 0.0
        """Volume that arrived before the first price of its day."""
        self.pending: Trade | None = None
        """The pending print in the form in which it would count."""
        self.pending_print: Trade | None = None
        """The same print as it came."""
        self.run = 0
        """Outliers in a row: positive above the last price, negative below it."""
        self.last_poll: tuple[float, int] | None = None
        """Price and time of the newest answer to a poll."""
        self.stored_day: tuple[int, Bar, float | None] | None = None
        """A stored day whose first price has not arrived here: its start, its bar, its close."""

    def begin_day(self, day: Day, price: float, *, outside: bool = False) -> None:
        """Begin a day with its first price; volume that arrived before it is added to the day.

        Args:
            day: the new day.
            price: its first price.
            outside: whether that price was made after the day's last session. Then the figures
                are those of such trades, until the true ones are recalled or polled.
        """
        if self.time_ms >= 0:
            self.prev_close = self.price if self.close is None else self.close
        self.close = None
        self.day = day
        self.day_start_ms, self.day_end_ms = day.start_ms, day.end_ms
        self.edge_ms = day.end_ms if outside else day.close_ms
        self.open = self.high = self.low = price
        self.day_volume = self.early_volume if self.early_day_ms == day.start_ms else 0
        self.early_day_ms, self.early_volume = -1, 0.0
        if self.stored_day is not None and self.stored_day[0] == day.start_ms:
            self.resume_from(*self.stored_day[1:])
        self.stored_day = None

    @property
    def recalled(self) -> bool:
        """Whether an earlier process stored the price, and nothing has confirmed it since."""
        return self.seq == self.recalled_seq

    @property
    def provisional(self) -> bool:
        """Whether the day's figures are those of trades made after its last session."""
        return self.day is not None and self.edge_ms == self.day_end_ms > self.day.done_ms

    def end_provisional(self) -> None:
        """The day's true figures are known now: trades after its last session are outside."""
        if self.day is not None and self.provisional:
            self.edge_ms = self.day.close_ms

    def recall(self, day: Day, bar: Bar, close: float | None) -> bool:
        """Merge in a day's stored figures; true if that changes any figure."""
        if day.start_ms != self.day_start_ms:
            self.stored_day = day.start_ms, bar, close
            return False
        before = (self.open, self.high, self.low, self.day_volume)
        self.resume_from(bar, close)
        return before != (self.open, self.high, self.low, self.day_volume)

    def restore(self, day: Day, bar: Bar, close: float | None) -> None:
        """Set price and day from a stored day; only called while there is no price."""
        self.begin_day(day, bar.close, outside=bar.open_ms >= day.done_ms)
        self.open, self.high, self.low, self.day_volume = bar.open, bar.high, bar.low, bar.volume
        if close is not None:
            self.set_close(close, day.close_ms - 1)
        self.price, self.time_ms = bar.close, bar.close_ms
        self.seq += 1
        self.recalled_seq = self.seq
        self.look()

    def resume_from(self, bar: Bar, close: float | None) -> None:
        """Continue the day from a bar that includes all trades seen here, or precedes all of them.
        A bar of a closed market says nothing about the session before.
        """
        if self.day is not None and self.provisional and bar.open_ms >= self.day.done_ms:
            return
        if self.provisional or (bar.invented and self.last_poll is None):
            self.high, self.low, self.day_volume = bar.high, bar.low, bar.volume
        if self.last_poll is None:  # otherwise the open is the official one
            self.open = bar.open
        self.widen(bar.high)
        self.widen(bar.low)
        self.day_volume = max(self.day_volume, bar.volume)
        self.end_provisional()
        if self.close is None and close is not None and self.day is not None:
            self.set_close(close, self.day.close_ms - 1)

    def set_close(self, price: float, time_ms: int) -> None:
        """Set the price at the end of the regular session."""
        self.close, self.close_ms = price, time_ms

    def add_early_volume(self, day: Day, volume: float) -> None:
        """Add volume of a day that has no price yet."""
        if day.start_ms > self.early_day_ms:
            self.early_day_ms, self.early_volume = day.start_ms, 0.0
        if day.start_ms == self.early_day_ms:
            self.early_volume += volume

    def look(self) -> bool:
        """Look at the newest price's decimals; true if that changes the symbol's decimals."""
        news = self.digits.look(self.price)
        self.look_seq = self.seq + self.digits.step
        return news

    def widen(self, price: float) -> None:
        """Extend high and low to include this price."""
        self.high = max(self.high, price)
        self.low = min(self.low, price)

    def set_prev_close(self, price: float | None) -> bool:
        """Set the previous close if the figure is a valid price; true if that changes it."""
        if price is None or not is_price(price) or price == self.prev_close:
            return False
        self.prev_close = price
        return True

    def merge_polled(self, seed: Seed) -> bool:
        """Merge in a polled day: its open becomes the open, and its range extends ours. True if
        that changes any figure.
        """
        before = (self.open, self.high, self.low)
        known = [f for f in (seed.open, seed.high, seed.low) if f is not None and is_price(f)]
        if self.provisional and known:
            self.high, self.low = max(known), min(known)
            self.end_provisional()
        for figure in known:
            self.widen(figure)
        if seed.open is not None and is_price(seed.open):
            self.open = seed.open
        return before != (self.open, self.high, self.low)


def is_price(value: float) -> bool:
    """Whether a figure is a valid price."""
    return 0 < value < math.inf
