"""The days of the New York Stock Exchange as plain numbers, and the session at a time.

Pure: nothing here reads a clock or starts anything. ``nyse`` computes a ``Table`` in a process of
its own, ``loader`` fetches it, and ``Calendar`` answers from it: a few hundred tuples, and no
library in the process that serves.

Inside the table the days are the exchange's own, with holidays and early closes. Outside it, and
before there is one, they are by ``nyse.csv``: the weekdays from 2000 to 2039 on which the exchange
is closed or closes early, as far as its rules and announcements said when the file was made. Any
other Monday to Friday is an ordinary day: pre-market from 04:00, regular 09:30 to 16:00,
post-market to 20:00, New York time. So every time has a session, from the first moment on.
"""

import csv
import datetime as dt
import functools
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

import msgspec

from photon_app.model import MarketSession

NEW_YORK = ZoneInfo("America/New_York")
ORDINARY = (dt.time(4, 0), dt.time(9, 30), dt.time(16, 0), dt.time(20, 0))
"""When an ordinary day's pre-market, regular session and post-market begin, and when it ends."""
_EARLY_CLOSE_POST = dt.timedelta(hours=4)
"""How long the post-market lasts, after an early close too."""
EXCEPTIONS = Path(__file__).with_name("nyse.csv")
_BEGINNING: tuple[MarketSession, ...] = ("pre", "regular", "post", "closed")
_AHEAD_DAYS = 14
"""How far the next session is looked for. The longest closing since 1970 was of six days, from
11 to 16 September 2001."""


class TradingDay(NamedTuple):
    """A day on which the exchange is open; times in UNIX ms, each the begin of what it names."""

    date: dt.date
    """In New York."""
    pre_ms: int
    open_ms: int
    close_ms: int
    """The regular session's end, where the post-market begins."""
    end_ms: int

    @property
    def edges_ms(self) -> tuple[int, int, int, int]:
        """When pre-market, regular session, post-market and the night begin; two of them are equal
        on a day that has no post-market.
        """
        return self.pre_ms, self.open_ms, self.close_ms, self.end_ms


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """All trading days from one date to another."""

    first: dt.date
    last: dt.date
    """Known to this date, itself included."""
    days: tuple[TradingDay, ...] = ()
    exchanges: dict[str, frozenset[dt.date]] = {}
    """Of other exchanges, by their code: the dates on which they trade."""

    def __post_init__(self) -> None:
        """Refuse what cannot be a calendar.

        Raises:
            ValueError: dates or times are not in order, or a day is not of the table.
        """
        edges = [edge for day in self.days for edge in day.edges_ms]
        if self.first > self.last or any(a > b for a, b in itertools.pairwise(edges)):
            raise ValueError("the days are not in order")
        for day in self.days:
            moment = dt.datetime.fromtimestamp(day.open_ms / 1000, NEW_YORK)
            if not self.first <= day.date <= self.last or moment.date() != day.date:
                raise ValueError(f"{day.date} does not belong into the table")


class Phase(NamedTuple):
    """A session and when it ends."""

    session: MarketSession
    until_ms: int
    """UNIX ms at which ``following`` begins."""
    following: MarketSession


class CalendarSource(Protocol):
    """Whoever knows the exchange's days. A new calendar takes the place of the old one when more is
    known, so it is asked for each time it is needed.
    """

    @property
    def calendar(self) -> "Calendar":
        """The days as they are known now."""
        ...


class Calendar:
    """The exchange's sessions.

    Args:
        table: the days that are known; around it, and without one, those of ``nyse.csv`` are.
    """

    def __init__(self, table: Table | None = None) -> None:
        self._table = table
        self._days = {day.date: day for day in table.days} if table else {}

    @property
    def calendar(self) -> "Calendar":
        """Itself: where nothing renews a calendar, it is its own ``CalendarSource``."""
        return self

    @property
    def last(self) -> dt.date | None:
        """The last date that is known, or ``None`` without a table."""
        return self._table.last if self._table else None

    @property
    def exchanges(self) -> frozenset[str]:
        """The codes of the other exchanges whose dates are known."""
        return frozenset(self._table.exchanges) if self._table else frozenset()

    def trades_on(self, code: str | None, date: dt.date) -> bool | None:
        """Whether another exchange trades on a date; ``None`` where that is not known."""
        if self._table is None or code not in self._table.exchanges:
            return None
        if not self._table.first <= date <= self._table.last:
            return None
        return date in self._table.exchanges[code]

    def left_days(self, time_ms: int) -> int:
        """How many days are known from a time on; negative when the time's own day is not."""
        date = new_york_date(time_ms)
        if self._table is None or not self._table.first <= date <= self._table.last:
            return -1
        return (self._table.last - date).days

    def phase_at(self, time_ms: int) -> Phase:
        """The session at a time."""
        date = new_york_date(time_ms)
        session: MarketSession = "closed"
        for ahead in range(_AHEAD_DAYS):
            day = self.day(date + dt.timedelta(days=ahead))
            if day is None:
                continue
            begins = dict(zip(day.edges_ms, _BEGINNING, strict=True))  # of equal edges the last
            for edge_ms, following in begins.items():
                if edge_ms > time_ms:
                    return Phase(session, edge_ms, following)
                session = following
        return Phase(session, _ms(date + dt.timedelta(days=_AHEAD_DAYS), dt.time()), "closed")

    def day(self, date: dt.date) -> TradingDay | None:
        """The trading day of a date in New York, or ``None`` when the exchange is closed."""
        if self._table is not None and self._table.first <= date <= self._table.last:
            return self._days.get(date)
        return _expected_day(date)

    def day_before(self, date: dt.date) -> TradingDay:
        """The last trading day before a date."""
        return self._nearest(date, -1)

    def day_after(self, date: dt.date) -> TradingDay:
        """The first trading day after a date."""
        return self._nearest(date, 1)

    def _nearest(self, date: dt.date, step: int) -> TradingDay:
        for away in range(1, _AHEAD_DAYS + 1):
            day = self.day(date + dt.timedelta(days=step * away))
            if day is not None:
                return day
        return ordinary_day(date + dt.timedelta(days=step * _AHEAD_DAYS))  # no table is like that


def ordinary_day(date: dt.date) -> TradingDay:
    """A day without an early close."""
    return TradingDay(date, *(_ms(date, time) for time in ORDINARY))


@functools.lru_cache(maxsize=1024)
def _expected_day(date: dt.date) -> TradingDay | None:
    """A day by the exceptions that are part of Photon."""
    if date.weekday() >= 5:
        return None
    if date not in _exceptions():
        return ordinary_day(date)
    close = _exceptions()[date]
    if close is None:
        return None
    end = (dt.datetime.combine(date, close) + _EARLY_CLOSE_POST).time()
    return TradingDay(date, *(_ms(date, time) for time in (*ORDINARY[:2], close, end)))


@functools.cache
def _exceptions() -> Mapping[dt.date, dt.time | None]:
    """The weekdays that are no ordinary days: when the exchange closes, ``None`` where it does not
    open.
    """
    with EXCEPTIONS.open(encoding="ascii", newline="") as file:
        return {
            dt.date.fromisoformat(row["date"]): (
                dt.time.fromisoformat(row["close"]) if row["close"] else None
            )
            for row in csv.DictReader(file)
        }


def new_york_date(time_ms: int) -> dt.date:
    """The date in New York at a time."""
    return dt.datetime.fromtimestamp(time_ms / 1000, NEW_YORK).date()


def _ms(date: dt.date, time: dt.time) -> int:
    return round(dt.datetime.combine(date, time, NEW_YORK).timestamp() * 1000)
