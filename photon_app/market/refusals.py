"""Whether every trade is refused, and why: then prices stand still though all seems well.

Owns where the counts of the book stood when a trade last counted. Synchronous; ``look`` is called
once a second on the event loop. It holds three sets of counts and never looks at a trade.
"""

import msgspec

from photon_app.market.book import Counters

LOOKS = 30
"""Refusals over so many seconds, and no trade that counts among them, are no chance any more."""
LEAST = 10
"""So many trades at least."""
FORGOTTEN = 120
"""After so many seconds without a refusal it is not known whether there would be one."""

_REASONS = {
    "bad_time": "its time is before the year 2000, or far ahead of this machine's clock; "
    "set the clock",
    "bad_price": "its price is not above 0",
    "bad_volume": "its volume cannot be",
    "earlier_day": "its day is over",
    "outliers": "its price is far from the last one",
    "unwanted": "nobody wants its symbol",
}
_COUNTED = ("applied", "late", "range_only", "volume_only", "repeats", "outside")


class Refusals:
    """Looks for a reason for which all trades are refused."""

    def __init__(self) -> None:
        self._before: dict[str, int] = {}
        self._base: dict[str, int] = {}
        self._look = self._first = self._last = 0

    def look(self, counters: Counters) -> str:
        """One sentence while every trade is refused, else nothing.

        Args:
            counters: the book's, as they are now.
        """
        self._look += 1
        now, before = msgspec.structs.asdict(counters), self._before
        self._before = now
        if any(now[name] != before.get(name) for name in _COUNTED):
            self._base, self._first = now, 0
        elif any(now[name] != before[name] for name in _REASONS):
            self._last = self._look
            self._first = self._first or self._look
        elif self._look - self._last > FORGOTTEN:
            self._base, self._first = now, 0
        refused = {name: now[name] - self._base[name] for name in _REASONS}
        if not self._first or self._last - self._first < LOOKS or sum(refused.values()) < LEAST:
            return ""
        reason = max(refused, key=lambda name: refused[name])
        return f"Every trade is refused: {_REASONS[reason]}"
