"""Whether every trade is refused, and why: then prices do not change though all seems well.

Remembers the book's counts as they were when a trade last counted: for all symbols (``Refusals``),
and for each symbol of which a trade is refused (``Frozen``). Synchronous; ``look`` is called once a
second on the event loop. It keeps three sets of counts, and a few figures for each refused symbol
in the book. It never looks at a trade.
"""

import dataclasses
from collections.abc import Callable, Iterable, Mapping

import msgspec

from photon_app.market.book import Counters, Refusal

LOOKS = 30
"""Seconds of refusals, without a trade that counts, after which they are no coincidence."""
LEAST = 10
"""The fewest refused trades that are reported."""
FORGET_AFTER = 120
"""Seconds without a refusal after which it is unknown whether trades would still be refused."""

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
    """Finds the reason for which all trades are refused."""

    def __init__(self) -> None:
        self._before: dict[str, int] = {}
        self._base: dict[str, int] = {}
        self._look = self._first = self._last = 0

    def look(self, counters: Counters) -> str:
        """One sentence while every trade is refused, else an empty string.

        Args:
            counters: the book's current counters.
        """
        self._look += 1
        now, before = dataclasses.asdict(counters), self._before
        self._before = now
        if any(now[name] != before.get(name) for name in _COUNTED):
            self._base, self._first = now, 0
        elif any(now[name] != before[name] for name in _REASONS):
            self._last = self._look
            self._first = self._first or self._look
        elif self._look - self._last > FORGET_AFTER:
            self._base, self._first = now, 0
        refused = {name: now[name] - self._base[name] for name in _REASONS}
        if not self._first or self._last - self._first < LOOKS or sum(refused.values()) < LEAST:
            return ""
        reason = max(refused, key=lambda name: refused[name])
        return f"Every trade is refused: {_REASONS[reason]}"


class _Stuck(msgspec.Struct):
    """A symbol of which a trade was refused and none has counted since."""

    counted: object
    """Values that would have changed if a trade had counted."""
    first: int
    """The look at which it was first refused."""
    last: int
    why: Refusal


class Frozen:
    """Finds symbols of which every trade is refused while others trade."""

    def __init__(self) -> None:
        self._look = 0
        self._stuck: dict[str, _Stuck] = {}

    def look(
        self, refused: Mapping[str, Refusal], counted: Callable[[str], object]
    ) -> dict[str, Refusal]:
        """The symbols of which trades were refused for ``LOOKS`` seconds and none counted, each
        with the reason.

        Args:
            refused: the symbols of which a trade was refused since the last look, and why.
            counted: returns values that change with every trade of a symbol that counts; ``None``
                when the symbol is no longer in the book.
        """
        self._look += 1
        now, stuck = self._look, self._stuck
        for symbol, why in refused.items():
            one = stuck.setdefault(symbol, _Stuck(counted(symbol), now, now, why))
            one.last, one.why = now, why
        for symbol, one in list(stuck.items()):
            figures = counted(symbol)
            if figures is None or figures != one.counted or now - one.last > FORGET_AFTER:
                del stuck[symbol]
        return {symbol: one.why for symbol, one in stuck.items() if one.last - one.first >= LOOKS}


def frozen_sentence(frozen: Mapping[str, Refusal], subscribed: Iterable[str], market: str) -> str:
    """One sentence if at least half of a market's symbols are frozen, else an empty string.

    Args:
        frozen: the result of ``Frozen.look``.
        subscribed: the market's symbols that are subscribed upstream.
        market: the market's name.
    """
    symbols = sorted(subscribed)
    stuck = [symbol for symbol in symbols if symbol in frozen]
    if not stuck or 2 * len(stuck) < len(symbols):
        return ""
    reason = _REASONS[frozen[stuck[0]]]
    return (
        f"Every trade of {len(stuck)} of {len(symbols)} symbols of {market} is refused, such as "
        f"{stuck[0]}: {reason}"
    )
