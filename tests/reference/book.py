"""The book of one symbol: its prints folded into the last price and the day.

``Symbol`` is given each print in the order of arrival, and each answer to a poll. It returns what
each one changed, counts what became of it, and keeps those that count in bars.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Literal, NamedTuple

from tests.reference.bars import Counted, Series, counted, exact
from tests.reference.days import Day, ordinary_day
from tests.reference.prints import CROSSES, Print, allowed

FAR, NEAR = 0.2, 0.05
"""Parts of the last price, and of the pending price."""
NEAR_MS, FRESH_MS, IN_A_ROW = 10_000, 15 * 60_000, 5
SMALL_STEP = 0.00025
"""A stock that moves by two ticks of 0.0001 is never an outlier."""
CROSS_MS = 60_000
"""How long after the end of the regular session its closing auction may be printed."""
YEAR_2000_MS, YEAR_2100_MS = 946_684_800_000, 4_102_444_800_000
IN_BARS = frozenset({"applied", "late", "range_only", "volume_only", "earlier_day"})
"""Where prints went that count in bars, if they are not too late for those."""

Made = Literal["price", "figures", "nothing"]
"""What clients are sent: a last price, figures of the day alone, or neither."""


class Answer(NamedTuple):
    """The answer to a poll: impossible figures are ``None``."""

    price: float | None = None
    time_ms: int | None = None
    open: float | None = None
    high: float | None = None
    low: float | None = None
    prev_close: float | None = None


class Last(NamedTuple):
    """A last price."""

    price: float
    volume: float
    time_ms: int
    polled: bool = False


class Figures:
    """A trading day of one symbol, from its first price on."""

    def __init__(self, day: Day, price: float, volume: Decimal, *, made_up: bool) -> None:
        self.day = day
        self.open = self.high = self.low = price
        self.volume = volume
        self.made_up = made_up
        """Whether it is of trades that came when the day was done: nothing better is known."""
        self.closes: list[Print] = []
        """Of these the newest is the close: prices of the regular session, the closing auction's,
        and polled ones.
        """
        self.after: list[Print] = []
        """Prices of the post-market."""

    def close(self) -> float | None:
        """The price at the end of the regular session; without one, the post-market's last."""
        prices = self.closes or self.after
        return max(reversed(prices), key=lambda one: one.time_ms).price if prices else None

    def note(self, print_: Print) -> None:
        """Note a price of this day, which may prove to be its close."""
        time_ms, close_ms = print_.time_ms, self.day.close_ms
        cross = time_ms < close_ms + CROSS_MS and not CROSSES.isdisjoint(print_.conditions)
        if time_ms < close_ms or cross:
            self.closes.append(print_)
        elif time_ms < self.day.done_ms:
            self.after.append(print_)

    def widen(self, price: float) -> None:
        """High and low hold this price."""
        self.high, self.low = max(self.high, price), min(self.low, price)

    def learn(self, answer: Answer) -> bool:
        """The day as upstream tells it; true when that is news."""
        before = (self.open, self.high, self.low)
        known = [one for one in (answer.open, answer.high, answer.low) if one is not None]
        if self.made_up and known:
            self.high, self.low, self.made_up = max(known), min(known), False
        for figure in known:
            self.widen(figure)
        if answer.open is not None:
            self.open = answer.open
        return before != (self.open, self.high, self.low)


class Symbol:
    """One symbol.

    Args:
        name: its name.
        day_of: the trading day of a symbol that holds a time.
        latest_ms: the latest time that can be.
        since_ms: since when it is followed.
    """

    def __init__(
        self,
        name: str,
        day_of: Callable[[str, int], Day] = ordinary_day,
        *,
        latest_ms: Callable[[], int] = lambda: YEAR_2100_MS,
        since_ms: int = 0,
    ) -> None:
        self._name = name
        self._day_of = day_of
        self._latest_ms = latest_ms
        self.last: Last | None = None
        self.figures: Figures | None = None
        self.prev_close: float | None = None
        self.series = Series(since_ms)
        self.counts: Counter[str] = Counter()
        """Where the prints went, by the names that ``trades`` has in ``/health``."""
        self._ahead = (-1, Decimal(0))
        """A day that has no price yet, and the volume that came for it."""
        self.pending: Print | None = None
        """The outlier that waits for a second print."""
        self._run = 0
        """Outliers in a row: positive above the last price, or negative below it."""
        self._confirmed: list[Print] = []
        self._asked: tuple[float, int] | None = None

    def hear(self, print_: Print) -> Made:
        """One print has come."""
        where, made = self._judge(print_)
        self.counts[where] += 1
        if where in IN_BARS:
            self.series.add(print_)
        self._count_confirmed()
        return made

    def ask(self, answer: Answer) -> Made:
        """An answer of ``/quote`` has come."""
        made = self._learn(answer)
        self._count_confirmed()
        if made == "price" and self.last is not None:
            self.counts["polled"] += 1
            self.series.add(Counted(self.last.time_ms, self.last.price, Decimal(0), trades=0))
        return made

    # Prints

    def _judge(self, print_: Print) -> tuple[str, Made]:
        """Where it goes, and what it makes."""
        may, time_ms = allowed(print_.conditions), print_.time_ms
        if not 0 < print_.price < math.inf:
            return "bad_price", "nothing"
        if not 0 <= print_.volume < 1e15:
            return "bad_volume", "nothing"
        if not self._possible(time_ms):
            return "bad_time", "nothing"
        if not may.last and self._shut(time_ms):
            return "outside", "nothing"
        first = self.figures is None or time_ms >= self.figures.day.end_ms
        if may.last or (may.high_low and first):
            return self._regular(print_ if may.volume else print_._replace(volume=0))
        if may.high_low:
            return self._range(print_ if may.volume else print_._replace(volume=0))
        if not may.volume:
            return "repeats", "nothing"
        return self._volume(print_)

    def _regular(self, print_: Print) -> tuple[str, Made]:
        if not self._accepted(print_):
            self.pending = print_
            return "outliers", "nothing"
        self._run = 0
        if self._is_earlier(print_):
            return self._earlier(print_), "nothing"
        shut = self._shut(print_.time_ms)
        if not shut:
            self._add_to_day(print_, begins=True)
            self._today.note(print_)
        if self.last is not None and print_.time_ms < self.last.time_ms:
            return ("outside", "nothing") if shut else ("late", "figures")
        self.last = Last(print_.price, print_.volume, print_.time_ms)
        return "outside" if shut else "applied", "price"

    def _range(self, print_: Print) -> tuple[str, Made]:
        """It may be high or low, and no last price."""
        if self._is_earlier(print_):
            return self._earlier(print_), "nothing"
        if self._is_far(print_) and not self._is_inside(print_):
            return "outliers", "nothing"
        self._add_to_day(print_)
        return "range_only", "figures"

    def _volume(self, print_: Print) -> tuple[str, Made]:
        """It has no price; volume of a day without a first price waits for that."""
        if self._is_earlier(print_):
            return self._earlier(print_), "nothing"
        if self.figures is not None and print_.time_ms < self.figures.day.end_ms:
            self.figures.volume += exact(print_.volume)
            return "volume_only", "figures"
        start_ms = self._day(print_.time_ms).start_ms
        if start_ms > self._ahead[0]:
            self._ahead = (start_ms, Decimal(0))
        if start_ms == self._ahead[0]:
            self._ahead = (start_ms, self._ahead[1] + exact(print_.volume))
        return "volume_only", "nothing"

    def _is_earlier(self, print_: Print) -> bool:
        return self.figures is not None and print_.time_ms < self.figures.day.start_ms

    def _earlier(self, print_: Print) -> str:
        """Its day is over; or it was outside the sessions of that."""
        return "outside" if print_.time_ms >= self._day(print_.time_ms).done_ms else "earlier_day"

    # Outliers

    def _accepted(self, print_: Print) -> bool:
        """Whether a print counts now, or is pending."""
        if self._is_earlier(print_) or self._confirms(print_):
            return True
        if self.pending is not None and print_.time_ms - self.pending.time_ms > NEAR_MS:
            self.pending = None
        if self.last is None or not self._is_far(print_):
            return True
        if print_.time_ms < self.last.time_ms:
            return self._is_inside(print_)
        side = 1 if print_.price > self.last.price else -1
        self._run = self._run + side if self._run * side > 0 else side
        return abs(self._run) >= IN_A_ROW

    def _confirms(self, print_: Print) -> bool:
        """Whether a print confirms the pending one, which then counts."""
        pending = self.pending
        if pending is None or abs(print_.time_ms - pending.time_ms) > NEAR_MS:
            return False
        if abs(print_.price - pending.price) > NEAR * pending.price:
            return False
        if self.figures is not None and print_.time_ms < self.figures.day.end_ms <= pending.time_ms:
            return False
        self.pending, self._run = None, 0
        self.counts["outliers_confirmed"] += 1
        if self._shut(pending.time_ms):
            return True
        if not self._is_earlier(pending):
            self._add_to_day(pending, begins=True)
        self._confirmed.append(pending)
        return True

    def _is_far(self, print_: Print) -> bool:
        """Out of reach of a last price that is fresh."""
        if self.last is None or print_.time_ms - self.last.time_ms >= FRESH_MS:
            return False
        moved = abs(print_.price - self.last.price)
        return moved > FAR * self.last.price and (":" in self._name or moved > SMALL_STEP)

    def _is_inside(self, print_: Print) -> bool:
        """Whether the day has been at this price."""
        return self._today.low <= print_.price <= self._today.high

    # Days

    @property
    def _today(self) -> Figures:
        assert self.figures is not None
        return self.figures

    def _day(self, time_ms: int) -> Day:
        return self._day_of(self._name, time_ms)

    def _shut(self, time_ms: int) -> bool:
        """Whether the market is closed then, and its last session is known."""
        if self.figures is None or self.figures.made_up:
            return False
        day = self.figures.day
        return time_ms >= (day if time_ms < day.end_ms else self._day(time_ms)).done_ms

    def _begin(self, price: float, time_ms: int) -> None:
        """The first price of a day; the volume that came for it is the day's."""
        if self.figures is not None and self.last is not None:
            close = self.figures.close()
            self.prev_close = self.last.price if close is None else close
        day = self._day(time_ms)
        volume = self._ahead[1] if self._ahead[0] == day.start_ms else Decimal(0)
        self._ahead = (-1, Decimal(0))
        self.figures = Figures(day, price, volume, made_up=time_ms >= day.done_ms)

    def _add_to_day(self, print_: Print, *, begins: bool = False) -> None:
        """It counts in high, low and volume; and may be the first price of its day."""
        if begins and (self.figures is None or print_.time_ms >= self.figures.day.end_ms):
            self._begin(print_.price, print_.time_ms)
        self._today.widen(print_.price)
        self._today.volume += exact(print_.volume)

    # Polled prices

    def _learn(self, answer: Answer) -> Made:
        time_ms, day = answer.time_ms, None if self.figures is None else self.figures.day
        if time_ms is None or not self._possible(time_ms):
            changed = self._learn_close(answer.prev_close)
        elif day is not None and time_ms < day.start_ms:
            before = self._day(time_ms)
            official = before.end_ms == day.start_ms and time_ms >= before.close_ms
            changed = (official or self.prev_close is None) and self._learn_close(answer.price)
        elif answer.price is not None:
            return self._learn_price(answer, answer.price, time_ms)
        else:
            changed = self._learn_close(answer.prev_close)
            if day is not None and time_ms < day.end_ms:
                changed |= self._today.learn(answer)
        return "figures" if changed and self.last is not None else "nothing"

    def _learn_price(self, answer: Answer, price: float, time_ms: int) -> Made:
        """A price of the day or of a later one."""
        polled = Print(self._name, price, 0, time_ms)
        self._confirms(polled)
        news, self._asked = self._asked != (price, time_ms), (price, time_ms)
        if self.figures is None or time_ms >= self.figures.day.end_ms:
            self._begin(price, time_ms)
        changed = self._learn_close(answer.prev_close)
        changed |= self._today.learn(answer)
        if self._today.day.close_ms <= time_ms < self._today.day.end_ms:
            self._today.closes = [polled]  # the official one
        if not (news and self._is_newer(price, time_ms)):
            return "figures" if changed else "nothing"
        self._today.widen(price)
        self._run = 0
        self.last = Last(price, 0.0, max(self.last.time_ms if self.last else -1, time_ms), True)
        if self.last.time_ms < self._today.day.close_ms:
            self._today.note(polled._replace(time_ms=self.last.time_ms))
        return "price"

    def _is_newer(self, price: float, time_ms: int) -> bool:
        """Of a later second than the last price, or of the same one and another price."""
        if self.last is None:
            return True
        second, ours = time_ms // 1000, self.last.time_ms // 1000
        return second > ours or (second == ours and price != self.last.price)

    def _learn_close(self, price: float | None) -> bool:
        if price is None or price == self.prev_close:
            return False
        self.prev_close = price
        return True

    # Inside

    def _possible(self, time_ms: int) -> bool:
        return YEAR_2000_MS <= time_ms <= self._latest_ms()

    def _count_confirmed(self) -> None:
        """Count confirmed prints, though never as last prices."""
        pending, self._confirmed = self._confirmed, []
        for print_ in pending:
            self.series.add(counted(print_)._replace(last=False))


def fold(
    prints: Iterable[Print], day_of: Callable[[str, int], Day] = ordinary_day
) -> dict[str, Symbol]:
    """What a list of prints comes to, by symbol."""
    symbols: dict[str, Symbol] = {}
    for print_ in prints:
        symbols.setdefault(print_.symbol, Symbol(print_.symbol, day_of)).hear(print_)
    return symbols
