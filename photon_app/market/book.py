"""The book: the newest price of every symbol, its day so far, and its sequence.

The one place where trades become truth. Synchronous and total; called on the event loop only, by
the market. It never looks upstream or downstream: which symbols are wanted is told to it with
``admit`` and ``drop``, and what came of trades is the ``Outcome`` of each call.

Rules (the order of a tape is by time, not by arrival; docs/market-data.md has the reasons):

- the last price is that of the newest time; among equal times the one that arrived last;
- an older trade counts in volume, high and low, and moves neither the last price nor ``seq``;
- a trade of volume 0 is a price and no more;
- what a trade's conditions forbid, it does not do (``market.conditions``);
- a price far from the last one is held until a second print bears it out (``market.outliers``);
  then the first counts in volume, high and low, and the second is a trade like any other; the fifth
  in a row on one side needs none;
- a trade of an earlier day than the book's counts nowhere;
- a first price of a new day begins it, and makes the last price of the regular session before it
  the previous close;
- a trade outside the sessions of its market is a price and no more: it begins no day and counts in
  no figure and no bar. Only where nothing is known of the last session, a day is made of such;
- a price that was asked for (``seed``) becomes the last one when it is newer in whole seconds;
- a price or time that cannot be is refused and counted.

Every trade given to ``apply`` is counted once, where it went (``Counters``).

Bound: ``capacity`` symbols; a trade of any further one is refused and counted. Of each symbol at
most one print is held.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable
from typing import Literal

from photon_app.market import digits
from photon_app.market.conditions import NOTHING as PRICE_ALONE
from photon_app.market.conditions import REGULAR, Effects
from photon_app.market.entry import Day, Entry, is_price
from photon_app.market.outliers import CONFIRM_MS, LEAST, MOST, RUN, confirms, far, fresh
from photon_app.model import Bar, Clock, Counted, Effect, Quote, Seed, Trade

YEAR_2000_MS = 946_684_800_000
YEAR_2100_MS = 4_102_444_800_000
FUTURE_MS = 60_000
"""How far ahead of the clock a live trade may be, or of the tape's where that is ahead."""


CROSS_MS = 60_000
"""How long after the end of a regular session its closing cross may be printed."""
CROSSES = frozenset({"35", "36"})
"""Conditions of such a print: see ``market.conditions``."""
ABSURD_VOLUME = 1e15
"""More than any day of any instrument; sums stay far from what a float cannot hold."""
BORNE_OUT = (
    Effect(last=False, high_low=True, volume=False),
    Effect(last=False, high_low=True, volume=True),
)
"""What a print may change that was held, without and with its volume: it is no last price."""
_INFINITE = math.inf
Refusal = Literal["bad_price", "bad_volume", "bad_time", "earlier_day"]
"""Why a trade of a symbol that is held counts nowhere, by the count that it is in."""


@dataclasses.dataclass(slots=True)  # written on the path of every trade: a struct costs more
class Counters:
    """How many trades went where, since the process started. Each trade is in one of the counts
    above ``outliers_confirmed``; the three below tell more of some.
    """

    applied: int = 0
    """Became the last price."""
    late: int = 0
    """Older than the last price: counted in volume, high and low."""
    range_only: int = 0
    """Counted in volume, high and low, because of their conditions."""
    volume_only: int = 0
    """Counted in the volume, because of their conditions."""
    repeats: int = 0
    """Counted nowhere: by their conditions they repeat an earlier print."""
    earlier_day: int = 0
    """Counted nowhere: their day is over."""
    bad_price: int = 0
    bad_volume: int = 0
    bad_time: int = 0
    outside: int = 0
    """Outside the sessions of their market: a price, where they were the newest, and no more."""
    unwanted: int = 0
    outliers: int = 0
    """Held back because of their price, whatever became of them."""
    outliers_confirmed: int = 0
    """Those of them that a second print bore out: counted in volume, high and low."""
    price_only: int = 0
    """Those, of all that counted, that were of volume 0."""
    polled: int = 0
    """Last prices that were asked for; no trades."""


class Outcome:
    """What came of one call of the book. Its lists are the caller's."""

    __slots__ = ("counted", "figures", "newest")

    def __init__(self) -> None:
        self.counted: list[Counted] = []
        """The trades that count, in bars or as last prices."""
        self.figures: dict[str, None] = {}
        """The symbols whose figures changed in a way that no trade of ``counted`` tells."""
        self.newest = False
        """Whether what was asked for, or recalled, is the new last price."""


class Book:
    """The newest price per symbol."""

    def __init__(
        self,
        day_of: Callable[[str, int], Day],
        *,
        clock: Clock | None = None,
        admit_all: bool = False,
        capacity: int = 2000,
    ) -> None:
        """Make an empty book.

        Args:
            day_of: the trading day of a symbol that holds a time.
            clock: that of a live feed, against which trades from the future are refused;
                ``None`` in a replay, where the year 2100 is the bound.
            admit_all: take every symbol that trades, up to ``capacity``, and keep it; else only
                those admitted.
            capacity: the most symbols held.
        """
        self._day_of = day_of
        self._now_ms = None if clock is None else clock.now_ms
        self._admit_all = admit_all
        self._capacity = capacity
        self._entries: dict[str, Entry] = {}
        self._floor = 0
        self._latest_ms = 0
        self._left_out = False
        self._effects = Effects()
        self._outcome = Outcome()
        self.ahead_ms = 0
        """How far the tape's clock is ahead of the market's."""
        self.counters = Counters()
        self._refused: dict[str, Refusal] = {}
        """Of the symbols held, those of which a trade was refused, since it was last asked for."""

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def left_out(self) -> bool:
        """Whether it takes every symbol that trades, and there are more than it may hold."""
        return self._admit_all and self._left_out

    def admit(self, symbol: str) -> None:
        """Take this symbol's trades from now on."""
        if not self._admit_all and symbol not in self._entries:
            self._entries[symbol] = Entry(symbol, self._floor)

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
        self._left_out = False
        if self._admit_all:
            self._entries.clear()
        for entry in self._entries.values():
            entry.prev_close = None
            entry.begin(0)

    def seed(self, seed: Seed) -> Outcome:
        """Learn what was asked for. Never raises: what cannot be is ignored."""
        outcome = self._outcome = Outcome()
        entry = self._entries.get(seed.symbol)
        if entry is None:
            return outcome
        time_ms, price = seed.time_ms, seed.price
        if time_ms is None or not self._possible(time_ms):
            changed = entry.learn_close(seed.prev_close)
        elif time_ms < entry.day_start_ms:
            # The newest price that upstream knows is of a day before ours, and outside the regular
            # session it is that day's official close.
            day = self._day_of(seed.symbol, time_ms)
            official = day.end_ms == entry.day_start_ms and day.close_ms <= time_ms
            changed = (official or entry.prev_close is None) and entry.learn_close(price)
        else:
            if price is not None and is_price(price):
                self._ask(entry, seed, price, time_ms)
                return outcome
            changed = entry.learn_close(seed.prev_close)
            changed |= time_ms < entry.day_end_ms and entry.learn_figures(seed)
        if changed and entry.time_ms >= 0:
            outcome.figures[seed.symbol] = None
        return outcome

    def recall(
        self,
        symbol: str,
        bar: Bar,
        *,
        close: float | None = None,
        prev_close: float | None = None,
        as_price: bool = False,
    ) -> Outcome:
        """Learn what a symbol's day came to so far, from its bars: after a restart it goes on.

        Args:
            symbol: whose.
            bar: its day, with at least what was applied here.
            close: the price at the end of that day's regular session, if that is over.
            prev_close: that of the day before; taken where none is known.
            as_price: where there is no price, the bar's last one is one, until a newer comes.
        """
        outcome = self._outcome = Outcome()
        entry = self._entries.get(symbol)
        if entry is None:
            return outcome
        learned = entry.prev_close is None and entry.learn_close(prev_close)
        day = self._day_of(symbol, bar.close_ms)
        if as_price and entry.time_ms < 0:
            entry.take_up(day, bar, close)
            outcome.newest = True
        elif entry.recall(day, bar, close) or (learned and entry.time_ms >= 0):
            outcome.figures[symbol] = None
        return outcome

    def apply(self, batch: Iterable[Trade]) -> Outcome:  # noqa: C901 - a call costs more
        """Fold trades in, in their order. Never raises: what cannot be is refused and counted."""
        outcome = self._outcome = Outcome()
        entries, effects, counters = self._entries, self._effects, self.counters
        count, applied = outcome.counted.append, 0
        for trade in batch:
            time_ms = trade.time_ms
            entry = entries.get(trade.symbol) or self._newcomer(trade.symbol)
            if entry is None:
                counters.unwanted += 1
                continue
            if not (0 < trade.price < _INFINITE and 0 <= trade.volume < ABSURD_VOLUME):
                self._refuse_figures(trade.symbol, trade.price)
                continue
            if not (YEAR_2000_MS <= time_ms <= self._latest_ms or self._possible(time_ms)):
                counters.bad_time += 1
                self._refused[trade.symbol] = "bad_time"
                continue
            effect = effects[trade.conditions]
            if effect is not REGULAR:
                counts = self._marked(entry, trade, effect)
                if counts is None:
                    continue
                trade = counts  # noqa: PLW2901
            price, volume, last = trade.price, trade.volume, entry.price
            if (
                entry.held is not None or price < last * LEAST or price > last * MOST
            ) and not self._believed(entry, trade):
                continue
            if not entry.day_start_ms <= time_ms < entry.edge_ms and self._is_beyond(
                entry, trade, effect
            ):
                continue
            entry.day_volume += volume
            if not volume:
                counters.price_only += 1
            if not entry.low <= price <= entry.high:
                entry.widen(price)
            if time_ms < entry.time_ms:
                self._count_late(entry, trade, effect)
                continue
            entry.price = price
            entry.volume = volume
            entry.polled = False
            entry.time_ms = time_ms
            entry.seq = seq = entry.seq + 1
            if seq >= entry.look_seq and entry.look():
                outcome.figures[trade.symbol] = None
            applied += 1
            count((trade, effect, seq))
        counters.applied += applied
        return outcome

    def _count_late(self, entry: Entry, trade: Trade, effect: Effect) -> None:
        """A trade of the day that is older than the last price."""
        self.counters.late += 1
        if entry.close is not None:
            _close_late(entry, trade)
        self._outcome.counted.append((trade, effect, 0))
        self._outcome.figures[trade.symbol] = None

    def take_refused(self) -> dict[str, Refusal]:
        """Of which symbols a trade was refused since the last call, and why last; forgets them."""
        refused = self._refused
        if refused:
            self._refused = {}
        return refused

    def counted(self, symbol: str) -> tuple[int, float] | None:
        """What changes with every trade of a symbol that counts; ``None`` when it is not held."""
        entry = self._entries.get(symbol)
        return None if entry is None else (entry.seq, entry.day_volume)

    def quote(self, symbol: str) -> Quote | None:
        """The newest price of a symbol and its day, or ``None`` without a trade."""
        entry = self._entries.get(symbol)
        if entry is None or entry.time_ms < 0:
            return None
        change, percent = digits.change(entry.price, entry.prev_close)
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
            day_volume=digits.total(entry.day_volume),
            close=entry.close,
            polled=entry.polled,
            recalled=entry.recalled,
            day_ms=None if entry.day is None else entry.day.date_ms,
            decimals=entry.digits.decimals,
        )

    def _marked(self, entry: Entry, trade: Trade, effect: Effect) -> Trade | None:
        """Fold in a trade whose conditions forbid something; or return it as it counts, where it
        may be a last price.
        """
        price, time_ms = trade.price, trade.time_ms
        volume = trade.volume if effect.volume else 0
        first = time_ms >= entry.day_end_ms
        if time_ms >= entry.edge_ms and self._is_done(entry, time_ms) and not effect.last:
            self.counters.outside += 1
        elif effect.last or (effect.high_low and first):
            return Trade(trade.symbol, price, volume, time_ms)
        elif time_ms < entry.day_start_ms:
            if effect.volume:
                self._count_earlier(entry, trade, effect)
        elif effect.high_low:
            self._apply_range(entry, trade, effect, volume)
        elif not effect.volume:
            self.counters.repeats += 1
        else:
            self.counters.volume_only += 1
            self._outcome.counted.append((trade, effect, 0))
            if first:
                entry.come_ahead(self._day_of(trade.symbol, time_ms), volume)
            else:
                entry.day_volume += volume
                self._outcome.figures[trade.symbol] = None
        return None

    def _apply_range(self, entry: Entry, trade: Trade, effect: Effect, volume: float) -> None:
        """Fold in a trade that may not be the last price. Nothing is held of it: a price that the
        market did not make bears out none, and none bears it out.
        """
        price = trade.price
        outside = not entry.low <= price <= entry.high
        if outside and _doubtful(entry, trade):
            self.counters.outliers += 1
            return
        self.counters.range_only += 1
        self.counters.price_only += not volume
        entry.widen(price)
        entry.day_volume += volume
        self._outcome.counted.append((trade, effect, 0))
        self._outcome.figures[trade.symbol] = None

    def _believed(self, entry: Entry, trade: Trade) -> bool:
        """Whether a trade counts now, else it is held. Asked of those that are far from the last
        price, and of all while one is held.
        """
        if self._plausible(entry, trade) or _outnumbered(entry, trade):
            entry.run = 0
            return True
        entry.held = trade
        self.counters.outliers += 1
        return False

    def _plausible(self, entry: Entry, trade: Trade) -> bool:
        """Whether a trade needs no other to be believed, or has the one that it needs."""
        price, time_ms = trade.price, trade.time_ms
        if time_ms < entry.day_start_ms or self._confirmed(entry, price, time_ms):
            return True
        if entry.held is not None and time_ms - entry.held.time_ms > CONFIRM_MS:
            entry.held = None
        if not _doubtful(entry, trade):
            return True
        return time_ms < entry.time_ms and entry.low <= price <= entry.high

    def _confirmed(self, entry: Entry, price: float, time_ms: int) -> bool:
        """Whether a price bears out the print that is held, which then counts."""
        held = entry.held
        if held is None or not confirms(price, time_ms, held):
            return False
        if time_ms < entry.day_end_ms <= held.time_ms:
            return False
        outside = self._is_done(entry, held.time_ms)
        entry.held, entry.run = None, 0
        self.counters.outliers_confirmed += 1
        self.counters.price_only += not held.volume
        if outside:
            return True
        if held.time_ms >= entry.day_end_ms:
            self._begin_day(entry, held.price, held.time_ms)
        if held.time_ms >= entry.day_start_ms:
            entry.widen(held.price)
            entry.day_volume += held.volume
        effect = BORNE_OUT[self._effects[held.conditions].volume]
        self._outcome.counted.append((held, effect, 0))
        return True

    def _ask(self, entry: Entry, seed: Seed, price: float, time_ms: int) -> None:
        """Fold in a price that was asked for, of the entry's day or a later one."""
        self._confirmed(entry, price, time_ms)
        news, entry.asked = entry.asked != (price, time_ms), (price, time_ms)
        if time_ms >= entry.day_end_ms:
            self._begin_day(entry, price, time_ms)
        changed = entry.learn_close(seed.prev_close)
        changed |= entry.learn_figures(seed)
        if entry.day is not None and entry.day.close_ms <= time_ms < entry.day.end_ms:
            entry.close_at(price, time_ms)
        second, last_second = time_ms // 1000, entry.time_ms // 1000
        unlike = price != entry.price or entry.recalled
        newer = second > last_second or (second == last_second and unlike)
        if changed:
            self._outcome.figures[entry.symbol] = None
        if not (news and newer):
            return
        entry.widen(price)
        entry.run = 0
        entry.price = price
        entry.volume = 0.0
        entry.polled = True
        entry.time_ms = max(entry.time_ms, time_ms)
        entry.seq += 1
        entry.look()
        self._outcome.figures[entry.symbol] = None
        self._outcome.newest = True
        self.counters.polled += 1

    def _is_done(self, entry: Entry, time_ms: int) -> bool:
        """Whether a time is when a known day is done and no other has begun."""
        day = entry.day
        if day is None or entry.provisional:
            return False
        if time_ms >= day.end_ms:
            day = self._day_of(entry.symbol, time_ms)
        return time_ms >= day.done_ms

    def _is_beyond(self, entry: Entry, trade: Trade, effect: Effect) -> bool:
        """Whether a trade that is not simply of the regular session is of an earlier day or outside
        the sessions; all that it comes to is done then. Else its day has begun by now, and the
        regular session is over where it is.
        """
        time_ms, day = trade.time_ms, entry.day
        if time_ms < entry.day_start_ms:
            self._count_earlier(entry, trade, effect)
            return True
        if day is not None and day.start_ms <= entry.time_ms < day.close_ms:
            entry.close_at(entry.price, entry.time_ms)  # also where one was recalled too early
        if self._is_done(entry, time_ms):
            self._apply_outside(entry, trade)
            return True
        if day is None or time_ms >= day.end_ms:
            self._begin_day(entry, trade.price, time_ms)
            outside = self._is_done(entry, time_ms)
            if outside:
                self._apply_outside(entry, trade)
            return outside
        if time_ms >= day.close_ms + CROSS_MS:
            entry.edge_ms = day.end_ms if entry.provisional else day.done_ms
        elif not CROSSES.isdisjoint(trade.conditions):
            entry.close_at(trade.price, time_ms)
        return False

    def _count_earlier(self, entry: Entry, trade: Trade, effect: Effect) -> None:
        """Count a trade from before the day: it is of one that is over, or was outside."""
        if trade.time_ms >= self._day_of(entry.symbol, trade.time_ms).done_ms:
            self.counters.outside += 1
            return
        self.counters.earlier_day += 1
        self._refused[entry.symbol] = "earlier_day"
        self._outcome.counted.append((trade, effect, 0))

    def _apply_outside(self, entry: Entry, trade: Trade) -> None:
        """Fold in a trade outside the sessions: it is a price and no more. No client can fold it by
        itself, so it tells the figures too.
        """
        self.counters.outside += 1
        self._outcome.figures[entry.symbol] = None
        if trade.time_ms < entry.time_ms:
            return
        day = entry.day
        if entry.close is None and day is not None and day.start_ms <= entry.time_ms < day.done_ms:
            entry.close_at(entry.price, entry.time_ms)
        entry.price, entry.volume, entry.time_ms = trade.price, trade.volume, trade.time_ms
        entry.polled = False
        entry.seq += 1
        if entry.seq >= entry.look_seq:
            entry.look()
        self._outcome.counted.append((trade, PRICE_ALONE, entry.seq))

    def _begin_day(self, entry: Entry, price: float, time_ms: int) -> None:
        if entry.time_ms >= 0 or entry.ahead_volume:
            self._outcome.figures[entry.symbol] = None
        day = self._day_of(entry.symbol, time_ms)
        entry.begin_day(day, price, outside=time_ms >= day.done_ms)

    def _newcomer(self, symbol: str) -> Entry | None:
        if not self._admit_all or len(self._entries) >= self._capacity:
            self._left_out = True
            return None
        entry = self._entries[symbol] = Entry(symbol, self._floor)
        return entry

    def _refuse_figures(self, symbol: str, price: float) -> None:
        if 0 < price < _INFINITE:
            self.counters.bad_volume += 1
            self._refused[symbol] = "bad_volume"
        else:
            self.counters.bad_price += 1
            self._refused[symbol] = "bad_price"

    def _possible(self, time_ms: int) -> bool:
        """Neither absurd nor from the future; remembers the newest time seen, so that the clock is
        read only when time moves on.
        """
        if time_ms > self._latest_ms:
            bound_ms = YEAR_2100_MS
            if self._now_ms is not None:
                bound_ms = self._now_ms() + self.ahead_ms + FUTURE_MS
            if time_ms > bound_ms:
                return False
            self._latest_ms = time_ms
        return time_ms >= YEAR_2000_MS


def _doubtful(entry: Entry, trade: Trade) -> bool:
    return far(trade.symbol, trade.price, entry.price) and fresh(trade.time_ms, entry.time_ms)


def _close_late(entry: Entry, trade: Trade) -> None:
    """Let a late trade be the close of its day, where it is nearer to it than what is known."""
    day, time_ms = entry.day, trade.time_ms
    if day is None or time_ms < entry.close_ms:
        return
    crosses = time_ms < day.close_ms + CROSS_MS and not CROSSES.isdisjoint(trade.conditions)
    if time_ms < day.close_ms or crosses:
        entry.close_at(trade.price, time_ms)


def _outnumbered(entry: Entry, trade: Trade) -> bool:
    """Count a print that is held; true when there are so many that the last price is wrong."""
    if trade.time_ms < entry.time_ms:
        return False
    side = 1 if trade.price > entry.price else -1
    entry.run = entry.run + side if entry.run * side > 0 else side
    return abs(entry.run) >= RUN
