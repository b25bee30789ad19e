"""Time and sales: the newest prints of every followed symbol as they came, and what became of each.

A listener of the market, on the event loop only. On the path of a trade it keeps a reference to the
frame. Later, in an iteration of its own and at most ``SLICE`` prints at a time, the prints are
sorted by symbol; a request does that first. The names of conditions and the order of prints are
worked out for each answer. A polled price is no print, and neither are trades from before the
start. This module judges no print: the book has said what became of it.

Bounds: ``MOST_OF_SYMBOL`` prints of a symbol, of which the oldest are dropped; ``MOST`` of all,
beyond which the symbols with the most lose their oldest. A dropped symbol is forgotten, and a new
epoch begins without prints. The cost of sorting is bounded by ``RATE``. Up to ``MOST_WAITING``
prints wait for it; beyond that all prints of all symbols are forgotten, so that no answer ever has
a hole. Conditions longer than ``MOST_CONDITIONS`` are left out.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from operator import attrgetter
from typing import Protocol

import msgspec

from photon_app import foreign
from photon_app.market.conditions import CONDITIONS
from photon_app.market.fates import BAD_TIME, HELD, SIMPLE
from photon_app.model import Change, EpochBegan, Fact, Fate, MarketFact, Trade

log = logging.getLogger(__name__)

MOST_OF_SYMBOL = 1_000
MOST = 131_072
"""Some 170 bytes each, so about 22 MB."""
KEPT = MOST * 7 // 8
"""So many are left when there were too many."""
ENOUGH, SLICE, MOST_WAITING = 512, 2_048, 4_096
"""So many prints wait before they go to their symbols; so many go in one iteration of the event
loop, which takes 0.6 ms; so many wait at most."""
RATE, BURST = 50_000, 500_000
"""So many prints go to their symbols in a second, and at once: at most some 2 % of a core."""
PAUSE_S = 0.02
"""After it went that fast for so long, it looks again when this has passed."""
MOST_CODES, MOST_CONDITIONS = 16, 64
"""Conditions of a print, and characters of all their codes. Real ones have four of two digits."""
KNOWN_LISTS = 1_024
"""Lists that are known to be within that."""


class Loop(Protocol):
    """What is needed of an event loop."""

    def time(self) -> float:
        """Its clock: monotonic seconds."""
        ...

    def call_later(self, delay: float, callback: Callable[[], object]) -> object:
        """Call something after ``delay`` seconds, in another iteration."""
        ...


class Sale(Fact, frozen=True):
    """A print, and what became of it."""

    print_: Trade
    """As it came."""
    fate: Fate
    at_ms: int
    """Its place in the order of the tape: its time, or where that cannot be, the time of the print
    before it."""

    @property
    def conditions(self) -> list[str]:
        """What its conditions are called; the code of one that is not known, made printable."""
        codes = self.print_.conditions
        return [
            CONDITIONS[code].name if code in CONDITIONS else foreign.plain(code) for code in codes
        ]


class _Marked(msgspec.Struct, gc=False):
    """A print that is not simply a new last price."""

    print_: Trade
    fate: Fate


_Kept = deque[Trade | _Marked]
_at_ms = attrgetter("at_ms")


class _Tapes(dict[str, _Kept | None]):
    """What is kept by symbol; ``None`` without an entry for whom nobody follows."""

    def __init__(self, *, capacity: int, follow_all: bool) -> None:
        self._capacity = capacity
        self._follow_all = follow_all

    def __missing__(self, symbol: str) -> _Kept | None:
        return self.begin(symbol) if self._follow_all else None

    def begin(self, symbol: str) -> _Kept | None:
        """Keep prints of a symbol from now on, if there is room."""
        if len(self) >= self._capacity:
            return None
        kept = self[symbol] = deque(maxlen=MOST_OF_SYMBOL)
        return kept


class Sales:
    """The newest prints.

    Args:
        loop: clock and timer.
        capacity: the most symbols.
        follow_all: keep every symbol that trades and let none go, as the book does in a replay.
    """

    def __init__(
        self,
        loop: Loop,
        *,
        capacity: int = 2000,
        follow_all: bool = False,
    ) -> None:
        self._loop = loop
        self._budget = float(BURST)
        """Prints that may go to their symbols now."""
        self._at_s = loop.time()
        """When that was so."""
        self._follow_all = follow_all
        self._tapes = _Tapes(capacity=capacity, follow_all=follow_all)
        self._held: dict[str, tuple[Trade, _Marked]] = {}
        """Of each symbol the print that waits for a second one, if one does, and what is kept."""
        self._waiting: deque[Sequence[Trade] | Change] = deque()
        """The prints of a frame, or the whole change if it has fates."""
        self._count = 0
        """Prints that wait."""
        self._enough = ENOUGH
        """At so many something is done: a turn is asked for, or that is pending and too late."""
        self._short: set[tuple[str, ...]] = {()}
        """Lists of conditions that are known to be short enough."""
        self._total = 0
        """Prints that are kept, at most: those that fell off are not taken from it at once."""

    @property
    def waiting(self) -> int:
        """How many prints have not gone to their symbols yet."""
        return self._count

    def follow(self, symbol: str) -> None:
        """Keep a symbol's prints from now on."""
        if not self._follow_all and symbol not in self._tapes:
            self._settle(self._count)  # those that came before are not of this time
            self._tapes.begin(symbol)

    def drop(self, symbol: str) -> None:
        """Forget a symbol."""
        if not self._follow_all:
            self._tapes.pop(symbol, None)
            self._held.pop(symbol, None)

    def hear(self, fact: MarketFact) -> None:
        """Keep the prints of a change for later; a new epoch begins without any."""
        if type(fact) is not Change:
            if type(fact) is EpochBegan:
                self._forget()
            return
        prints = fact.prints
        if fact.fates or fact.polled:
            if not fact.fates:
                return
            self._waiting.append(fact)
        elif prints:
            self._waiting.append(prints)
        self._count = count = self._count + len(prints)
        if count >= self._enough:
            self._ask_for_turn()

    def newest(
        self, symbol: str, limit: int, *, from_ms: int | None = None, to_ms: int | None = None
    ) -> list[Sale]:
        """The newest prints of a symbol, the oldest first: by their time, and of equal times as
        they came.

        Args:
            symbol: of which; without prints there are none.
            limit: the most.
            from_ms: only those of this time or later.
            to_ms: only those from before.
        """
        self._settle(self._count)
        kept = self._tapes.get(symbol)
        if not kept:
            return []
        sales = sorted(_sales(kept), key=_at_ms)
        if from_ms is not None:
            sales = [sale for sale in sales if sale.at_ms >= from_ms]
        if to_ms is not None:
            sales = [sale for sale in sales if sale.at_ms < to_ms]
        return sales[-limit:]

    # Inside

    def _ask_for_turn(self) -> None:
        """Let what waits go to its symbols soon; forget all where that is too late."""
        if self._enough == ENOUGH:
            self._enough = MOST_WAITING
            self._loop.call_later(0, self._turn)
        elif self._count >= MOST_WAITING:
            log.info(
                "more trades came than can be kept: /api/trades has only what comes from now on"
            )
            self._forget()

    def _turn(self) -> None:
        now_s = self._loop.time()
        self._budget = min(BURST, self._budget + (now_s - self._at_s) * RATE)
        self._at_s = now_s
        if self._budget < SLICE:
            self._loop.call_later(PAUSE_S, self._turn)
            return
        self._budget -= min(self._count, SLICE)
        self._settle(SLICE)
        self._enough = ENOUGH
        if self._count >= ENOUGH:
            self._ask_for_turn()

    def _forget(self) -> None:
        self._waiting.clear()
        self._count = self._total = 0
        self._held.clear()
        if self._follow_all:
            self._tapes.clear()
        for kept in self._tapes.values():
            if kept is not None:
                kept.clear()

    def _settle(self, most: int) -> None:
        """Give frames that wait to their symbols, until so many prints have gone."""
        tapes, short, waiting, done = self._tapes, self._short, self._waiting, 0
        while waiting and done < most:
            prints = waiting.popleft()
            if isinstance(prints, Change):
                done += self._mark(prints)
                continue
            for one in prints:
                kept = tapes[one.symbol]
                if kept is not None:
                    kept.append(one if one.conditions in short else self._cut(one))
            done += len(prints)
        self._count -= done
        self._total += done
        if self._total > MOST:
            self._thin()

    def _mark(self, change: Change) -> int:
        """Give prints to their symbols with what became of them; returns how many those were."""
        became = {id(one): fate for one, fate in change.fates}
        held: dict[str, tuple[Trade, _Marked]] = {}
        for one in () if change.polled else change.prints:
            kept, fate = self._tapes[one.symbol], became.pop(id(one), None)
            if kept is None:
                continue
            marked = _Marked(self._cut(one), SIMPLE if fate is None else fate)
            if fate is HELD:
                held[one.symbol] = one, marked
            kept.append(marked)
        for one, _ in change.fates:
            fate, before = became.pop(id(one), None), self._held.get(one.symbol)
            if fate is not None and before is not None and before[0] is one:
                before[1].fate = fate
                del self._held[one.symbol]
        self._held |= held
        return len(change.prints)

    def _cut(self, print_: Trade) -> Trade:
        """A print, without conditions that are too long to be kept."""
        conditions = print_.conditions
        if len(conditions) > MOST_CODES or len("".join(conditions)) > MOST_CONDITIONS:
            return msgspec.structs.replace(print_, conditions=())
        if len(self._short) < KNOWN_LISTS:
            self._short.add(conditions)
        return print_

    def _thin(self) -> None:
        """Where there are too many, let those with the most lose their oldest."""
        tapes = [kept for kept in self._tapes.values() if kept]
        self._total = sum(map(len, tapes))
        if self._total <= KEPT:
            return
        left, share = KEPT, 0
        for at, size in enumerate(sorted(map(len, tapes))):
            share = left // (len(tapes) - at)
            if size > share:
                break
            left -= size
        for kept in tapes:
            while len(kept) > share:
                kept.popleft()
        self._total = sum(map(len, tapes))


def _sales(kept: Iterable[Trade | _Marked]) -> Iterable[Sale]:
    """As they came, each with its place in the order of the tape."""
    at_ms = 0
    for one in kept:
        print_, fate = (one.print_, one.fate) if isinstance(one, _Marked) else (one, SIMPLE)
        if fate is not BAD_TIME:
            at_ms = print_.time_ms
        yield Sale(print_=print_, fate=fate, at_ms=at_ms)
