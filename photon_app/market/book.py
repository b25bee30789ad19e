"""The book: the newest price of every symbol, its day so far, and its sequence.

The one place where trades become truth. Synchronous and total; called on the event loop only, by
whoever receives trades. It never looks upstream or downstream: who wants a symbol is told to it
with ``admit`` and ``drop``, who wants to know is told by the return value of ``apply``.

Rules (the order of a tape is by time, not by arrival):

- the last price is that of the newest time; among equal times the one that arrived last;
- an older trade counts in volume, high and low, and moves neither the last price nor ``seq``;
- a trade of an earlier day than the book's counts nowhere;
- a first trade of a new day makes the last price the previous close, and the day begins with it;
- a price or time that cannot be is refused and counted.

Bound: ``capacity`` symbols; a trade of any further one is refused and counted.
"""

import math
from collections.abc import Callable
from typing import Protocol

import msgspec

from photon_app.model import Quote, Seed, Trade

YEAR_2000_MS = 946_684_800_000
YEAR_2100_MS = 4_102_444_800_000
FUTURE_MS = 60_000
"""How far ahead of the clock a live trade may be."""


NOTHING = 0
"""What ``Book.apply`` returns when a trade changed nothing."""
FIGURES = -1
"""What it returns when a trade changed day figures only, because it was late."""
ABSURD_VOLUME = 1e15
"""More than any day of any instrument; sums stay far from what a float cannot hold."""
_INFINITE = math.inf


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


class Counters(msgspec.Struct):
    """How many trades went where, since the process started."""

    applied: int = 0
    late: int = 0
    earlier_day: int = 0
    bad_price: int = 0
    bad_volume: int = 0
    bad_time: int = 0
    unwanted: int = 0


class _Entry:
    """One symbol's truth. Mutable, private to the book; everyone else gets a ``Quote``."""

    __slots__ = (
        "day_end_ms",
        "day_start_ms",
        "day_volume",
        "high",
        "low",
        "open",
        "prev_close",
        "price",
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
        self.time_ms = -1
        self.day_start_ms = -1
        self.day_end_ms = -1
        self.open = self.high = self.low = math.nan
        self.day_volume = 0.0

    def begin_day(self, day: Span, price: float) -> None:
        """The first trade of a day."""
        if self.time_ms >= 0:
            self.prev_close = self.price
        self.day_start_ms, self.day_end_ms = day.start_ms, day.end_ms
        self.open = self.high = self.low = price
        self.day_volume = 0


class Book:
    """The newest price per symbol."""

    def __init__(
        self,
        day_of: Callable[[str, int], Span],
        *,
        now_ms: Callable[[], int] | None = None,
        admit_all: bool = False,
        capacity: int = 2000,
    ) -> None:
        """Make an empty book.

        Args:
            day_of: the trading day of a symbol that holds a time.
            now_ms: the clock of a live feed, against which trades from the future are refused;
                ``None`` in a replay, where the year 2100 is the bound.
            admit_all: take every symbol that trades, up to ``capacity``, and keep it; else only
                those admitted.
            capacity: the most symbols held.
        """
        self._day_of = day_of
        self._now_ms = now_ms
        self._admit_all = admit_all
        self._capacity = capacity
        self._entries: dict[str, _Entry] = {}
        self._floor = 0
        self._latest_ms = 0
        self._turned: list[str] = []
        self.counters = Counters()

    def __len__(self) -> int:
        return len(self._entries)

    def admit(self, symbol: str) -> None:
        """Take this symbol's trades from now on."""
        if not self._admit_all and symbol not in self._entries:
            self._entries[symbol] = _Entry(symbol, self._floor)

    def drop(self, symbol: str) -> None:
        """Forget a symbol. Should it come back in this epoch, its ``seq`` goes on above the last:
        one floor for all symbols, so that forgetting truly frees memory.
        """
        if self._admit_all:
            return
        entry = self._entries.pop(symbol, None)
        if entry is not None:
            self._floor = max(self._floor, entry.seq)

    def new_epoch(self) -> None:
        """Forget every price, figure and sequence; keep who is admitted."""
        self._floor = 0
        self._latest_ms = 0
        if self._admit_all:
            self._entries.clear()
        for entry in self._entries.values():
            entry.prev_close = None
            entry.begin(0)

    def seed(self, seed: Seed) -> bool:
        """Learn what trades do not say; true when a known quote changed by it."""
        entry = self._entries.get(seed.symbol)
        if entry is None or seed.prev_close is None or not _is_price(seed.prev_close):
            return False
        changed = entry.prev_close != seed.prev_close
        entry.prev_close = seed.prev_close
        return changed and entry.time_ms >= 0

    def apply(self, trade: Trade) -> int:
        """Fold one trade in. Never raises: what cannot be is refused and counted.

        Returns:
            The new ``seq`` (1 or more) when the trade is the new last price; else ``FIGURES`` or
            ``NOTHING``.
        """
        price, volume, time_ms = trade.price, trade.volume, trade.time_ms
        entry = self._entries.get(trade.symbol) or self._newcomer(trade.symbol)
        if entry is None:
            self.counters.unwanted += 1
            return NOTHING
        if not (0 < price < _INFINITE and 0 <= volume < ABSURD_VOLUME):
            self._refuse_figures(price)
            return NOTHING
        if time_ms < YEAR_2000_MS or (time_ms > self._latest_ms and not self._plausible(time_ms)):
            self.counters.bad_time += 1
            return NOTHING
        if time_ms >= entry.day_end_ms:
            if entry.time_ms >= 0:
                self._turned.append(trade.symbol)
            entry.begin_day(self._day_of(trade.symbol, time_ms), price)
        elif time_ms < entry.day_start_ms:
            self.counters.earlier_day += 1
            return NOTHING
        entry.day_volume += volume
        if price > entry.high:
            entry.high = price
        elif price < entry.low:
            entry.low = price
        if time_ms < entry.time_ms:
            self.counters.late += 1
            return FIGURES
        entry.price = price
        entry.volume = volume
        entry.time_ms = time_ms
        entry.seq += 1
        self.counters.applied += 1
        return entry.seq

    def take_turned(self) -> list[str]:
        """The symbols for which a new day began since the last call; forgets them."""
        turned, self._turned = self._turned, []
        return turned

    def quote(self, symbol: str) -> Quote | None:
        """The newest price of a symbol and its day, or ``None`` without a trade."""
        entry = self._entries.get(symbol)
        if entry is None or entry.time_ms < 0:
            return None
        change, percent = _change(entry.price, entry.prev_close)
        return Quote(
            symbol=symbol,
            seq=entry.seq,
            price=entry.price,
            volume=entry.volume,
            time_ms=entry.time_ms,
            prev_close=entry.prev_close,
            change=change,
            change_percent=percent,
            open=entry.open,
            high=entry.high,
            low=entry.low,
            day_volume=entry.day_volume,
        )

    def _newcomer(self, symbol: str) -> _Entry | None:
        if not self._admit_all or len(self._entries) >= self._capacity:
            return None
        entry = self._entries[symbol] = _Entry(symbol, self._floor)
        return entry

    def _refuse_figures(self, price: float) -> None:
        if 0 < price < _INFINITE:
            self.counters.bad_volume += 1
        else:
            self.counters.bad_price += 1

    def _plausible(self, time_ms: int) -> bool:
        """Not from the future; remembers the newest time seen, so that the clock is read only
        when time moves on.
        """
        bound_ms = YEAR_2100_MS if self._now_ms is None else self._now_ms() + FUTURE_MS
        if time_ms > bound_ms:
            return False
        self._latest_ms = time_ms
        return True


def _is_price(value: float) -> bool:
    return 0 < value < math.inf


def _change(price: float, prev_close: float | None) -> tuple[float | None, float | None]:
    if prev_close is None:
        return None, None
    change = round(price - prev_close, max(decimals(price), decimals(prev_close), 2))
    return change, round(change / prev_close * 100, 4)


def decimals(price: float) -> int:
    """How many decimals a price is written with: the tick as far as one price shows it."""
    _, _, fraction = f"{price:.8f}".partition(".")
    return len(fraction.rstrip("0"))
