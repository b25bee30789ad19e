"""Bars of memory against those that ``tests.reference`` makes of every print that counted."""

import math
from collections.abc import Iterator, Sequence

from photon_app.market.bars import Bars
from photon_app.model import Bar, Timeframe
from tests.reference import bars as reference

COMPARED: tuple[Timeframe, ...] = ("1s", "1m")
Figures = tuple[float, ...]
"""Open, high, low, close, volume, turnover and trades."""


def compare(symbol: str, prints: Sequence[reference.Counted], bars: Bars) -> Iterator[str]:
    """What differs in the bars of memory."""
    for timeframe in COMPARED:
        theirs = {bar.time_ms: bar for bar in bars.between(symbol, timeframe)}
        ours = {bar.time_ms: bar for bar in reference.bars(prints, timeframe)}
        if not theirs and ours:
            yield f"{symbol} has no {timeframe} bars"
        for time_ms in sorted(theirs.keys() | ours.keys()):
            if time_ms < min(theirs, default=0):
                continue  # memory is bounded
            said, meant = _figures(theirs.get(time_ms)), _figures(ours.get(time_ms))
            if not _same(said, meant):
                yield f"{symbol} {timeframe} at {time_ms} is {said} and should be {meant}"


def _figures(bar: Bar | reference.Bar | None) -> Figures | None:
    if bar is None:
        return None
    trades = bar.count if isinstance(bar, Bar) else bar.trades
    volume, turnover = float(bar.volume), float(bar.turnover)
    return bar.open, bar.high, bar.low, bar.close, volume, turnover, trades


def _same(one: Figures | None, other: Figures | None) -> bool:
    if one is None or other is None:
        return one is other
    pairs = zip(one, other, strict=True)
    return all(math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-6) for a, b in pairs)
