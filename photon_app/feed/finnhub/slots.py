"""Which of the wanted symbols get one of Finnhub's few slots.

Owns which symbols are wanted, by how many viewers of which addresses, and which symbols have a
slot. Pure and synchronous; the clock is an argument. Called by ``Subscriptions`` and
``FinnhubFeed`` on the event loop. Bounded by the wanted set. It never assigns more than ``limit``
slots, nor takes one from a default or from a symbol with viewers for one without.

When more symbols are wanted than there are slots, the defaults come first and then viewers, fairly
by address (``fairness.in_turn``). A symbol that has a slot keeps it, unless that is unfair or
clearly worse. It loses the slot:

- at once, if its addresses then still have at least as many slots as the addresses of the newcomer
  have with it;
- if it has no viewers, after the linger; until then it counts for the addresses of its last
  viewers;
- if at least twice as many addresses want the newcomer, once it has had its slot for ``KEEP_S``.
"""

import heapq
import itertools
import math
from collections.abc import Iterable, Mapping

from photon_app.feed.finnhub.fairness import UNIT, in_turn
from photon_app.model import UNKNOWN_ADDRESS, Crowd
from photon_app.settings import DEFAULTS

FORGET_S = 3600.0
"""How long a learned cap is valid on one connection; plans and Finnhub's own counts change."""
KEEP_S = 30.0
"""For this long a slot is not taken away because more addresses want another symbol."""
_Rank = tuple[int, float, str]
_NOBODY = Crowd()
_NOBODYS = (UNKNOWN_ADDRESS,)


class Slots:
    """Assigns slots: to defaults, then fairly to viewers, then by name.

    A symbol without viewers keeps its slot for the linger, so that a page reload does not cause
    churn, and for longer while no symbol with viewers waits for one. Of the symbols without
    viewers, the least recently wanted loses its slot first.

    Args:
        limit: most symbols at once.
        linger_s: how long a symbol without viewers keeps its slot in any case.
    """

    def __init__(self, limit: int, linger_s: float = DEFAULTS.linger_s) -> None:
        self._limit = limit
        self._linger_s = linger_s
        self._cap: int | None = None
        self._cap_until_s = 0.0
        self._safe = limit
        self._viewers: dict[str, int] = {}
        self._crowd = _NOBODY
        self._behind: dict[str, tuple[str, ...]] = {}
        """The addresses that want each symbol, or last wanted it."""
        self._unviewed_since: dict[str, float] = {}
        self._barred_until: dict[str, float] = {}
        self._since: dict[str, float] = {}
        """When each symbol got its slot, in that order."""
        self._assigned: frozenset[str] = frozenset()
        self._places: dict[str, int] = {}
        """The order in which requests are met."""
        self._look_s = -math.inf
        """When the assignment may change; right away after a change."""

    @property
    def assigned(self) -> frozenset[str]:
        """The wanted symbols that have a slot."""
        return self._assigned

    @property
    def safe(self) -> int:
        """How many symbols are not known to be too many: the limit, or the last learned cap."""
        return self._safe

    @property
    def room(self) -> int:
        """The number of slots now."""
        return self._limit if self._cap is None else min(self._cap, self._limit)

    def want(
        self,
        symbols: frozenset[str],
        viewers: Mapping[str, int],
        now_s: float,
        crowd: Crowd | None = None,
    ) -> None:
        """Set the whole wanted set, and assign the slots again."""
        for gone in self._viewers.keys() - symbols:
            del self._viewers[gone]
            self._unviewed_since.pop(gone, None)
            self._barred_until.pop(gone, None)
            self._behind.pop(gone, None)
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
        self._crowd = crowd or _NOBODY
        self._behind.update(self._crowd.addresses)
        self._assign(now_s)

    def assign(self, now_s: float) -> None:
        """Update the assignment to the current time."""
        if now_s >= self._look_s:
            self._assign(now_s)

    def next_s(self, now_s: float) -> float | None:
        """When ``assign`` may change the assignment though nothing else has changed."""
        return self._look_s if now_s < self._look_s < math.inf else None

    def bar(self, symbol: str, until_s: float) -> None:
        """Give this symbol no slot until a time."""
        if symbol in self._viewers:
            self._barred_until[symbol] = until_s
            self._since.pop(symbol, None)
            self._assigned -= {symbol}
            self._look_s = -math.inf

    def unbar(self, symbol: str, now_s: float) -> None:
        """Allow this symbol a slot again."""
        if self._barred_until.pop(symbol, None) is not None:
            self._assign(now_s)

    def learn(self, accepted: Iterable[str], now_s: float) -> None:
        """Upstream accepted exactly these symbols and refused one more: their number is the cap."""
        taken = self._assigned.intersection(accepted)
        self._since = {s: since for s, since in self._since.items() if s in taken}
        self._cap = self._safe = max(len(taken), 1)
        self._cap_until_s = now_s + FORGET_S
        self._assign(now_s)

    def forget_cap(self, now_s: float) -> None:
        """Return to as many slots as the plan allows."""
        self._cap = None
        self._assign(now_s)

    def rank(self, symbol: str) -> tuple[float, int, str]:
        """The order in which symbols are subscribed: as they get slots."""
        return (self._places.get(symbol, math.inf), -self._viewers.get(symbol, 0), symbol)

    def _assign(self, now_s: float) -> None:
        self._expire(now_s)
        eligible = self._viewers.keys() - self._barred_until.keys()
        assigned = {s: since for s, since in self._since.items() if s in eligible}
        self._look_s = min(self._barred_until.values(), default=math.inf)
        if self._cap is not None:
            self._look_s = min(self._look_s, self._cap_until_s)
        chosen = self._chosen(assigned, eligible)
        self._places = {symbol: place for place, symbol in enumerate(chosen)}
        if len(eligible) <= self.room:
            self._take(assigned, eligible, now_s)
        else:
            self._share(assigned, eligible, chosen, now_s)
        self._since, self._assigned = assigned, frozenset(assigned)

    def _share(
        self, assigned: dict[str, float], eligible: set[str], chosen: list[str], now_s: float
    ) -> None:
        """Assign the slots when more symbols are wanted than there are slots."""
        for symbol in self._leaving(assigned, chosen)[: max(0, len(assigned) - self.room)]:
            del assigned[symbol]
        self._take(assigned, chosen, now_s)
        self._take(assigned, eligible - set(chosen), now_s)
        waiting = [symbol for symbol in chosen if symbol not in assigned]
        leaving = self._leaving(assigned, chosen) if waiting else []
        for newcomer in waiting:
            paid = self._paid(assigned)
            dues = [(self._due_s(leaver, newcomer, assigned, paid), leaver) for leaver in leaving]
            leaver = next((one for due_s, one in dues if due_s <= now_s), None)
            if leaver is None:
                self._look_s = min(self._look_s, min((due for due, _ in dues), default=math.inf))
                continue
            leaving.remove(leaver)
            del assigned[leaver]
            assigned[newcomer] = now_s

    def _take(self, assigned: dict[str, float], symbols: Iterable[str], now_s: float) -> None:
        """Assign the free slots to these symbols in their order; a set is ordered by viewers and
        name.
        """
        free = self.room - len(assigned)
        fresh = [symbol for symbol in symbols if symbol not in assigned]
        if isinstance(symbols, set):
            fresh.sort(key=self.rank)
        assigned.update(dict.fromkeys(fresh[:free], now_s))

    def _chosen(self, assigned: Mapping[str, float], eligible: set[str]) -> list[str]:
        """The symbols that should have the slots: the defaults, then viewers' requests, fairly."""
        places = {symbol: float(place) for place, symbol in enumerate(assigned)}
        viewers, room, last = self._viewers, self.room, math.inf
        defaults: list[_Rank] = []
        requests: dict[tuple[str, ...], list[_Rank]] = {}
        for symbol in eligible:
            rank = (-viewers[symbol], places.get(symbol, last), symbol)
            if symbol in self._crowd.defaults:
                defaults.append(rank)
            elif viewers[symbol]:
                requests.setdefault(self._whose(symbol), []).append(rank)
        best = {addresses: heapq.nsmallest(room, ranks) for addresses, ranks in requests.items()}
        first = itertools.chain(sorted(defaults), in_turn(best))
        return [symbol for _, _, symbol in itertools.islice(first, room)]

    def _leaving(self, assigned: Mapping[str, float], chosen: Iterable[str]) -> list[str]:
        """The symbols that have a slot and should not, the first to lose it first: those without
        viewers, the longest unviewed before others; then those with the fewest viewers, the latest
        first.
        """
        places = {symbol: place for place, symbol in enumerate(assigned)}
        unviewed, viewers = self._unviewed_since, self._viewers

        def worth(symbol: str) -> tuple[float, int, int, str]:
            if symbol in unviewed:
                return (unviewed[symbol], 0, 0, symbol)
            return (math.inf, viewers[symbol], -places[symbol], symbol)

        return sorted(assigned.keys() - set(chosen), key=worth)

    def _paid(self, assigned: Iterable[str]) -> dict[str, int]:
        """The share of the slots that each address has."""
        paid: dict[str, int] = {}
        for symbol in assigned:
            if symbol not in self._crowd.defaults:
                addresses = self._whose(symbol)
                for one in addresses:
                    paid[one] = paid.get(one, 0) + UNIT // len(addresses)
        return paid

    def _whose(self, symbol: str) -> tuple[str, ...]:
        return self._behind.get(symbol, _NOBODYS)

    def _due_s(
        self, leaver: str, newcomer: str, assigned: Mapping[str, float], paid: Mapping[str, int]
    ) -> float:
        """When one symbol must give its slot to another; the second should have it and the first
        should not.
        """
        if newcomer in self._crowd.defaults and leaver not in self._crowd.defaults:
            return -math.inf
        theirs, ours = self._whose(leaver), self._whose(newcomer)
        left = min(paid.get(one, 0) for one in theirs) - UNIT // len(theirs)
        if left >= min(paid.get(one, 0) for one in ours) + UNIT // len(ours):
            return -math.inf
        if leaver in self._unviewed_since:
            return self._unviewed_since[leaver] + self._linger_s
        return assigned[leaver] + KEEP_S if len(ours) >= 2 * len(theirs) else math.inf

    def _expire(self, now_s: float) -> None:
        if self._cap is not None and self._cap_until_s <= now_s:
            self._cap = None
        for symbol in [s for s, until in self._barred_until.items() if until <= now_s]:
            del self._barred_until[symbol]
