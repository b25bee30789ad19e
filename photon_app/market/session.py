"""The exchange's calendar: which session it is, until when, and where a trading day begins.

Pure functions of a time; nothing here reads a clock. US equities follow New York: pre-market from
04:00, regular 09:30 to 16:00, post-market to 20:00, on days on which the New York Stock Exchange
is open (full-day closings from the ``holidays`` package). Early closes are not known here.

Names with a colon (``BINANCE:BTCUSDT``, ``OANDA:EUR_USD``) trade round the clock: their day is the
UTC day.
"""

import datetime as dt
import functools
from typing import NamedTuple
from zoneinfo import ZoneInfo

import holidays

from photon_app.model import MarketSession

NEW_YORK = ZoneInfo("America/New_York")
_BOUNDS: tuple[tuple[dt.time, MarketSession], ...] = (
    (dt.time(4, 0), "pre"),
    (dt.time(9, 30), "regular"),
    (dt.time(16, 0), "post"),
    (dt.time(20, 0), "closed"),
)
_LONGEST_CLOSING_DAYS = 14


class Phase(NamedTuple):
    """A session and when it ends."""

    session: MarketSession
    until_ms: int
    """UNIX ms at which ``following`` begins."""
    following: MarketSession


class Day(NamedTuple):
    """One trading day as a half-open span of UNIX ms."""

    start_ms: int
    end_ms: int


def phase_at(time_ms: int) -> Phase:
    """The New York session at a time."""
    here = dt.datetime.fromtimestamp(time_ms / 1000, NEW_YORK)
    session: MarketSession = "closed"
    for date in _dates_from(here.date()):
        if not _open_on(date):
            continue
        for time, following in _BOUNDS:
            begins = dt.datetime.combine(date, time, NEW_YORK)
            if begins > here:
                return Phase(session, _ms(begins), following)
            session = following
    message = f"no trading day within {_LONGEST_CLOSING_DAYS} days of {here:%Y-%m-%d}"
    raise AssertionError(message)


def day_of(symbol: str, time_ms: int) -> Day:
    """The trading day of a symbol that holds a time."""
    zone = dt.UTC if ":" in symbol else NEW_YORK
    date = dt.datetime.fromtimestamp(time_ms / 1000, zone).date()
    start = dt.datetime.combine(date, dt.time(), zone)
    end = dt.datetime.combine(date + dt.timedelta(days=1), dt.time(), zone)
    return Day(_ms(start), _ms(end))


def _dates_from(date: dt.date) -> list[dt.date]:
    return [date + dt.timedelta(days=n) for n in range(_LONGEST_CLOSING_DAYS)]


@functools.lru_cache(maxsize=64)
def _open_on(date: dt.date) -> bool:
    return date.weekday() < 5 and date not in _closings(date.year)


@functools.lru_cache(maxsize=4)
def _closings(year: int) -> frozenset[dt.date]:
    return frozenset(holidays.financial_holidays("NYSE", years=year))


def _ms(moment: dt.datetime) -> int:
    return round(moment.timestamp() * 1000)
