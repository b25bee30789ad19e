"""Which of the wanted symbols get one of Finnhub's few slots.

Owns who is wanted, by how many viewers, and who holds a slot. Pure and synchronous; the clock is an
argument. Called by ``Subscriptions`` and ``FinnhubFeed`` on the event loop. Bounded by the wanted
set. It never gives out more than ``limit`` slots, nor takes one from a symbol with viewers for one
without.
"""

import heapq
import math
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet

FORGET_S = 3600.0
"""For so long a learned cap holds on one line; plans and Finnhub's own counts change."""


class Slots:
    """Hands out slots: to those that have one and viewers, then by viewers, then by name.

    A symbol without viewers keeps its slot for the linger, so that a reload does not churn, and
    for longer while nobody with viewers waits for one. Of those the least recently wanted goes
    first.

    Args:
        limit: most symbols at once.
        linger_s: for so long a symbol without viewers keeps its slot in any case.
    """

    def __init__(self, limit: int, linger_s: float = 30.0) -> None:
        self._limit = limit
        self._linger_s = linger_s
        self._cap: int | None = None
        self._cap_until_s = 0.0
        self._safe = limit
        self._viewers: dict[str, int] = {}
        self._unviewed_since: dict[str, float] = {}
        self._barred_until: dict[str, float] = {}
        self._held: frozenset[str] = frozenset()

    @property
    def held(self) -> frozenset[str]:
        """The wanted symbols that have a slot."""
        return self._held

    @property
    def safe(self) -> int:
        """So many symbols are not known to be too many: the limit, or the last learned cap."""
        return self._safe

    @property
    def room(self) -> int:
        """How many slots there are now."""
        return self._limit if self._cap is None else min(self._cap, self._limit)

    def want(self, symbols: frozenset[str], viewers: Mapping[str, int], now_s: float) -> None:
        """Hand out the slots anew for this whole set."""
        for gone in self._viewers.keys() - symbols:
            del self._viewers[gone]
            self._unviewed_since.pop(gone, None)
            self._barred_until.pop(gone, None)
        known = self._viewers
        for symbol in symbols:
            count = viewers.get(symbol, 0)
            if known.get(symbol) == count:
                continue
            known[symbol] = count
            if count:
                self._unviewed_since.pop(symbol, None)
            else:
                self._unviewed_since[symbol] = now_s
        self.assign(now_s)

    def assign(self, now_s: float) -> None:
        """Hand out the slots as of now."""
        self._expire(now_s)
        eligible: AbstractSet[str] = self._viewers.keys()
        if self._barred_until:
            eligible = eligible - self._barred_until.keys()
        held = set(sorted(self._held & eligible, key=self._worth)[: self.room])
        yielding = self._yielding(held, now_s)
        free = self.room - len(held)
        # Only so many can come in; most wishes change nothing here and cost no sorting.
        wanted = free + len(yielding)
        best = heapq.nsmallest(wanted, eligible - held, key=self.rank) if wanted else []
        held.update(best[:free])
        viewed = [symbol for symbol in best[free:] if self._viewers[symbol]]
        for newcomer, leaver in zip(viewed, yielding, strict=False):
            held.remove(leaver)
            held.add(newcomer)
        self._held = frozenset(held)

    def next_s(self, now_s: float) -> float | None:
        """When ``assign`` may come to another result though nothing else has changed."""
        moments = list(self._barred_until.values())
        if self._cap is not None:
            moments.append(self._cap_until_s)
        if any(count and s not in self._held for s, count in self._viewers.items()):
            lingering = self._unviewed_since.keys() & self._held
            moments += [self._unviewed_since[symbol] + self._linger_s for symbol in lingering]
        return min((moment for moment in moments if now_s < moment < math.inf), default=None)

    def bar(self, symbol: str, until_s: float) -> None:
        """Give this symbol no slot for some time."""
        if symbol in self._viewers:
            self._barred_until[symbol] = until_s
            self._held -= {symbol}

    def unbar(self, symbol: str, now_s: float) -> None:
        """The symbol may have a slot again."""
        if self._barred_until.pop(symbol, None) is not None:
            self.assign(now_s)

    def learn(self, accepted: Iterable[str], now_s: float) -> None:
        """Upstream took exactly these and refused one more: so many slots there are."""
        self._held &= frozenset(accepted)
        self._cap = self._safe = max(len(self._held), 1)
        self._cap_until_s = now_s + FORGET_S
        self.assign(now_s)

    def forget_cap(self, now_s: float) -> None:
        """There may be as many slots as the plan says again."""
        self._cap = None
        self.assign(now_s)

    def rank(self, symbol: str) -> tuple[int, str]:
        """The order in which symbols get slots."""
        return (-self._viewers.get(symbol, 0), symbol)

    def _worth(self, symbol: str) -> tuple[int, float, str]:
        """The order in which holders keep their slots."""
        return (-self._viewers[symbol], -self._unviewed_since.get(symbol, 0.0), symbol)

    def _yielding(self, held: set[str], now_s: float) -> list[str]:
        """The holders that must make room for a viewed symbol, the first to go first."""
        since = self._unviewed_since
        over = [s for s in held & since.keys() if since[s] + self._linger_s <= now_s]
        return sorted(over, key=lambda symbol: (since[symbol], symbol))

    def _expire(self, now_s: float) -> None:
        if self._cap is not None and self._cap_until_s <= now_s:
            self._cap = None
        for symbol in [s for s, until in self._barred_until.items() if until <= now_s]:
            del self._barred_until[symbol]
