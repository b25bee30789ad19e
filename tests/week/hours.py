"""When markets trade, from ``pandas_market_calendars`` and rules in words; nothing of Photon.

A stock has the sessions of New York; a coin trades always, in UTC days; a pair of currencies from
Sunday 17:00 to Friday 17:00 New York, in days that begin at 17:00.
"""

import bisect
import datetime as dt
import itertools
from zoneinfo import ZoneInfo

import pandas_market_calendars

from tests.reference.days import Day

NEW_YORK = ZoneInfo("America/New_York")
STOCK, COIN, PAIR = "NVDA", "BINANCE:BTCUSDT", "OANDA:EUR_USD"
SYMBOLS = (STOCK, COIN, PAIR)
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
LENGTHS = {"1m": MINUTE, "5m": 5 * MINUTE, "15m": 15 * MINUTE, "1h": HOUR}
TIMEFRAMES = (*LENGTHS, "1d")
NAMES = ("pre", "regular", "post", "closed")


class Hours:
    """The hours of all markets around some time.

    Args:
        around_ms: that time; weeks on both sides are known.
    """

    def __init__(self, around_ms: int) -> None:
        today = dt.datetime.fromtimestamp(around_ms / 1000, NEW_YORK).date()
        schedule = pandas_market_calendars.get_calendar("NYSE").schedule(
            today - dt.timedelta(days=30), today + dt.timedelta(days=30), start="pre", end="post"
        )
        columns = schedule[["pre", "market_open", "market_close", "post"]]
        edges = [[round(at.timestamp() * 1000) for at in row] for _, *row in columns.itertuples()]
        self._edges = [edge for day in edges for edge in day]
        self._days = [
            Day(pre, close, post, following[0])
            for (pre, _, close, post), following in itertools.pairwise(edges)
        ]

    def session(self, symbol: str, at: int) -> str:
        """The session of a symbol's market."""
        if symbol == COIN:
            return "regular"
        if symbol == PAIR:
            return "regular" if at < self.day(symbol, at).done_ms else "closed"
        return NAMES[(bisect.bisect_right(self._edges, at) - 1) % 4]

    def changes(self, begin: int, end: int) -> list[tuple[int, str]]:
        """When sessions of New York begin after one time and up to another, and which."""
        return [(at, self.session(STOCK, at)) for at in self._edges if begin < at <= end]

    def day(self, symbol: str, at: int) -> Day:
        """The newest trading day that has begun."""
        if symbol == STOCK:
            return self._days[bisect.bisect_right(self._days, at, key=lambda day: day.start_ms) - 1]
        if symbol == COIN:
            start = at - at % DAY
            return Day(start, start + DAY, start + DAY, start + DAY)
        here = dt.datetime.fromtimestamp(at / 1000, NEW_YORK)
        last = here.date() + dt.timedelta(days=here.hour >= 17)
        while last.weekday() > 4:
            last -= dt.timedelta(days=1)
        following = last + dt.timedelta(days=3 if last.weekday() == 4 else 1)
        start, done, end = (_five_pm(date) for date in (last - _ONE, last, following - _ONE))
        return Day(start, done, done, end)

    def turns(self, symbol: str, begin: int, end: int) -> list[int]:
        """Every moment between two at which something of a symbol's market begins or ends."""
        if symbol == STOCK:
            return [at for at, _ in self.changes(begin, end)]
        found, at = set(), begin
        while at < end:
            day = self.day(symbol, at)
            found |= {day.start_ms, day.done_ms, day.end_ms}
            at = day.end_ms
        return sorted(turn for turn in found if begin < turn < end)

    def span(self, symbol: str, timeframe: str, at: int) -> tuple[int, int]:
        """The span of a bar that holds a time within the sessions."""
        if timeframe == "1d":
            day = self.day(symbol, at)
            if symbol == STOCK:
                return date(symbol, day), midnight(date(symbol, day) + 36 * HOUR)
            return date(symbol, day), day.done_ms
        length = LENGTHS[timeframe]
        if timeframe == "1h" and symbol == STOCK:
            place = bisect.bisect_right(self._edges, at)
            begin, end = self._edges[place - 1 : place + 1]
            start = begin + (at - begin) // length * length
            return start, min(start + length, end)
        start = at - at % length
        return start, start + length


_ONE = dt.timedelta(days=1)


def date(symbol: str, day: Day) -> int:
    """What identifies a day: where its bar begins."""
    return midnight(day.start_ms) if symbol == STOCK else day.start_ms


def midnight(at: int) -> int:
    """When the date of a time began in New York."""
    date = dt.datetime.fromtimestamp(at / 1000, NEW_YORK).date()
    return new_york(date, dt.time())


def new_york(date: dt.date, time: dt.time) -> int:
    """A date and time by the clocks of New York, UNIX ms."""
    return round(dt.datetime.combine(date, time, NEW_YORK).timestamp() * 1000)


def _five_pm(date: dt.date) -> int:
    return new_york(date, dt.time(17))
