"""Whether every trade is refused, and why: then prices stand still though all seems well.

Owns where the counts of the book stood when a trade last counted: of the whole (``Refusals``), and
of each symbol of which something is refused (``Frozen``). Synchronous; ``look`` is called once a
second on the event loop. It holds three sets of counts, and a few figures of each refused symbol of
those that the book holds. It never looks at a trade.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping

import msgspec

from photon_app.market.book import Counters, Refusal

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
        now, before = dataclasses.asdict(counters), self._before
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


class _Standing(msgspec.Struct):
    """A symbol of which a trade was refused, and none counted since."""

    counted: object
    """What would have changed."""
    first: int
    """The look at which it was first refused."""
    last: int
    why: Refusal


class Frozen:
    """Looks for symbols of which every trade is refused, while others trade."""

    def __init__(self) -> None:
        self._look = 0
        self._standing: dict[str, _Standing] = {}

    def look(
        self, refused: Mapping[str, Refusal], counted: Callable[[str], object]
    ) -> dict[str, Refusal]:
        """The symbols of which trades were refused for so long, and none counted; each with the
        reason.

        Args:
            refused: of which symbols a trade was refused since the last look, and why.
            counted: what changes with every trade of a symbol that counts; ``None`` when it is not
                held any more.
        """
        self._look += 1
        now, standing = self._look, self._standing
        for symbol, why in refused.items():
            one = standing.setdefault(symbol, _Standing(counted(symbol), now, now, why))
            one.last, one.why = now, why
        for symbol, one in list(standing.items()):
            figures = counted(symbol)
            if figures is None or figures != one.counted or now - one.last > FORGOTTEN:
                del standing[symbol]
        return {
            symbol: one.why for symbol, one in standing.items() if one.last - one.first >= LOOKS
        }


def frozen_sentence(frozen: Mapping[str, Refusal], held: Iterable[str], market: str) -> str:
    """One sentence where at least half of a market's symbols are frozen; else nothing.

    Args:
        frozen: as ``Frozen.look`` says.
        held: the market's symbols that upstream is asked for.
        market: its name.
    """
    symbols = sorted(held)
    standing = [symbol for symbol in symbols if symbol in frozen]
    if not standing or 2 * len(standing) < len(symbols):
        return ""
    reason = _REASONS[frozen[standing[0]]]
    return (
        f"Every trade of {len(standing)} of {len(symbols)} symbols of {market} is refused, such as "
        f"{standing[0]}: {reason}"
    )
