"""The book: the newest price of every symbol, its day so far, and its sequence.

The only module that decides what a trade changes. Synchronous and total; called only by the market,
on the event loop. It knows neither feeds nor clients: ``admit`` and ``drop`` set which symbols it
takes, and each call returns an ``Outcome``.

Rules (trades are ordered by time, not by arrival; docs/market-data.md has the reasons):

- the last price is that of the newest time; among equal times, the one that arrived last;
- an older trade counts in volume, high and low, and changes neither the last price nor ``seq``;
- a trade of volume 0 only sets a price;
- a trade changes only what its conditions allow (``market.conditions``);
- a price far from the last one is set aside until a second print confirms it (``market.outliers``);
  then the first counts in volume, high and low, and the second is a trade like any other; the fifth
  in a row on one side needs no confirmation;
- a trade of an earlier day than the book's counts nowhere;
- the first price of a new day starts that day, and the last price of the regular session before it
  becomes the previous close;
- a trade outside the sessions of its market only sets a price: it starts no day and counts in no
  figure and no bar. Only if nothing is known of the last session do such trades make up a day;
- a polled price (``seed``) becomes the last one when it is newer in whole seconds;
- a trade with an impossible price or time is refused and counted.

Every trade given to ``apply`` is counted exactly once, by what became of it (``Counters``).

Bound: ``capacity`` symbols; a trade of any further symbol is refused and counted. At most one print
per symbol is pending.
"""

import dataclasses
import math
from collections.abc import Callable, Iterable, Sequence
from typing import Literal

from photon_app.market import digits, verdicts
from photon_app.market.conditions import NOTHING as PRICE_ALONE
from photon_app.market.conditions import REGULAR, Effects
from photon_app.market.entry import Day, Entry, is_price
from photon_app.market.outliers import CONFIRM_MS, LEAST, MOST, RUN, confirms, far, fresh
from photon_app.model import Bar, Clock, Counted, Effect, Quote, Seed, Trade, Verdict
from photon_app.settings import DEFAULTS

YEAR_2000_MS = 946_684_800_000
YEAR_2100_MS = 4_102_444_800_000
FUTURE_MS = 60_000
"""How far a live trade may be ahead of the clock, or of the tape's clock if that is ahead."""

CROSS_MS = 60_000
"""How long after the end of a regular session its closing cross may be printed."""
CROSSES = frozenset({"35", "36"})
"""Conditions of such a print: see ``market.conditions``."""
ABSURD_VOLUME = 1e15
"""More than any instrument trades in a day; sums stay far below what a float cannot represent."""
CONFIRMED = (
    Effect(last=False, high_low=True, volume=False),
    Effect(last=False, high_low=True, volume=True),
)
"""What a confirmed outlier may change, without and with its volume; never the last price."""
_INFINITE = math.inf
Refusal = Literal["bad_price", "bad_volume", "bad_time", "earlier_day"]
"""Why a trade of an admitted symbol counts nowhere: the name of the counter that it is in."""


@dataclasses.dataclass(slots=True)  # written on the path of every trade: a struct costs more
class Counters:
    """What became of the trades since the process started. Each trade is in exactly one of the
    counts above ``outliers_confirmed``; that one and the two below it are subsets or extras.
    """

    applied: int = 0
    """Became the last price."""
    late: int = 0
    """Older than the last price: counted in volume, high and low."""
    range_only: int = 0
    """Counted in volume, high and low only, because of their conditions."""
    volume_only: int = 0
    """Counted in volume only, because of their conditions."""
    repeats: int = 0
    """Counted nowhere: their conditions say that they repeat an earlier print."""
    earlier_day: int = 0
    """Counted nowhere: their day is over."""
    bad_price: int = 0
    bad_volume: int = 0
    bad_time: int = 0
    outside: int = 0
    """Outside the sessions of their market: they only set the price, if they were the newest."""
    unwanted: int = 0
    outliers: int = 0
    """Set aside or dropped because of their price, whether or not they were confirmed later."""
    outliers_confirmed: int = 0
    """Outliers that a second print confirmed: counted in volume, high and low."""
    price_only: int = 0
    """Trades of volume 0, among all that counted."""
    polled: int = 0
    """Last prices that came from polling; they are no trades."""


class Outcome:
    """The result of one call of the book. The caller owns its lists."""

    __slots__ = ("counted", "figures", "newest", "verdicts")

    def __init__(self) -> None:
        self.counted: list[Counted] = []
        """The trades that count, in bars or as last prices."""
        self.figures: dict[str, None] = {}
        """The symbols whose figures changed in a way that no trade of ``counted`` shows."""
        self.newest = False
        """Whether the polled or recalled price is the new last price."""
        self.verdicts: Sequence[tuple[Trade, Verdict]] = ()
        """What became of prints that are not plain new last prices: those of this call, and earlier
        ones that were held. Of a print named twice, the last verdict holds. A print is identified
        as an object, since equal prints are common."""

    def note(self, print_: Trade, verdict: Verdict) -> None:
        """Note what became of a print."""
        if isinstance(self.verdicts, list):
            self.verdicts.append((print_, verdict))
        else:
            self.verdicts = [(print_, verdict)]  # most frames have none


class Book:
    """The newest price per symbol."""

    def __init__(
        self,
        day_of: Callable[[str, int], Day],
        *,
        clock: Clock | None = None,
        admit_all: bool = False,
        capacity: int = DEFAULTS.max_symbols_total,
    ) -> None:
        """Make an empty book.

        Args:
            day_of: returns the trading day of a symbol that contains a time.
            clock: the clock of a live feed, against which trades from the future are refused;
                ``None`` in a replay, where the year 2100 is the bound.
            admit_all: take every symbol that trades, up to ``capacity``, and keep it; otherwise
                take only the symbols that are admitted.
            capacity: the most symbols in the book.
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
        """How far the tape's clock is ahead of the market's clock."""
        self.counters = Counters()
        self._refused: dict[str, Refusal] = {}
        """Symbols in the book of which a trade was refused since the last ``take_refused``."""

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, symbol: object) -> bool:
        return symbol in self._entries

    @property
    def left_out(self) -> bool:
        """Whether the book takes every symbol that trades, and more trade than ``capacity``."""
        return self._admit_all and self._left_out

    def admit(self, symbol: str) -> None:
        """Accept this symbol's trades from now on."""
        if not self._admit_all and symbol not in self._entries:
            self._entries[symbol] = Entry(symbol, self._floor)

    def drop(self, symbol: str) -> None:
        """Forget a symbol. If it comes back in this epoch, its ``seq`` continues above its last
        one. All symbols share one floor for that, so that forgetting really frees memory.
        """
        if self._admit_all:
            return
        entry = self._entries.pop(symbol, None)
        if entry is not None:
            self._floor = max(self._floor, entry.seq)

    def new_epoch(self) -> None:
        """Forget every price, figure and sequence; keep the symbols that are admitted."""
        self._floor = 0
        self._latest_ms = 0
        self._left_out = False
        if self._admit_all:
            self._entries.clear()
        for entry in self._entries.values():
            entry.prev_close = None
            entry.reset(0)

    def seed(self, seed: Seed) -> Outcome:
        """Apply the answer to a poll. Never raises: impossible values are ignored."""
        outcome = self._outcome = Outcome()
        entry = self._entries.get(seed.symbol)
        if entry is None:
            return outcome
        time_ms, price = seed.time_ms, seed.price
        if time_ms is None or not self._possible(time_ms):
            changed = entry.set_prev_close(seed.prev_close)
        elif time_ms < entry.day_start_ms:
            # Upstream's newest price is of an earlier day than ours. If it was made outside the
            # regular session, it is that day's official close.
            day = self._day_of(seed.symbol, time_ms)
            official = day.end_ms == entry.day_start_ms and day.close_ms <= time_ms
            changed = (official or entry.prev_close is None) and entry.set_prev_close(price)
        else:
            if price is not None and is_price(price):
                self._apply_polled(entry, seed, price, time_ms)
                return outcome
            changed = entry.set_prev_close(seed.prev_close)
            changed |= time_ms < entry.day_end_ms and entry.merge_polled(seed)
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
        """Restore the figures of a symbol's day from its bars, so that the day continues after a
        restart.

        Args:
            symbol: the symbol.
            bar: the bar of its day, which includes at least the trades that were applied here.
            close: the price at the end of that day's regular session, if that is over.
            prev_close: the close of the day before; used only if none is known.
            as_price: use the bar's close as the last price if there is none, until a newer price
                comes.
        """
        outcome = self._outcome = Outcome()
        entry = self._entries.get(symbol)
        if entry is None:
            return outcome
        learned = entry.prev_close is None and entry.set_prev_close(prev_close)
        day = self._day_of(symbol, bar.close_ms)
        if as_price and entry.time_ms < 0:
            entry.restore(day, bar, close)
            outcome.newest = True
        elif entry.recall(day, bar, close) or (learned and entry.time_ms >= 0):
            outcome.figures[symbol] = None
        return outcome

    def apply(self, batch: Iterable[Trade]) -> Outcome:  # noqa: C901 - a call costs more
        """Fold in trades, in their order. Never raises: impossible ones are refused and counted."""
        outcome = self._outcome = Outcome()
        entries, effects, counters = self._entries, self._effects, self.counters
        count, applied = outcome.counted.append, 0
        for trade in batch:
            time_ms = trade.time_ms
            entry = entries.get(trade.symbol) or self._new_entry(trade.symbol)
            if entry is None:
                counters.unwanted += 1
                continue
            if not (0 < trade.price < _INFINITE and 0 <= trade.volume < ABSURD_VOLUME):
                self._refuse_figures(trade)
                continue
            if not (YEAR_2000_MS <= time_ms <= self._latest_ms or self._possible(time_ms)):
                self._refuse_time(trade)
                continue
            print_, effect = trade, effects[trade.conditions]
            if effect is not REGULAR:
                counts = self._apply_restricted(entry, trade, effect)
                if counts is None:
                    continue
                trade = counts  # noqa: PLW2901
            price, volume, last = trade.price, trade.volume, entry.price
            if (
                entry.pending is not None or price < last * LEAST or price > last * MOST
            ) and not self._accepted(entry, trade, print_):
                continue
            if not entry.day_start_ms <= time_ms < entry.edge_ms and self._is_beyond(
                entry, trade, effect, print_
            ):
                continue
            entry.day_volume += volume
            if not volume:
                counters.price_only += 1
            if not entry.low <= price <= entry.high:
                entry.widen(price)
            if time_ms < entry.time_ms:
                self._count_late(entry, trade, effect, print_)
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

    def _count_late(self, entry: Entry, trade: Trade, effect: Effect, print_: Trade) -> None:
        """Count a trade of the day that is older than the last price."""
        self.counters.late += 1
        self._outcome.note(print_, verdicts.LATE)
        if entry.close is not None:
            _close_late(entry, trade)
        self._outcome.counted.append((trade, effect, 0))
        self._outcome.figures[trade.symbol] = None

    def take_refused(self) -> dict[str, Refusal]:
        """Return the symbols of which a trade was refused since the last call, with the latest
        reason, and forget them.
        """
        refused = self._refused
        if refused:
            self._refused = {}
        return refused

    def counted(self, symbol: str) -> tuple[int, float] | None:
        """Values that change with every trade of a symbol that counts; ``None`` when the symbol is
        not in the book.
        """
        entry = self._entries.get(symbol)
        return None if entry is None else (entry.seq, entry.day_volume)

    def quote(self, symbol: str) -> Quote | None:
        """The newest price of a symbol and its day, or ``None`` if it has no price yet."""
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

    def _apply_restricted(self, entry: Entry, trade: Trade, effect: Effect) -> Trade | None:
        """Fold in a trade that its conditions restrict. If it may be a last price, return it
        instead, in the form in which it counts.
        """
        price, time_ms = trade.price, trade.time_ms
        volume = trade.volume if effect.volume else 0
        first = time_ms >= entry.day_end_ms
        if time_ms >= entry.edge_ms and self._is_done(entry, time_ms) and not effect.last:
            self.counters.outside += 1
            self._outcome.note(trade, verdicts.OUTSIDE_NOTHING)
        elif effect.last or (effect.high_low and first):
            if not effect.volume:
                self._outcome.note(trade, verdicts.CORRECTED)
            return Trade(trade.symbol, price, volume, time_ms)
        elif time_ms < entry.day_start_ms:
            if effect.volume:
                self._count_earlier(entry, trade, effect, trade)
            else:
                done = time_ms >= self._day_of(trade.symbol, time_ms).done_ms
                earlier = verdicts.OUTSIDE_NOTHING if done else verdicts.EARLIER_DAY
                self._outcome.note(trade, earlier if effect.high_low else verdicts.REPEAT)
        elif effect.high_low:
            self._apply_range(entry, trade, effect, volume)
        elif not effect.volume:
            self.counters.repeats += 1
            self._outcome.note(trade, verdicts.REPEAT)
        else:
            self.counters.volume_only += 1
            self._outcome.note(trade, verdicts.VOLUME_ONLY)
            self._outcome.counted.append((trade, effect, 0))
            if first:
                entry.add_early_volume(self._day_of(trade.symbol, time_ms), volume)
            else:
                entry.day_volume += volume
                self._outcome.figures[trade.symbol] = None
        return None

    def _apply_range(self, entry: Entry, trade: Trade, effect: Effect, volume: float) -> None:
        """Fold in a trade that may not be the last price. It is never set aside: a price that the
        market did not make at that moment neither confirms a print nor is confirmed by one.
        """
        price = trade.price
        outside = not entry.low <= price <= entry.high
        if outside and _is_outlier(entry, trade):
            self.counters.outliers += 1
            self._outcome.note(trade, verdicts.OUTLIER)
            return
        self.counters.range_only += 1
        self._outcome.note(trade, verdicts.RANGE_ONLY)
        self.counters.price_only += not volume
        entry.widen(price)
        entry.day_volume += volume
        self._outcome.counted.append((trade, effect, 0))
        self._outcome.figures[trade.symbol] = None

    def _accepted(self, entry: Entry, trade: Trade, print_: Trade) -> bool:
        """Whether a trade counts now; if not, it becomes the pending print. Called for trades far
        from the last price, and for all trades while a print is pending. ``print_`` is the trade
        as it came.
        """
        if self._plausible(entry, trade) or _ends_run(entry, trade):
            entry.run = 0
            return True
        self._discard_pending(entry)
        entry.pending, entry.pending_print = trade, print_
        self.counters.outliers += 1
        self._outcome.note(print_, verdicts.HELD)
        return False

    def _plausible(self, entry: Entry, trade: Trade) -> bool:
        """Whether a trade needs no confirmation, or is near enough to confirm the pending one."""
        price, time_ms = trade.price, trade.time_ms
        if time_ms < entry.day_start_ms or self._confirmed(entry, price, time_ms):
            return True
        if entry.pending is not None and time_ms - entry.pending.time_ms > CONFIRM_MS:
            self._discard_pending(entry)
        if not _is_outlier(entry, trade):
            return True
        return time_ms < entry.time_ms and entry.low <= price <= entry.high

    def _confirmed(self, entry: Entry, price: float, time_ms: int) -> bool:
        """Whether a price confirms the pending print, which then counts."""
        pending = entry.pending
        if pending is None or not confirms(price, time_ms, pending):
            return False
        if time_ms < entry.day_end_ms <= pending.time_ms:
            return False
        outside, print_ = self._is_done(entry, pending.time_ms), entry.pending_print
        entry.pending = entry.pending_print = None
        entry.run = 0
        self.counters.outliers_confirmed += 1
        self.counters.price_only += not pending.volume
        verdict = verdicts.OUTSIDE_NOTHING if outside else verdicts.CONFIRMED
        if not outside and pending.time_ms < entry.day_start_ms:
            verdict = verdicts.EARLIER_DAY
        if print_ is not None:
            self._outcome.note(print_, verdict)
        if outside:
            return True
        if pending.time_ms >= entry.day_end_ms:
            self._begin_day(entry, pending.price, pending.time_ms)
        if pending.time_ms >= entry.day_start_ms:
            entry.widen(pending.price)
            entry.day_volume += pending.volume
            self._outcome.figures[entry.symbol] = None
        effect = CONFIRMED[self._effects[pending.conditions].volume]
        self._outcome.counted.append((pending, effect, 0))
        return True

    def _discard_pending(self, entry: Entry) -> None:
        """Drop the pending print, if there is one: nothing confirmed it."""
        if entry.pending_print is not None:
            self._outcome.note(entry.pending_print, verdicts.OUTLIER)
        entry.pending = entry.pending_print = None

    def _apply_polled(self, entry: Entry, seed: Seed, price: float, time_ms: int) -> None:
        """Fold in a polled price of the entry's day or a later one."""
        self._confirmed(entry, price, time_ms)
        news, entry.last_poll = entry.last_poll != (price, time_ms), (price, time_ms)
        if time_ms >= entry.day_end_ms:
            self._begin_day(entry, price, time_ms)
        changed = entry.set_prev_close(seed.prev_close)
        changed |= entry.merge_polled(seed)
        if entry.day is not None and entry.day.close_ms <= time_ms < entry.day.end_ms:
            entry.set_close(price, time_ms)
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
        """Whether a time is after the last session of a known day and before the next day."""
        day = entry.day
        if day is None or entry.provisional:
            return False
        if time_ms >= day.end_ms:
            day = self._day_of(entry.symbol, time_ms)
        return time_ms >= day.done_ms

    def _is_beyond(self, entry: Entry, trade: Trade, effect: Effect, print_: Trade) -> bool:
        """Handle a trade that is not plainly of the regular session. Returns true if it is of an
        earlier day or outside the sessions; then it is fully applied. Otherwise its day has begun
        when this returns, and the close of the regular session is set if that is over. ``print_``
        is the trade as it came.
        """
        time_ms, day = trade.time_ms, entry.day
        if time_ms < entry.day_start_ms:
            self._count_earlier(entry, trade, effect, print_)
            return True
        if day is not None and day.start_ms <= entry.time_ms < day.close_ms:
            entry.set_close(entry.price, entry.time_ms)  # even if one was recalled too early
        if self._is_done(entry, time_ms):
            self._apply_outside(entry, trade, print_)
            return True
        if day is None or time_ms >= day.end_ms:
            self._begin_day(entry, trade.price, time_ms)
            outside = self._is_done(entry, time_ms)
            if outside:
                self._apply_outside(entry, trade, print_)
            return outside
        if time_ms >= day.close_ms + CROSS_MS:
            entry.edge_ms = day.end_ms if entry.provisional else day.done_ms
        elif not CROSSES.isdisjoint(trade.conditions):
            entry.set_close(trade.price, time_ms)
        return False

    def _count_earlier(self, entry: Entry, trade: Trade, effect: Effect, print_: Trade) -> None:
        """Count a trade from before the day: of a day that is over, or outside the sessions."""
        if trade.time_ms >= self._day_of(entry.symbol, trade.time_ms).done_ms:
            self.counters.outside += 1
            self._outcome.note(print_, verdicts.OUTSIDE_NOTHING)
            return
        self.counters.earlier_day += 1
        self._outcome.note(print_, verdicts.EARLIER_DAY)
        self._refused[entry.symbol] = "earlier_day"
        self._outcome.counted.append((trade, effect, 0))

    def _apply_outside(self, entry: Entry, trade: Trade, print_: Trade) -> None:
        """Fold in a trade outside the sessions: it only sets the price. No client can fold it by
        itself, so the figures are reported too.
        """
        self.counters.outside += 1
        self._outcome.figures[entry.symbol] = None
        if trade.time_ms < entry.time_ms:
            self._outcome.note(print_, verdicts.OUTSIDE_NOTHING)
            return
        self._outcome.note(print_, verdicts.OUTSIDE)
        day = entry.day
        if entry.close is None and day is not None and day.start_ms <= entry.time_ms < day.done_ms:
            entry.set_close(entry.price, entry.time_ms)
        entry.price, entry.volume, entry.time_ms = trade.price, trade.volume, trade.time_ms
        entry.polled = False
        entry.seq += 1
        if entry.seq >= entry.look_seq:
            entry.look()
        self._outcome.counted.append((trade, PRICE_ALONE, entry.seq))

    def _begin_day(self, entry: Entry, price: float, time_ms: int) -> None:
        if entry.time_ms >= 0 or entry.early_volume:
            self._outcome.figures[entry.symbol] = None
        day = self._day_of(entry.symbol, time_ms)
        entry.begin_day(day, price, outside=time_ms >= day.done_ms)

    def _new_entry(self, symbol: str) -> Entry | None:
        if not self._admit_all or len(self._entries) >= self._capacity:
            self._left_out = True
            return None
        entry = self._entries[symbol] = Entry(symbol, self._floor)
        return entry

    def _refuse_figures(self, trade: Trade) -> None:
        if 0 < trade.price < _INFINITE:
            self.counters.bad_volume += 1
            self._refused[trade.symbol] = "bad_volume"
            self._outcome.note(trade, verdicts.BAD_VOLUME)
        else:
            self.counters.bad_price += 1
            self._refused[trade.symbol] = "bad_price"
            self._outcome.note(trade, verdicts.BAD_PRICE)

    def _refuse_time(self, trade: Trade) -> None:
        self.counters.bad_time += 1
        self._refused[trade.symbol] = "bad_time"
        self._outcome.note(trade, verdicts.BAD_TIME)

    def _possible(self, time_ms: int) -> bool:
        """Whether a time is neither absurd nor in the future. Remembers the newest time seen, so
        that the clock is read only when time advances.
        """
        if time_ms > self._latest_ms:
            bound_ms = YEAR_2100_MS
            if self._now_ms is not None:
                bound_ms = self._now_ms() + self.ahead_ms + FUTURE_MS
            if time_ms > bound_ms:
                return False
            self._latest_ms = time_ms
        return time_ms >= YEAR_2000_MS


def _is_outlier(entry: Entry, trade: Trade) -> bool:
    return far(trade.symbol, trade.price, entry.price) and fresh(trade.time_ms, entry.time_ms)


def _close_late(entry: Entry, trade: Trade) -> None:
    """Make a late trade the close of its day if it is nearer to the end of the regular session than
    the close known so far.
    """
    day, time_ms = entry.day, trade.time_ms
    if day is None or time_ms < entry.close_ms:
        return
    crosses = time_ms < day.close_ms + CROSS_MS and not CROSSES.isdisjoint(trade.conditions)
    if time_ms < day.close_ms or crosses:
        entry.set_close(trade.price, time_ms)


def _ends_run(entry: Entry, trade: Trade) -> bool:
    """Count an outlier; true if there are so many in a row that the last price must be wrong."""
    if trade.time_ms < entry.time_ms:
        return False
    side = 1 if trade.price > entry.price else -1
    entry.run = entry.run + side if entry.run * side > 0 else side
    return abs(entry.run) >= RUN
