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
import math
from collections import deque
from collections.abc import Callable, Container, Iterable, Sequence
from operator import attrgetter
from typing import Protocol

import msgspec

from photon_app import foreign
from photon_app.market.conditions import CONDITIONS
from photon_app.market.verdicts import BAD_TIME, HELD, SIMPLE
from photon_app.model import Fact, Trade, Verdict

log = logging.getLogger(__name__)

MOST_OF_SYMBOL = 1_000
MOST = 131_072
"""Some 150 bytes each, so about 20 MB; at most 1.2 KB each, if upstream invented a new list of
conditions for every print."""
KEPT = MOST * 7 // 8
"""So many are left then."""
ENOUGH, MOST_WAITING = 512, 4_096
"""So many prints wait before they are sorted by symbol; so many wait at most. Sorting all of them
takes about 1.2 ms."""
RATE, BURST = 50_000, 500_000
"""So many prints are sorted per second, and at once: at most some 2 % of a core."""
PAUSE_S = 0.02
"""The pause before the next attempt when that is used up."""
SAY_EVERY_S = 10.0
"""It is logged so often at most that all prints were forgotten."""
MOST_CODES, MOST_CONDITIONS = 16, 64
"""Conditions of a print, and characters of all their codes. Real ones have four of two digits."""
KNOWN_LISTS = 1_024
"""Lists that are known to be short enough."""


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
    verdict: Verdict
    at_ms: int
    """Its place in the order of the tape: its time, or if that is impossible, the time of the print
    before it."""

    @property
    def conditions(self) -> list[str]:
        """The names of its conditions; the code of an unknown one, made printable."""
        codes = self.print_.conditions
        return [
            CONDITIONS[code].name if code in CONDITIONS else foreign.plain(code) for code in codes
        ]


class _Noted(msgspec.Struct, gc=False):
    """A print that is not a plain new last price."""

    print_: Trade
    verdict: Verdict


_Kept = deque[Trade | _Noted]
_at_ms = attrgetter("at_ms")


class _Tapes(dict[str, _Kept | None]):
    """The kept prints by symbol; ``None``, without an entry, for a symbol that is not followed."""

    def __init__(self, *, capacity: int, book: Container[str] | None) -> None:
        self._capacity = capacity
        self._book = book

    def __missing__(self, symbol: str) -> _Kept | None:
        return None if self._book is None or symbol not in self._book else self.begin(symbol)

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
        book: in a replay, the book: every symbol that it took is kept, and none is dropped.
            Otherwise only those that are followed.
    """

    def __init__(
        self, loop: Loop, *, capacity: int = 2000, book: Container[str] | None = None
    ) -> None:
        self._loop = loop
        self._budget = float(BURST)
        """Prints that may be sorted now."""
        self._at_s = loop.time()
        """When that was so."""
        self._follow_all = book is not None
        self._tapes = _Tapes(capacity=capacity, book=book)
        self._held: dict[str, tuple[Trade, _Noted]] = {}
        """By symbol, the print that waits for a second one, and what is kept of it."""
        self._waiting: list[Trade] = []
        """Prints that are not sorted yet."""
        self._verdicts: list[tuple[Trade, Verdict]] = []
        """Verdicts on those, and on the held ones."""
        self._enough = ENOUGH
        """The number of waiting prints at which to act: to ask for an iteration of the event loop,
        or, once that is asked for, to forget all."""
        self._said_s = -math.inf
        """When it was last logged that all prints were forgotten."""
        self._short: set[tuple[str, ...]] = {()}
        """Lists of conditions that are known to be short enough."""
        self._total = 0
        """An upper bound of the prints kept: those that were dropped are not subtracted at once."""

    @property
    def waiting(self) -> int:
        """How many prints are not sorted by symbol yet."""
        return len(self._waiting)

    def follow(self, symbol: str) -> None:
        """Keep a symbol's prints from now on."""
        if not self._follow_all and symbol not in self._tapes:
            self._sort()  # earlier prints of the symbol are not kept
            self._tapes.begin(symbol)

    def drop(self, symbol: str) -> None:
        """Forget a symbol."""
        if not self._follow_all:
            self._tapes.pop(symbol, None)
            self._held.pop(symbol, None)

    def heard(self, prints: Sequence[Trade], verdicts: Sequence[tuple[Trade, Verdict]]) -> None:
        """Keep the prints of one frame.

        Args:
            prints: the prints, as they came.
            verdicts: see ``Outcome.verdicts``.
        """
        waiting = self._waiting
        waiting += prints
        if verdicts:
            self._verdicts += verdicts
        if len(waiting) >= self._enough:
            self._ask_for_time()

    def settle(self, verdicts: Sequence[tuple[Trade, Verdict]]) -> None:
        """Note verdicts on earlier prints, when none was printed now; others have no effect."""
        self._verdicts += verdicts
        self._sort()

    def forget(self) -> None:
        """Forget all prints, and keep those from now on."""
        self._waiting.clear()
        self._verdicts.clear()
        self._total = 0
        self._held.clear()
        if self._follow_all:
            self._tapes.clear()
        for kept in self._tapes.values():
            if kept is not None:
                kept.clear()

    def newest(
        self, symbol: str, limit: int, *, from_ms: int | None = None, to_ms: int | None = None
    ) -> list[Sale]:
        """The newest prints of a symbol, the oldest first: by their time, and at equal times in the
        order in which they came. A symbol that is not followed has none.

        Args:
            symbol: the symbol.
            limit: the most prints.
            from_ms: only prints of this time or later, UNIX ms.
            to_ms: only prints from before this time.
        """
        self._sort()
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

    def _ask_for_time(self) -> None:
        """Have the waiting prints sorted soon; forget all prints if that comes too late."""
        if self._enough == ENOUGH:
            self._enough = MOST_WAITING
            self._loop.call_later(0, self._sort_waiting)
        else:
            self.forget()
            now_s = self._loop.time()
            if now_s - self._said_s >= SAY_EVERY_S:
                self._said_s = now_s
                log.info("more trades came than can be kept: /api/trades has only the newest")

    def _sort_waiting(self) -> None:
        now_s = self._loop.time()
        self._budget = min(BURST, self._budget + (now_s - self._at_s) * RATE)
        self._at_s = now_s
        if self._budget < len(self._waiting):
            self._loop.call_later(PAUSE_S, self._sort_waiting)
            return
        self._budget -= len(self._waiting)
        self._enough = ENOUGH
        self._sort()

    def _sort(self) -> None:
        """Sort the waiting prints by symbol."""
        prints, self._waiting = self._waiting, []
        if self._verdicts:
            self._sort_noted(prints)
        else:
            tapes, short = self._tapes, self._short
            for one in prints:
                kept = tapes[one.symbol]
                if kept is not None:
                    kept.append(one if one.conditions in short else self._cut(one))
        self._total += len(prints)
        if self._total > MOST:
            self._thin()

    def _sort_noted(self, prints: Iterable[Trade]) -> None:
        """As ``_sort``, with the verdicts."""
        noted, self._verdicts = {id(one): (one, verdict) for one, verdict in self._verdicts}, []
        for symbol, (one, held) in list(self._held.items()):
            if id(one) in noted:
                _, held.verdict = noted.pop(id(one))
                del self._held[symbol]
        for one in prints:
            kept, (_, verdict) = self._tapes[one.symbol], noted.pop(id(one), (one, SIMPLE))
            if kept is None:
                continue
            if verdict is SIMPLE:
                kept.append(self._cut(one))
                continue
            kept.append(note := _Noted(self._cut(one), verdict))
            if verdict is HELD:
                self._held[one.symbol] = one, note

    def _cut(self, print_: Trade) -> Trade:
        """A print, without conditions that are too long to be kept."""
        conditions = print_.conditions
        if len(conditions) > MOST_CODES or len("".join(conditions)) > MOST_CONDITIONS:
            return msgspec.structs.replace(print_, conditions=())
        if len(self._short) < KNOWN_LISTS:
            self._short.add(conditions)
        return print_

    def _thin(self) -> None:
        """If there are too many, drop the oldest of the symbols that have the most."""
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


def _sales(kept: Iterable[Trade | _Noted]) -> Iterable[Sale]:
    """As they came, each with its place in the order of the tape."""
    at_ms = 0
    for one in kept:
        print_, verdict = (one.print_, one.verdict) if isinstance(one, _Noted) else (one, SIMPLE)
        if verdict is not BAD_TIME:
            at_ms = print_.time_ms
        yield Sale(print_=print_, verdict=verdict, at_ms=at_ms)
