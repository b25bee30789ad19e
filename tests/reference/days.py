"""Trading days and spans of bars, in ordinary weeks.

There are no holidays here, no weekends and no exchanges but New York's. A test that plays those
brings days of its own (``tests.week.hours``).
"""

import datetime as dt
from typing import NamedTuple
from zoneinfo import ZoneInfo

NEW_YORK = ZoneInfo("America/New_York")
CURRENCIES = frozenset({"OANDA", "IC MARKETS"})
SESSIONS = (dt.time(0), dt.time(4), dt.time(9, 30), dt.time(16), dt.time(20))
"""When a session begins, or the time between two days; bars of an hour begin with them."""
FIXED_MS = {"1s": 1_000, "1m": 60_000, "5m": 300_000, "15m": 900_000}
HOUR_MS = 3_600_000


class Day(NamedTuple):
    """A trading day with what is closed behind it, UNIX ms."""

    start_ms: int
    """Its first session begins."""
    close_ms: int
    """Its regular session ends."""
    done_ms: int
    """Its last session ends."""
    end_ms: int
    """The next day begins."""


def ordinary_day(symbol: str, time_ms: int) -> Day:
    """The day that holds a time: of stocks from 04:00 in New York to the next 04:00, with sessions
    until 20:00 and a regular one until 16:00; of currencies from 17:00 there; else that of UTC.
    """
    house, colon, _ = symbol.partition(":")
    stock, currency = not colon, house in CURRENCIES
    zone = NEW_YORK if stock or currency else dt.UTC
    begins = dt.timedelta(hours=4 if stock else 17 if currency else 0)
    here = dt.datetime.fromtimestamp(time_ms / 1000, zone).replace(tzinfo=None)
    midnight = dt.datetime.combine((here - begins).date(), dt.time())

    def at(since: dt.timedelta) -> int:
        return round((midnight + since).replace(tzinfo=zone).timestamp() * 1000)

    end_ms = at(begins + dt.timedelta(days=1))
    if stock:
        close_ms, done_ms = (at(dt.timedelta(hours=hour)) for hour in (16, 20))
        return Day(at(begins), close_ms, done_ms, end_ms)
    return Day(at(begins), end_ms, end_ms, end_ms)


def begin_ms(timeframe: str, time_ms: int) -> int:
    """Where the bar of a stock begins that holds a time."""
    if timeframe in FIXED_MS:
        return time_ms - time_ms % FIXED_MS[timeframe]
    here = dt.datetime.fromtimestamp(time_ms / 1000, NEW_YORK)
    since = dt.time(0)
    if timeframe == "1h":
        since = max(time for time in SESSIONS if time <= here.time())
    since_ms = round(dt.datetime.combine(here.date(), since, NEW_YORK).timestamp() * 1000)
    return since_ms if timeframe == "1d" else time_ms - (time_ms - since_ms) % HOUR_MS
