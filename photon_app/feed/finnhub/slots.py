"""Which of the wanted symbols get one of Finnhub's few slots.

Owns who is wanted, by how many viewers of which addresses, and who holds a slot. Pure and
synchronous; the clock is an argument. Called by ``Subscriptions`` and ``FinnhubFeed`` on the event
loop. Bounded by the wanted set. It never gives out more than ``limit`` slots, nor takes one from a
default or from a symbol with viewers for one without.

Where there are more wishes than slots, the defaults come first and then viewers, fairly by address
(``fairness.in_turn``). Who came before stays, unless that is unfair or clearly worse:

- one whose addresses keep as many slots without it as addresses that it goes to have then, at once;
- a symbol without viewers after the linger, until when it is of addresses that it was let go by;
- one that half as many addresses want, once it has had its slot for ``KEEP_S``.
"""

import heapq
import itertools
import math
from collections.abc import Iterable, Mapping

from photon_app.feed.finnhub.fairness import UNIT, in_turn
from photon_app.model import UNKNOWN_ADDRESS, Crowd
from photon_app.settings import DEFAULTS

FORGET_S = 3600.0
"""For so long a learned cap holds on one line; plans and Finnhub's own counts change."""
KEEP_S = 30.0
"""For so long a slot is not taken away because more addresses want another symbol."""
_Rank = tuple[int, float, str]
_NOBODY = Crowd()
_NOBODYS = (UNKNOWN_ADDRESS,)


class Slots:
    """Hands out slots: to defaults, fairly to viewers, then by name.

    A symbol without viewers keeps its slot for the linger, so that a reload does not churn, and
    for longer while nobody with viewers waits for one. Of addresses the least recently wanted goes
    first.

    Args:
        limit: most symbols at once.
        linger_s: for so long a symbol without viewers keeps its slot in any case.
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
        """Whose each symbol is, or was when somebody wanted it last."""
        self._unviewed_since: dict[str, float] = {}
        self._barred_until: dict[str, float] = {}
        self._since: dict[str, float] = {}
        """Who holds a slot and when it got it, in that order."""
        self._assigned: frozenset[str] = frozenset()
        self._places: dict[str, int] = {}
        """The order in which wishes are met."""
        self._look_s = -math.inf
        """When something may come to another result; at once after a change."""

    @property
    def assigned(self) -> frozenset[str]:
        """The wanted symbols that have a slot."""
        return self._assigned

    @property
    def safe(self) -> int:
        """So many symbols are not known to be too many: the limit, or the last learned cap."""
        return self._safe

    @property
    def room(self) -> int:
        """How many slots there are now."""
        return self._limit if self._cap is None else min(self._cap, self._limit)

    def want(
        self,
        symbols: frozenset[str],
        viewers: Mapping[str, int],
        now_s: float,
        crowd: Crowd | None = None,
    ) -> None:
        """Hand out the slots anew for this whole set."""
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
        """Hand out the slots as of now."""
        if now_s >= self._look_s:
            self._assign(now_s)

    def next_s(self, now_s: float) -> float | None:
        """When ``assign`` may come to another result though nothing else has changed."""
        return self._look_s if now_s < self._look_s < math.inf else None

    def bar(self, symbol: str, until_s: float) -> None:
        """Give this symbol no slot for some time."""
        if symbol in self._viewers:
            self._barred_until[symbol] = until_s
            self._since.pop(symbol, None)
            self._assigned -= {symbol}
            self._look_s = -math.inf

    def unbar(self, symbol: str, now_s: float) -> None:
        """The symbol may have a slot again."""
        if self._barred_until.pop(symbol, None) is not None:
            self._assign(now_s)

    def learn(self, accepted: Iterable[str], now_s: float) -> None:
        """Upstream took exactly these and refused one more: so many slots there are."""
        taken = self._assigned.intersection(accepted)
        self._since = {s: since for s, since in self._since.items() if s in taken}
        self._cap = self._safe = max(len(taken), 1)
        self._cap_until_s = now_s + FORGET_S
        self._assign(now_s)

    def forget_cap(self, now_s: float) -> None:
        """There may be as many slots as the plan says again."""
        self._cap = None
        self._assign(now_s)

    def rank(self, symbol: str) -> tuple[float, int, str]:
        """The order in which symbols are told to upstream: as they get slots."""
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
        """There are more wishes than slots."""
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
        """Give what is free to these, in their order; sets by viewers and name."""
        free = self.room - len(assigned)
        fresh = [symbol for symbol in symbols if symbol not in assigned]
        if isinstance(symbols, set):
            fresh.sort(key=self.rank)
        assigned.update(dict.fromkeys(fresh[:free], now_s))

    def _chosen(self, assigned: Mapping[str, float], eligible: set[str]) -> list[str]:
        """Who should have the slots: the defaults, then viewers' wishes, fairly."""
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
        """The holders that should not have a slot, the first to go first: those without viewers,
        the longest unwanted before, then the least and the latest.
        """
        places = {symbol: place for place, symbol in enumerate(assigned)}
        unviewed, viewers = self._unviewed_since, self._viewers

        def worth(symbol: str) -> tuple[float, int, int, str]:
            if symbol in unviewed:
                return (unviewed[symbol], 0, 0, symbol)
            return (math.inf, viewers[symbol], -places[symbol], symbol)

        return sorted(assigned.keys() - set(chosen), key=worth)

    def _paid(self, assigned: Iterable[str]) -> dict[str, int]:
        """What each address has of the slots."""
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
        """When one symbol has to give its slot to another; both should be the other way round."""
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
