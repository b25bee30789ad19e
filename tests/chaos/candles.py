"""Second bars, written from docs/market-data.md and not from the first ones' code.

``Candles`` keeps every print that counted, and works a bar out when it is asked for, all of its
prints at once: nothing is folded, so that no order of folding can be wrong.
"""

import math
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from photon_app.market.bars import Bars
from photon_app.model import Bar, Timeframe

LATE_MS = 5 * 60_000
SPANS: dict[Timeframe, int] = {"1s": 1_000, "1m": 60_000}


class Counted(NamedTuple):
    """A print that counts, and what it may change."""

    time_ms: int
    price: float
    volume: float
    trades: int
    priced: bool
    last: bool


class Candles:
    """Every print that counted, by symbol, in the order in which it did.

    Args:
        began_ms: since when the symbols are followed that are compared.
    """

    def __init__(self, began_ms: int) -> None:
        self._began_ms = began_ms
        self._prints: dict[str, list[Counted]] = defaultdict(list)
        self._newest_ms: dict[str, int] = {}
        self.late = 0

    def add(self, symbol: str, counted: Counted) -> None:
        """One more, unless its bars are closed for good, or it is a price that was asked for, of
        long before anybody followed its symbol.
        """
        newest_ms = self._newest_ms.get(symbol, -1)
        asked = not counted.trades
        if counted.time_ms < max(newest_ms, self._began_ms if asked else 0) - LATE_MS:
            return
        self.late += counted.time_ms // 1000 < newest_ms // 1000
        self._newest_ms[symbol] = max(newest_ms, counted.time_ms)
        self._prints[symbol].append(counted)

    def compare(self, symbol: str, bars: Bars) -> Iterator[str]:
        """What differs in the bars of memory."""
        for timeframe, span_ms in SPANS.items():
            theirs = {bar.time_ms: bar for bar in bars.between(symbol, timeframe)}
            ours = self._bars(symbol, span_ms)
            if not theirs and ours:
                yield f"{symbol} has no {timeframe} bars"
            for time_ms in sorted(theirs.keys() | ours.keys()):
                if time_ms < min(theirs, default=0):
                    continue  # memory is bounded
                said = _said(theirs.get(time_ms))
                meant = ours.get(time_ms)
                if not _same(said, meant):
                    yield f"{symbol} {timeframe} at {time_ms} is {said} and should be {meant}"

    def _bars(self, symbol: str, span_ms: int) -> dict[int, tuple[float, ...]]:
        spans: dict[int, list[Counted]] = defaultdict(list)
        for counted in self._prints[symbol]:
            spans[counted.time_ms // span_ms * span_ms].append(counted)
        made = {time_ms: _bar(counted) for time_ms, counted in spans.items()}
        return {time_ms: bar for time_ms, bar in made.items() if bar is not None}


def _bar(prints: list[Counted]) -> tuple[float, ...] | None:
    """Open, high, low, close, volume, turnover and count; nothing without a price."""
    priced = [one for one in prints if one.priced]
    if not priced:
        return None
    telling = [one for one in priced if one.last] or priced
    first = min(telling, key=lambda one: one.time_ms)  # of equals the one that came first
    last = max(reversed(telling), key=lambda one: one.time_ms)  # and the one that came last
    prices = [one.price for one in priced]
    volume = math.fsum(one.volume for one in prints)
    turnover = math.fsum(one.volume * one.price for one in prints)
    count = sum(one.trades for one in prints)
    return first.price, max(prices), min(prices), last.price, volume, turnover, count


def _said(bar: Bar | None) -> tuple[float, ...] | None:
    if bar is None:
        return None
    return bar.open, bar.high, bar.low, bar.close, bar.volume, bar.turnover, bar.count


def _same(one: tuple[float, ...] | None, other: tuple[float, ...] | None) -> bool:
    if one is None or other is None:
        return one is other
    pairs = zip(one, other, strict=True)
    return all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-6) for a, b in pairs)
