"""The days of the New York Stock Exchange as plain numbers, and the session at a time.

Pure: nothing here reads a clock or starts anything. ``nyse`` computes a ``Table`` in a process of
its own, ``loader`` fetches it, and ``Calendar`` answers from it: a few hundred tuples, so that the
process that serves needs no calendar library.

Inside the table the days are the exchange's own, with holidays and early closes. Outside it, and
before there is one, they follow ``nyse.csv``: the weekdays from 2000 to 2039 on which the exchange
is closed or closes early, as far as its rules and announcements said when the file was made. Any
other Monday to Friday is an ordinary day: pre-market from 04:00, regular 09:30 to 16:00,
post-market to 20:00, New York time. So every time has a session, from the start of the process on.
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
"""When pre-market, regular session and post-market of an ordinary day begin, and when it ends."""
_EARLY_CLOSE_POST = dt.timedelta(hours=4)
"""How long the post-market lasts, after an early close too."""
EXCEPTIONS = Path(__file__).with_name("nyse.csv")
_BEGINNING: tuple[MarketSession, ...] = ("pre", "regular", "post", "closed")
_AHEAD_DAYS = 14
"""How many days ahead the next session is searched for. The longest closing since 1970 lasted six
days, from 11 to 16 September 2001."""


class TradingDay(NamedTuple):
    """A day on which the exchange is open; each time, in UNIX ms, is the start of what it names."""

    date: dt.date
    """The date in New York."""
    pre_ms: int
    open_ms: int
    close_ms: int
    """The end of the regular session, where the post-market begins."""
    end_ms: int

    @property
    def edges_ms(self) -> tuple[int, int, int, int]:
        """When pre-market, regular session, post-market and night begin; two of them are equal on
        a day without a post-market.
        """
        return self.pre_ms, self.open_ms, self.close_ms, self.end_ms


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """All trading days from one date to another."""

    first: dt.date
    last: dt.date
    """The last known date, included."""
    days: tuple[TradingDay, ...] = ()
    exchanges: dict[str, frozenset[dt.date]] = {}
    """The dates on which other exchanges trade, by their code."""

    def __post_init__(self) -> None:
        """Check that the table is a valid calendar.

        Raises:
            ValueError: dates or times are not in order, or a day is outside the table.
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
    """A source of the exchange's days. The calendar is replaced when more days are known, so
    callers must read it each time they need it.
    """

    @property
    def calendar(self) -> "Calendar":
        """The days that are known now."""
        ...


class Calendar:
    """The exchange's sessions.

    Args:
        table: the known days; outside it, and without one, those of ``nyse.csv`` apply.
    """

    def __init__(self, table: Table | None = None) -> None:
        self._table = table
        self._days = {day.date: day for day in table.days} if table else {}

    @property
    def calendar(self) -> "Calendar":
        """The calendar itself, which is its own ``CalendarSource`` if nothing renews it."""
        return self

    @property
    def last(self) -> dt.date | None:
        """The last known date, or ``None`` without a table."""
        return self._table.last if self._table else None

    @property
    def exchanges(self) -> frozenset[str]:
        """The codes of the other exchanges whose dates are known."""
        return frozenset(self._table.exchanges) if self._table else frozenset()

    def trades_on(self, code: str | None, date: dt.date) -> bool | None:
        """Whether another exchange trades on a date; ``None`` if that is unknown."""
        if self._table is None or code not in self._table.exchanges:
            return None
        if not self._table.first <= date <= self._table.last:
            return None
        return date in self._table.exchanges[code]

    def left_days(self, time_ms: int) -> int:
        """How many days are known after a time; negative if the time's own day is unknown."""
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
            begins = dict(zip(day.edges_ms, _BEGINNING, strict=True))  # the last of equal edges
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
        return ordinary_day(date + dt.timedelta(days=step * _AHEAD_DAYS))  # in no real table


def ordinary_day(date: dt.date) -> TradingDay:
    """A day without an early close."""
    return TradingDay(date, *(_ms(date, time) for time in ORDINARY))


@functools.lru_cache(maxsize=1024)
def _expected_day(date: dt.date) -> TradingDay | None:
    """A day according to ``nyse.csv``; ``None`` when the exchange is closed."""
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
    """The weekdays that are not ordinary days, with the time of the early close; ``None`` if the
    exchange does not open.
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
