"""The market of a symbol: its trading days, and when trades are expected.

Pure functions of a symbol and a time; nothing here reads a clock. A symbol without a colon is
listed on an exchange (``venues``): a US stock follows New York (``calendar``), any other the dates
and the time zone of its own exchange. In a symbol with a colon, the part before it names the
market, as Finnhub writes them:

- a crypto exchange (``BINANCE:BTCUSDT``) trades round the clock; its day is the UTC day;
- a foreign exchange broker (``OANDA:EUR_USD``) trades from Sunday 17:00 to Friday 17:00 New York
  time, and its day begins at 17:00: the market's convention for the time at which positions roll
  over;
- any other, and a symbol whose exchange is unknown, has the UTC day and unknown hours.

Sources: Finnhub's lists of forex and crypto exchanges, as its clients show them
(https://rdrr.io/github/threadingdata/finnhubr/man/forex_symbols.html); OANDA's hours
(https://www.oanda.com/us-en/trading/hours-of-operation/): a pause from 16:58 to 17:03 each day.
"""

import datetime as dt
import functools
import itertools
from typing import Literal, NamedTuple
from zoneinfo import ZoneInfo

from photon_app.calendar.calendar import NEW_YORK, Calendar, new_york_date
from photon_app.calendar.venues import FUTURES, US, Exchange, exchange_of
from photon_app.model import MarketSession

Venue = Literal["us", "world", "fx", "crypto", "other"]
"""US exchanges, those of the rest of the world, foreign exchange, crypto, and unknown markets."""

FX: frozenset[str] = frozenset(
    {
        *("OANDA", "FXCM", "FOREX", "FOREX.COM", "FXPRO", "FXPIG", "OCTAFX", "SAXO", "DUKASCOPY"),
        *("IC MARKETS", "ICM", "ICMTRADER", "PEPPERSTONE", "PEPPERSTONEUK"),
    }
)
CRYPTO: frozenset[str] = frozenset(
    {
        *("BINANCE", "BINANCEUS", "COINBASE", "KRAKEN", "GEMINI", "BITFINEX", "BITSTAMP", "BITMEX"),
        *("BYBIT", "OKEX", "OKX", "KUCOIN", "HUOBI", "POLONIEX", "HITBTC", "BITTREX", "ZB"),
    }
)
FX_ROLLOVER = dt.time(17, 0)
"""The rollover: when a day of foreign exchange begins in New York, and on Sunday the week."""
FX_PAUSE = dt.timedelta(minutes=5)
"""Around the rollover quotes pause each day: OANDA's from 16:58 to 17:03."""
_FRIDAY, _SATURDAY, _SUNDAY = 4, 5, 6
SUNDAY_WEEKS = frozenset({"Asia/Riyadh", "Asia/Qatar", "Asia/Kuwait", "Africa/Cairo"})
"""Time zones in which the trading week is Sunday to Thursday."""
AUCTIONS = dt.timedelta(hours=1)
"""How long before ordinary trading an exchange may print the trades of its opening auction."""
_LONGEST_CLOSING = 16
"""Days; the longest closings of exchanges, nine or ten days, are at the Chinese New Year."""
_FX_HOLIDAYS = frozenset({(12, 25), (1, 1)})
"""Month and day on which no broker deals: https://fxopen.com/cn/news/trading-hours-on-christmas-and-new-year/"""


class Span(NamedTuple):
    """A half-open range of time in UNIX ms: that of one bar, or of one date. Used as a trading day
    (``entry.Day``), it is the day of a market that never closes.
    """

    start_ms: int
    end_ms: int

    @property
    def date_ms(self) -> int:
        """When its bar begins: at the start."""
        return self.start_ms

    @property
    def close_ms(self) -> int:
        """The end of the regular session: the end."""
        return self.end_ms

    @property
    def done_ms(self) -> int:
        """The end of the last session: the end."""
        return self.end_ms


class MarketDay(NamedTuple):
    """One trading day with the night, weekend or holiday that follows it, in UNIX ms. The days of a
    symbol adjoin each other.
    """

    start_ms: int
    """When its first session begins: a stock's pre-market."""
    close_ms: int
    """When its regular session ends; the price at that time is its close."""
    done_ms: int
    """When its last session ends: a stock's post-market. Later trades are not of this day."""
    end_ms: int
    """When the first session of the next day begins."""
    date_ms: int
    """When its date begins, and with it the bar of the day."""


@functools.lru_cache(maxsize=4096)
def venue_of(symbol: str) -> Venue:
    """The kind of market that a symbol trades on."""
    house, colon, _ = symbol.partition(":")
    if not colon:
        exchange = exchange_of(symbol)
        if exchange is None:
            return "other"
        return "us" if exchange is US else "world"
    if house in FX:
        return "fx"
    return "crypto" if house in CRYPTO else "other"


class _Dates(NamedTuple):
    """How a market delimits its days."""

    zone: dt.tzinfo
    day_start: dt.time
    """When a day begins; if not at midnight, the day has the date on which it ends."""
    exchange: Exchange | None = None

    def date_at(self, time_ms: int) -> dt.date:
        here = dt.datetime.fromtimestamp(time_ms / 1000, self.zone)
        return here.date() + dt.timedelta(days=dt.time() < self.day_start <= here.time())

    def begin_ms(self, date: dt.date) -> int:
        eve = date - dt.timedelta(days=self.day_start > dt.time())
        return _ms(dt.datetime.combine(eve, self.day_start, self.zone))

    def first_ms(self, date: dt.date) -> int:
        """When the trading day of a date begins."""
        if self.exchange is None or self.day_start > dt.time():
            return self.begin_ms(date)
        opens = dt.datetime.combine(date, self.exchange.opens) - AUCTIONS
        return _ms(opens.replace(tzinfo=self.zone))


_UTC_DATES = _Dates(dt.UTC, dt.time())
_NEW_YORK_DATES = _Dates(NEW_YORK, dt.time())
_FX_DATES = _Dates(NEW_YORK, FX_ROLLOVER)


@functools.lru_cache(maxsize=4096)
def _dates_of(symbol: str) -> _Dates:
    venue = venue_of(symbol)
    if venue == "us":
        return _NEW_YORK_DATES
    if venue == "fx":
        return _FX_DATES
    exchange = exchange_of(symbol) if venue == "world" else None
    if exchange is None:
        return _UTC_DATES
    day_start = exchange.opens if exchange is FUTURES else dt.time()
    return _Dates(ZoneInfo(exchange.zone), day_start, exchange)


def day_of(symbol: str, time_ms: int) -> Span:
    """The date that contains a time, which a daily bar spans: of New York for US stocks, of the
    exchange's zone for other stocks, from 17:00 New York for foreign exchange, otherwise of UTC.
    """
    dates = _dates_of(symbol)
    date = dates.date_at(time_ms)
    return Span(dates.begin_ms(date), dates.begin_ms(date + dt.timedelta(days=1)))


def market_day(symbol: str, time_ms: int, calendar: Calendar) -> MarketDay:
    """The newest trading day of a symbol that has begun by a time: on a Sunday it is Friday.

    Outside the US a trading day begins ``AUCTIONS`` before ordinary trading does, and is done when
    its date ends: it is unknown when auctions and evening trading of an exchange end, and none of
    its trades may be left out.
    """
    if venue_of(symbol) == "us":
        return _stock_day(time_ms, calendar)
    dates = _dates_of(symbol)
    date = dates.date_at(time_ms)
    if dates is _UTC_DATES:
        day = day_of(symbol, time_ms)
        return MarketDay(day.start_ms, day.end_ms, day.end_ms, day.end_ms, day.start_ms)
    if time_ms < dates.first_ms(date):
        date -= dt.timedelta(days=1)
    date = _nearest(dates, date, -1, calendar)
    after = date + dt.timedelta(days=1)
    following = _nearest(dates, after, 1, calendar)
    done_ms = dates.begin_ms(after)
    start_ms, end_ms = dates.first_ms(date), dates.first_ms(following)
    return MarketDay(start_ms, done_ms, done_ms, end_ms, dates.begin_ms(date))


def hours_day(symbol: str, time_ms: int, calendar: Calendar) -> MarketDay:
    """The same as ``market_day``, but outside the US a day is done when ordinary trading ends: for
    invented trades, which are made at any hour.
    """
    day = market_day(symbol, time_ms, calendar)
    hours = hours_on(symbol, day)
    return day if hours is None else day._replace(close_ms=hours[1], done_ms=hours[1])


def _nearest(dates: _Dates, date: dt.date, step: int, calendar: Calendar) -> dt.date:
    """The nearest date, from ``date`` forward or back, on which a market trades."""
    for _ in range(_LONGEST_CLOSING):
        if _deals(dates, date, calendar):
            break
        date += dt.timedelta(days=step)
    return date


def _deals(dates: _Dates, date: dt.date, calendar: Calendar) -> bool:
    """Whether a market trades on a date, as far as its holidays are known."""
    if dates.exchange is None:
        return _fx_deals(date)
    known = calendar.trades_on(dates.exchange.code, date)
    if known is not None:
        return known
    closed = (_FRIDAY, _SATURDAY) if dates.exchange.zone in SUNDAY_WEEKS else (_SATURDAY, _SUNDAY)
    return date.weekday() not in closed


def market_day_before(symbol: str, day: MarketDay, calendar: Calendar) -> MarketDay:
    """The trading day before ``day``."""
    return market_day(symbol, day.start_ms - 1, calendar)


@functools.lru_cache(maxsize=256)
def _stock_days(date: dt.date, calendar: Calendar) -> tuple[MarketDay, ...]:
    """The trading day before a date and, if there is one, that of the date; each up to the next."""
    here, before, after = calendar.day(date), calendar.day_before(date), calendar.day_after(date)
    days = [day for day in (before, here, after) if day is not None]
    return tuple(
        MarketDay(
            day.pre_ms,
            day.close_ms,
            day.end_ms,
            following.pre_ms,
            _ms(dt.datetime.combine(day.date, dt.time(), NEW_YORK)),
        )
        for day, following in itertools.pairwise(days)
    )


def _stock_day(time_ms: int, calendar: Calendar) -> MarketDay:
    *before, last = _stock_days(new_york_date(time_ms), calendar)
    return before[0] if before and time_ms < last.start_ms else last


def _fx_deals(date: dt.date) -> bool:
    """Whether a day of foreign exchange trading ends on a date."""
    holiday = (date.month, date.day) in _FX_HOLIDAYS
    return date.weekday() not in {_SATURDAY, _SUNDAY} and not holiday


def trades_at(symbol: str, time_ms: int, calendar: Calendar) -> bool:
    """Whether trades of a symbol are expected at a time: in the regular session of its exchange; in
    the week of foreign exchange except its daily pause and its two holidays; always on crypto
    exchanges; never if the hours are unknown.
    """
    venue = venue_of(symbol)
    if venue == "us":
        return calendar.phase_at(time_ms).session == "regular"
    if venue == "fx":
        return _fx_trades_at(dt.datetime.fromtimestamp(time_ms / 1000, NEW_YORK))
    if venue == "world":
        return _is_open(_dates_of(symbol), time_ms, calendar)
    return venue == "crypto"


def session_at(
    symbol: str, time_ms: int, exchange: MarketSession, calendar: Calendar
) -> MarketSession | None:
    """The session of a symbol's own market at a time: ``exchange``, which is that of the New York
    exchanges, for US stocks; ``regular`` or ``closed`` for stocks of other exchanges and for
    foreign exchange, whose daily pause ends no session; always ``regular`` for crypto; ``None`` if
    the hours are unknown.
    """
    venue = venue_of(symbol)
    if venue == "us":
        return exchange
    if venue == "other":
        return None
    if venue == "fx":
        here = dt.datetime.fromtimestamp(time_ms / 1000, NEW_YORK)
        return "regular" if _fx_week(here) else "closed"
    if venue == "world":
        return "regular" if _is_open(_dates_of(symbol), time_ms, calendar) else "closed"
    return "regular"


def market_of(symbol: str) -> str:
    """A key that is equal for symbols that trade on the same days at the same hours."""
    exchange = _dates_of(symbol).exchange
    return venue_of(symbol) if exchange is None else f"{exchange.code} {exchange.zone}"


def hours_on(symbol: str, day: MarketDay) -> tuple[int, int] | None:
    """When ordinary trading begins and ends on a trading day of an exchange outside the US;
    ``None`` for a symbol that no known exchange lists.
    """
    dates = _dates_of(symbol)
    if dates.exchange is None:
        return None
    date = dates.date_at(day.start_ms)
    opens, closes = (
        _ms(dt.datetime.combine(date, time, dates.zone))
        for time in (dates.exchange.opens, dates.exchange.closes)
    )
    return (day.start_ms if opens > closes else opens), closes


def _is_open(dates: _Dates, time_ms: int, calendar: Calendar) -> bool:
    assert dates.exchange is not None
    if not _deals(dates, dates.date_at(time_ms), calendar):
        return False
    opens, closes = dates.exchange.opens, dates.exchange.closes
    here = dt.datetime.fromtimestamp(time_ms / 1000, dates.zone).time()
    return opens <= here < closes if opens < closes else not closes <= here < opens


def _fx_trades_at(here: dt.datetime) -> bool:
    rollover = dt.datetime.combine(here.date(), FX_ROLLOVER, NEW_YORK)
    return abs(here - rollover) >= FX_PAUSE and _fx_week(here)


def _fx_week(here: dt.datetime) -> bool:
    rollover = dt.datetime.combine(here.date(), FX_ROLLOVER, NEW_YORK)
    belongs_to = here.date() + dt.timedelta(days=here >= rollover)  # the date that this day has
    return _fx_deals(belongs_to)


def _ms(moment: dt.datetime) -> int:
    return round(moment.timestamp() * 1000)
