"""The past of a simulated market before it had viewers: two years of bars, invented on demand.

Pure except for its caches, and seeded: the same seed, symbol and day make the same bars in every
process and at every moment, so that a restart changes no close and no chart. None of it is ever a
trade, nothing is stored, and every bar is marked as ``invented``.

A day is made from the top down. Its close is on a path of closes that is drawn a year at a time,
the same path for a family of symbols (``prices.family_of``); its hours lead from the previous close
to its own; an hour is split into quarters, those into five minutes, those into minutes, so that
shorter bars merge into the longer ones exactly, and a chart of days needs no minutes. After the
regular session prices return to the close by the end of the post-market, so that the bar of a day,
its close and the next day's previous close agree.

Bound: the bars of ``_DAYS_KEPT`` days, the hours of ``_HOURS_KEPT`` days, the five minutes of
``_LINES_KEPT`` days, and the closes of ``_YEARS_KEPT`` years are cached.
"""

import datetime as dt
import functools
import itertools
import math
import random
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, Protocol

import msgspec

from photon_app.calendar.timeframes import DAY_MS, HOUR_MS, MINUTE_MS
from photon_app.feed.simulated.prices import family_of
from photon_app.model import Bar, Timeframe

REACH_MS = 725 * DAY_MS
"""How far back the past goes: less than two years."""
_DAYS_KEPT = 8_192
_HOURS_KEPT = 64
_YEARS_KEPT = 256
_LINES_KEPT = 128
_VOLATILITY = 1.2e-3
"""Standard deviation of the logarithm of the price in one minute of the regular session."""
_DAILY = 0.011
"""The same from one close to the next."""
_YEARLY = 0.07
"""The same for the levels at which years begin, around the price for which a symbol is known."""
_SHARES = 15_000
"""Shares traded in an ordinary minute of the regular session, at about a hundred a trade."""
_BEND_MS = 3_600_000
"""Length of the final stretch of a past that is bent to meet a given price."""
_STEPS: tuple[int, ...] = (15 * MINUTE_MS, 5 * MINUTE_MS, MINUTE_MS)
"""The lengths into which an hour is split, one after the other."""
_STEP_OF: Mapping[Timeframe, int] = {"15m": _STEPS[0], "5m": _STEPS[1], "1m": _STEPS[2]}


class Hour(NamedTuple):
    """An hour of one session, or the part of it that exists, in UNIX ms."""

    start_ms: int
    end_ms: int
    lively: float
    """How much is traded in it, relative to 1 in the regular session."""


class Hours(NamedTuple):
    """The hours of one trading day."""

    hours: tuple[Hour, ...]
    close_ms: int
    """The end of the regular session, which is the end of one of the hours."""
    begins_ms: int
    """The start of the day: at its first hour, or before."""
    ends_ms: int
    """The start of the next trading day."""

    @property
    def start_ms(self) -> int:
        """The start of its first hour."""
        return self.hours[0].start_ms

    @property
    def done_ms(self) -> int:
        """The end of its last session."""
        return self.hours[-1].end_ms


class Exchange(Protocol):
    """What is known of the exchange on which a symbol is simulated."""

    def start_price(self, symbol: str) -> float:
        """The price for which a symbol is known."""
        ...

    def hours_at(self, symbol: str, time_ms: int) -> Hours:
        """The newest trading day of a symbol that has begun by the given time."""
        ...

    def to_tick(self, symbol: str, price: float) -> float:
        """The nearest price at which a symbol can be traded."""
        ...


class SimulatedPast:
    """The bars of symbols from before they were simulated.

    Args:
        seed: fixes everything.
        exchange: where symbols are traded.
        given: prices that symbols must have now; their pasts lead there.
    """

    def __init__(self, seed: int, exchange: Exchange, given: Mapping[str, float]) -> None:
        self._seed = seed
        self._given = given
        self.hours_at = exchange.hours_at
        """The newest trading day of a symbol that has begun by the given time."""
        self._start_price = exchange.start_price
        self._to_tick = exchange.to_tick
        self._bases: dict[str, float] = {}
        self._year = functools.lru_cache(maxsize=_YEARS_KEPT)(self._draw_year)
        self._day = functools.lru_cache(maxsize=_DAYS_KEPT)(self._make_day)
        self._hours = functools.lru_cache(maxsize=_HOURS_KEPT)(self._make_hours)
        self._line = functools.lru_cache(maxsize=_LINES_KEPT)(self._make_line)

    # Prices

    def close(self, symbol: str, day: Hours) -> float:
        """The close of a trading day."""
        return self._to_tick(symbol, self._base(symbol, day) * math.exp(self._level(symbol, day)))

    def prev_close(self, symbol: str, now_ms: int) -> float:
        """The close of the trading day before the newest one."""
        day = self.hours_at(symbol, now_ms)
        self._base(symbol, day)
        return self.close(symbol, self._before(symbol, day))

    def price(self, symbol: str, now_ms: int) -> float:
        """The price at a time, from which a walk begins."""
        day = self.hours_at(symbol, now_ms)
        close = self.close(symbol, day)
        if symbol in self._given:
            return self._given[symbol]
        if now_ms >= day.done_ms:
            return close
        minutes = self._of_day(symbol, day, _STEPS[-1], now_ms - 2 * MINUTE_MS, now_ms)
        whole = [bar.close for bar in minutes if bar.time_ms + MINUTE_MS <= now_ms]
        return whole[-1] if whole else self.close(symbol, self._before(symbol, day))

    # Bars

    def day(self, symbol: str, day: Hours) -> Bar:
        """A whole trading day as one bar, at its first millisecond."""
        return self._day(symbol, day)

    def of_day(
        self,
        symbol: str,
        timeframe: Timeframe,
        day: Hours,
        from_ms: int = 0,
        to_ms: int = 1 << 62,
    ) -> list[Bar]:
        """The bars of a trading day in a timeframe below ``1d`` that overlap a half-open range."""
        step_ms = HOUR_MS if timeframe == "1h" else _STEP_OF[timeframe]
        return list(self._of_day(symbol, day, step_ms, from_ms, to_ms))

    def running(
        self, symbol: str, end_ms: int, price: float, from_ms: int = 0, to_ms: int = 1 << 62
    ) -> list[Bar]:
        """The complete minutes of the newest day up to a time, leading to a price, that begin in a
        half-open range.
        """
        end_ms -= end_ms % MINUTE_MS
        to_ms = min(to_ms, end_ms)
        day = self.hours_at(symbol, end_ms)
        minutes = [
            bar
            for bar in self._of_day(symbol, day, _STEPS[-1], from_ms, to_ms)
            if from_ms <= bar.time_ms < to_ms
        ]
        if not minutes or end_ms >= day.done_ms:
            return minutes
        (last,) = self._of_day(symbol, day, _STEPS[-1], end_ms - MINUTE_MS, end_ms)
        return self._bent(symbol, minutes, day.start_ms, end_ms, math.log(price / last.close))

    def so_far(self, symbol: str, end_ms: int, price: float) -> list[Bar]:
        """The same since the start of the day, in as few bars as possible: its completed hours,
        then minutes.
        """
        end_ms -= end_ms % MINUTE_MS
        day = self.hours_at(symbol, end_ms)
        hours = [hour for hour in self._hours(symbol, day) if hour.close_ms < end_ms]
        begun_ms = hours[-1].close_ms + 1 if hours else day.start_ms
        minutes = self._of_day(symbol, day, _STEPS[-1], begun_ms, end_ms)
        made = [*hours, *(bar for bar in minutes if bar.time_ms < end_ms)]
        if made and end_ms < day.done_ms and made[-1].close != price:
            return self.running(symbol, end_ms, price)  # bent minutes make other hours
        return made

    def fives(self, symbol: str, end_ms: int, price: float) -> tuple[Bar, ...]:
        """The bars of five minutes of the newest day up to a time, leading to a price."""
        return self._line(symbol, end_ms - end_ms % MINUTE_MS, price)

    def closes_between(self, symbol: str, from_ms: int, to_ms: int) -> tuple[float, float] | None:
        """The lowest and the highest close of the trading days that begin in a half-open range."""
        closes = []
        day = self.hours_at(symbol, to_ms - 1)
        while day.begins_ms >= from_ms:
            closes.append(self.close(symbol, day))
            day = self._before(symbol, day)
        return (min(closes), max(closes)) if closes else None

    def first_ms(self, symbol: str, now_ms: int) -> int:
        """The start of the oldest day."""
        day = self.hours_at(symbol, now_ms - now_ms % DAY_MS - REACH_MS - 1)
        return day.ends_ms

    # Inside

    def _before(self, symbol: str, day: Hours) -> Hours:
        return self.hours_at(symbol, day.begins_ms - 1)

    def _rng(self, *purpose: object) -> random.Random:
        # Seeding with text hashes it with SHA-512, which PYTHONHASHSEED does not touch.
        return random.Random(":".join(map(str, (self._seed, *purpose))))

    def _base(self, symbol: str, newest: Hours) -> float:
        """The price at level 0: fixed when the symbol is first requested."""
        if symbol not in self._given:
            return self._start_price(symbol)
        if symbol not in self._bases:
            level = self._level(symbol, newest)
            self._bases[symbol] = self._given[symbol] / math.exp(level)
        return self._bases[symbol]

    def _level(self, symbol: str, day: Hours) -> float:
        """The logarithm of a close relative to the symbol's known price."""
        date = dt.datetime.fromtimestamp((day.close_ms - 1) / 1000, dt.UTC).date()
        return self._year(family_of(symbol), date.year)[date.timetuple().tm_yday]

    def _draw_year(self, family: str, year: int) -> "array[float]":
        """The levels of the days of a year: a walk that ends where the next year begins."""
        begin, end = (
            self._rng(family, "year", number).gauss(0.0, _YEARLY) for number in (year, year + 1)
        )
        rng = self._rng(family, "days", year)
        walk = list(itertools.accumulate(rng.gauss(0.0, _DAILY) for _ in range(367)))
        off = end - begin - walk[-1]
        return array("d", (begin + level + off * n / len(walk) for n, level in enumerate(walk, 1)))

    def _make_day(self, symbol: str, day: Hours) -> Bar:
        return _whole(self._hours(symbol, day))

    def _make_line(self, symbol: str, end_ms: int, price: float) -> tuple[Bar, ...]:
        """Bars of five minutes; of minutes only where those are bent to meet the price."""
        day, step_ms = self.hours_at(symbol, end_ms), _STEPS[1]
        if end_ms >= day.done_ms:
            return tuple(self._of_day(symbol, day, step_ms))
        bent_ms = max(day.start_ms, end_ms - _BEND_MS)
        bent_ms -= bent_ms % step_ms
        straight = self._of_day(symbol, day, step_ms, 0, bent_ms)
        minutes = self.running(symbol, end_ms, price, bent_ms, end_ms)
        bent = itertools.groupby(minutes, lambda bar: bar.time_ms // step_ms)
        return (
            *(bar for bar in straight if bar.time_ms < bent_ms),
            *(_whole(list(parts)) for _, parts in bent),
        )

    def _make_hours(self, symbol: str, day: Hours) -> tuple[Bar, ...]:
        """The hours of a day: from the previous close to its own, and back to it by the end."""
        rng = self._rng(symbol, day.start_ms)
        close = math.log(self.close(symbol, day))
        opening = math.log(self.close(symbol, self._before(symbol, day)))
        regular = [hour for hour in day.hours if hour.start_ms < day.close_ms]
        after = day.hours[len(regular) :]
        path = [opening, *_bridge(rng, [_deviation(hour) for hour in regular], opening, close)]
        path += _bridge(rng, [_deviation(hour) for hour in after], close, close)
        prices = [self._to_tick(symbol, math.exp(level)) for level in path]
        busy = rng.lognormvariate(0.0, 0.35)
        return tuple(
            self._hour(symbol, rng, hour, busy, ends)
            for hour, ends in zip(day.hours, itertools.pairwise(prices), strict=True)
        )

    def _hour(
        self, symbol: str, rng: random.Random, hour: Hour, busy: float, ends: tuple[float, float]
    ) -> Bar:
        begin, end = ends
        reach = 0.6 * _deviation(hour)
        high = self._to_tick(symbol, max(ends) * (1 + reach * rng.random()))
        low = self._to_tick(symbol, min(ends) * (1 - reach * rng.random()))
        minutes = (hour.end_ms - hour.start_ms) // MINUTE_MS
        usual = _SHARES * minutes * hour.lively
        volume = max(100 * minutes, round(usual * busy * rng.lognormvariate(0.0, 0.25)))
        return Bar(
            time_ms=hour.start_ms,
            open=begin,
            high=max(high, *ends),
            low=min(low, *ends),
            close=end,
            volume=float(volume),
            turnover=volume * (begin + end + max(ends) + min(ends)) / 4,
            count=max(minutes, volume // 100),
            open_ms=hour.start_ms,
            close_ms=hour.end_ms - 1,
            invented=True,
        )

    def _of_day(
        self, symbol: str, day: Hours, step_ms: int, from_ms: int = 0, to_ms: int = 1 << 62
    ) -> Iterator[Bar]:
        """The bars of a day of a given length that overlap a range."""
        for hour in self._hours(symbol, day):
            bars = [hour] if hour.time_ms < to_ms and from_ms <= hour.close_ms else []
            for step in _STEPS:
                if step < step_ms:
                    break
                parts = (part for bar in bars for part in self._parts(symbol, bar, step))
                bars = [p for p in parts if p.time_ms < to_ms and from_ms <= p.close_ms]
            yield from bars

    def _parts(self, symbol: str, whole: Bar, step_ms: int) -> list[Bar]:
        """A bar as shorter ones that merge into it."""
        end_ms = whole.close_ms + 1
        edges = [*range(whole.time_ms, end_ms, step_ms), end_ms]
        if len(edges) == 2:
            return [whole]
        to_tick = functools.partial(self._to_tick, symbol)
        return split(self._rng(symbol, whole.time_ms, step_ms), whole, edges, to_tick)

    def _bent(
        self, symbol: str, minutes: Sequence[Bar], start_ms: int, end_ms: int, off: float
    ) -> list[Bar]:
        """Adjoining minutes of a day that began at a time, bent so that the logarithm of their
        prices is changed by ``off`` at the end.
        """
        if not off:
            return list(minutes)
        from_ms = max(start_ms, end_ms - _BEND_MS)

        def moved(figure: float, time_ms: int) -> float:
            share = max(0, time_ms - from_ms) / (end_ms - from_ms)
            return self._to_tick(symbol, figure * math.exp(off * share))

        made: list[Bar] = []
        for bar in minutes:
            after_ms = bar.time_ms + MINUTE_MS
            begin = made[-1].close if made else moved(bar.open, bar.time_ms)
            end = moved(bar.close, after_ms)
            made.append(
                msgspec.structs.replace(
                    bar,
                    open=begin,
                    close=end,
                    high=max(begin, end, moved(bar.high, after_ms)),
                    low=min(begin, end, moved(bar.low, after_ms)),
                    turnover=bar.volume * (begin + end) / 2,
                )
            )
        return made


def split(
    rng: random.Random,
    whole: Bar,
    edges: Sequence[int],
    round_to_tick: Callable[[float], float],
) -> list[Bar]:
    """One bar as adjoining shorter ones that merge into it: prices, volume, turnover and count.

    Args:
        rng: the random generator.
        whole: the bar; it has at least one trade a minute, and a share for each.
        edges: the starts of the shorter bars, and the end of the last, UNIX ms, whole minutes.
        round_to_tick: the nearest price that can be traded.
    """
    lengths = [end - begin for begin, end in itertools.pairwise(edges)]
    total = sum(lengths)
    reach = whole.high - whole.low
    steps = [0.5 * reach * math.sqrt(length / total) for length in lengths]
    path = [whole.open, *_bridge(rng, steps, whole.open, whole.close)]
    within = [min(max(round_to_tick(price), whole.low), whole.high) for price in path[1:-1]]
    ends = list(itertools.pairwise([whole.open, *within, whole.close]))
    highs, lows = [], []
    for pair, step in zip(ends, steps, strict=True):
        wick, tail = 0.5 * step * rng.random(), 0.5 * step * rng.random()
        highs.append(max(*pair, min(whole.high, round_to_tick(max(pair) + wick))))
        lows.append(min(*pair, max(whole.low, round_to_tick(min(pair) - tail))))
    highs[highs.index(max(highs))], lows[lows.index(min(lows))] = whole.high, whole.low
    minutes = [length // MINUTE_MS for length in lengths]
    counts = _shared(whole.count, minutes, rng)
    volumes = _shared(round(whole.volume), minutes, rng)
    turnovers = _turnovers(whole.turnover, volumes, highs, lows, ends)
    return [
        Bar(
            time_ms=edges[at],
            open=ends[at][0],
            high=highs[at],
            low=lows[at],
            close=ends[at][1],
            volume=float(volumes[at]),
            turnover=turnovers[at],
            count=counts[at],
            open_ms=edges[at],
            close_ms=edges[at + 1] - 1,
            invented=True,
        )
        for at in range(len(ends))
    ]


def _whole(bars: Sequence[Bar]) -> Bar:
    """Adjoining bars as one."""
    return Bar(
        time_ms=bars[0].time_ms,
        open=bars[0].open,
        high=max(bar.high for bar in bars),
        low=min(bar.low for bar in bars),
        close=bars[-1].close,
        volume=sum(bar.volume for bar in bars),
        turnover=sum(bar.turnover for bar in bars),
        count=sum(bar.count for bar in bars),
        open_ms=bars[0].open_ms,
        close_ms=bars[-1].close_ms,
        invented=True,
    )


def _deviation(hour: Hour) -> float:
    """Standard deviation of the logarithm of the price over an hour."""
    return _VOLATILITY * math.sqrt((hour.end_ms - hour.start_ms) / MINUTE_MS * hour.lively)


def _bridge(
    rng: random.Random, deviations: Sequence[float], begin: float, end: float
) -> list[float]:
    """A random walk with these steps from one level to another, without its first point."""
    walk = list(itertools.accumulate(rng.gauss(0.0, deviation) for deviation in deviations))
    if not walk:
        return []
    off = end - begin - walk[-1]
    return [
        *(begin + level + off * at / len(walk) for at, level in enumerate(walk[:-1], 1)),
        end,
    ]


def _shared(amount: int, minutes: Sequence[int], rng: random.Random) -> list[int]:
    """A whole number split into parts: one for each minute, and the rest roughly in proportion to
    length.
    """
    rest = amount - sum(minutes)
    weights = [length * (0.5 + rng.random()) for length in minutes]
    scale = rest / sum(weights)
    edges = [0, *(round(weight * scale) for weight in itertools.accumulate(weights))]
    edges[-1] = rest
    return [
        length + end - begin
        for length, (begin, end) in zip(minutes, itertools.pairwise(edges), strict=True)
    ]


def _turnovers(
    whole: float,
    volumes: Sequence[int],
    highs: Sequence[float],
    lows: Sequence[float],
    ends: Sequence[tuple[float, float]],
) -> list[float]:
    """The turnover of each part, at a price between its low and high, so that they add up to the
    whole as far as those prices allow.
    """
    usual = [volume * sum(pair) / 2 for volume, pair in zip(volumes, ends, strict=True)]
    missing = whole - sum(usual)
    bounds = highs if missing > 0 else lows
    room = [volume * bound - own for volume, bound, own in zip(volumes, bounds, usual, strict=True)]
    total = sum(room)
    share = min(1.0, missing / total) if total else 0.0
    return [own + share * more for own, more in zip(usual, room, strict=True)]
