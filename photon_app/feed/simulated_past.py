"""The day before a simulation began, as bars: so that a first look at the chart is not empty.

Pure and seeded. A path of the same kind as the live walk's is drawn over the minutes in which the
symbol's market is open, and bent so that it ends at the walk's first price and passes the previous
close where the day began. Nothing of it ever counts as a trade, and its source is ``simulated``
like everything that the simulator says.
"""

import itertools
import math
import random
from collections.abc import Callable, Sequence

from photon_app.model import Bar, MarketSession

MINUTE_MS = 60_000
DAY_MS = 86_400_000
_VOLATILITY = 1.2e-3
"""Standard deviation of the logarithm of the price in one minute of the regular session."""
_PULL = 0.01
"""How much of its distance from the middle a price loses in a minute."""
_SHARES = 15_000
"""In an ordinary minute of the regular session, at about a hundred a trade."""
_LIVELY: dict[MarketSession, float] = {"pre": 0.25, "regular": 1.0, "post": 0.2, "closed": 0.05}
_ROUND_TICK = Callable[[float], float]


def past_day(
    rng: random.Random,
    *,
    now_ms: int,
    day_start_ms: int,
    price: float,
    prev_close: float,
    session_at: Callable[[int], MarketSession | None],
    round_to_tick: _ROUND_TICK,
) -> list[Bar]:
    """The minutes of the 24 hours before now, without the one that runs.

    Args:
        rng: what draws.
        now_ms: when the simulation begins.
        day_start_ms: when the symbol's trading day began.
        price: where its walk begins.
        prev_close: what its price was when the day began.
        session_at: the session of its market at a time; ``None`` for one that never closes.
        round_to_tick: the nearest price that can be traded.
    """
    end_ms = now_ms - now_ms % MINUTE_MS
    times = range(end_ms - DAY_MS, end_ms, MINUTE_MS)
    lively = [_liveliness(session_at(time)) for time in times]
    open_at = [at for at, factor in enumerate(lively) if factor > _LIVELY["closed"]]
    if not open_at:
        return []
    path = _path(rng, [lively[at] for at in open_at])
    turn = sum(times[at] < day_start_ms for at in open_at)
    levels = _bend(path, turn, math.log(prev_close), math.log(price))
    prices = [round_to_tick(math.exp(level)) for level in levels]
    return [
        _bar(rng, times[at], lively[at], (begin, end), round_to_tick)
        for at, (begin, end) in zip(open_at, itertools.pairwise(prices), strict=True)
    ]


def _liveliness(session: MarketSession | None) -> float:
    return 1.0 if session is None else _LIVELY[session]


def _path(rng: random.Random, lively: Sequence[float]) -> list[float]:
    """A walk of one step a minute, and its begin."""
    path = [0.0]
    for factor in lively:
        step = rng.gauss(0.0, _VOLATILITY * math.sqrt(factor))
        path.append(path[-1] * (1 - _PULL) + step)
    return path


def _bend(path: Sequence[float], turn: int, at_turn: float, at_end: float) -> list[float]:
    """The path moved to pass one level at its turn and end at another."""
    end = len(path) - 1
    first = [level - path[turn] + at_turn for level in path[: turn + 1]]
    if turn >= end:
        return [level - first[-1] + at_end for level in first]
    off = at_end - at_turn - (path[end] - path[turn])
    steps = end - turn
    rest = [
        level - path[turn] + at_turn + off * at / steps
        for at, level in enumerate(path[turn + 1 :], 1)
    ]
    return first + rest


def _bar(
    rng: random.Random,
    time_ms: int,
    factor: float,
    way: tuple[float, float],
    round_to_tick: _ROUND_TICK,
) -> Bar:
    """One minute from a price to a price."""
    begin, end = way
    reach = _VOLATILITY * math.sqrt(factor)
    high = max(begin, end, round_to_tick(max(begin, end) * (1 + reach * rng.random())))
    low = min(begin, end, round_to_tick(min(begin, end) * (1 - reach * rng.random())))
    volume = float(max(1, round(_SHARES * factor * rng.lognormvariate(0.0, 0.5))))
    return Bar(
        time_ms=time_ms,
        open=begin,
        high=high,
        low=low,
        close=end,
        volume=volume,
        turnover=volume * (high + low + begin + end) / 4,
        count=max(1, round(volume / 100)),
        open_ms=time_ms,
        close_ms=time_ms + MINUTE_MS - 1,
    )
