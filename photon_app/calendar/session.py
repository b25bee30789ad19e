"""The market of a symbol: its trading days, and when trades are to be expected.

Pure functions of a symbol and a time; nothing here reads a clock. A name without a colon is listed
on an exchange (``venues``): a US stock follows New York (``calendar``), another the dates and the
clock of its own exchange. The part before a colon names the market of the others, as Finnhub writes
them:

- a crypto exchange (``BINANCE:BTCUSDT``) trades round the clock; its day is the UTC day;
- a house of foreign exchange (``OANDA:EUR_USD``) trades from Sunday 17:00 to Friday 17:00 New
  York time, and its day begins at 17:00: the market's own convention, at which positions roll over;
- any other, and a name whose exchange is not known, has the UTC day, and hours that are not known.

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
FX_TURN = dt.time(17, 0)
"""When a day, and with Sunday's a week, of foreign exchange begins in New York."""
FX_PAUSE = dt.timedelta(minutes=5)
"""Around that turn quotes rest each day: OANDA's from 16:58 to 17:03."""
_FRIDAY, _SATURDAY, _SUNDAY = 4, 5, 6
SUNDAY_WEEKS = frozenset({"Asia/Riyadh", "Asia/Qatar", "Asia/Kuwait", "Africa/Cairo"})
"""Where the week is Sunday to Thursday."""
AUCTIONS = dt.timedelta(hours=1)
"""How long before ordinary trading an exchange may print the trades of its opening auction."""
_LONGEST_CLOSING = 16
"""Days; the longest closings of exchanges are those of the Chinese New Year, of nine or ten."""
_FX_HOLIDAYS = frozenset({(12, 25), (1, 1)})
"""Month and day that no house deals on: https://fxopen.com/cn/news/trading-hours-on-christmas-and-new-year/"""


class Span(NamedTuple):
    """A half-open range of time in UNIX ms: that of one bar, or of one date. Read as a trading day
    (``entry.Day``), it is that of a market that never closes.
    """

    start_ms: int
    end_ms: int

    @property
    def date_ms(self) -> int:
        """Where its bar begins: at its own start."""
        return self.start_ms

    @property
    def close_ms(self) -> int:
        """The end of its regular session: its own end."""
        return self.end_ms

    @property
    def done_ms(self) -> int:
        """The end of its last session: its own end."""
        return self.end_ms


class MarketDay(NamedTuple):
    """One trading day, with the night, the weekend or the holiday behind it, in UNIX ms. Those of a
    symbol adjoin each other.
    """

    start_ms: int
    """When its first session begins: a stock's pre-market."""
    close_ms: int
    """When its regular session ends, and the price of then is its close."""
    done_ms: int
    """When its last session ends: a stock's post-market. Nothing more is of this day."""
    end_ms: int
    """When the first session of the next one begins."""
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
    """How a market counts its days."""

    zone: dt.tzinfo
    turn: dt.time
    """When a day begins; with any but midnight it is named after the date on which it ends."""
    exchange: Exchange | None = None

    def date_at(self, time_ms: int) -> dt.date:
        here = dt.datetime.fromtimestamp(time_ms / 1000, self.zone)
        return here.date() + dt.timedelta(days=dt.time() < self.turn <= here.time())

    def begin_ms(self, date: dt.date) -> int:
        eve = date - dt.timedelta(days=self.turn > dt.time())
        return _ms(dt.datetime.combine(eve, self.turn, self.zone))

    def first_ms(self, date: dt.date) -> int:
        """When a trading day of that date begins."""
        if self.exchange is None or self.turn > dt.time():
            return self.begin_ms(date)
        opens = dt.datetime.combine(date, self.exchange.opens) - AUCTIONS
        return _ms(opens.replace(tzinfo=self.zone))


_UTC_DATES = _Dates(dt.UTC, dt.time())
_NEW_YORK_DATES = _Dates(NEW_YORK, dt.time())
_FX_DATES = _Dates(NEW_YORK, FX_TURN)


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
    turn = exchange.opens if exchange is FUTURES else dt.time()
    return _Dates(ZoneInfo(exchange.zone), turn, exchange)


def day_of(symbol: str, time_ms: int) -> Span:
    """The date that holds a time, as bars of a day are counted: of New York for US stocks, of their
    exchange's zone for others, from 17:00 in New York for foreign exchange, else of UTC.
    """
    dates = _dates_of(symbol)
    date = dates.date_at(time_ms)
    return Span(dates.begin_ms(date), dates.begin_ms(date + dt.timedelta(days=1)))


def market_day(symbol: str, time_ms: int, calendar: Calendar) -> MarketDay:
    """The newest trading day of a symbol that has begun by a time: on a Sunday it is Friday.

    Outside the US a trading day begins ``AUCTIONS`` before ordinary trading does, and is done with
    its date: when the auctions and the evening trade of an exchange are over is not known, and none
    of its trades may be left out.
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
    """As ``market_day``, but outside the US a day is done when ordinary trading ends: for trades
    that are invented at any hour.
    """
    day = market_day(symbol, time_ms, calendar)
    hours = hours_on(symbol, day)
    return day if hours is None else day._replace(close_ms=hours[1], done_ms=hours[1])


def _nearest(dates: _Dates, date: dt.date, step: int, calendar: Calendar) -> dt.date:
    """The first date from one on, or back, on which a market trades."""
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
    """The trading day before one."""
    return market_day(symbol, day.start_ms - 1, calendar)


@functools.lru_cache(maxsize=256)
def _stock_days(date: dt.date, calendar: Calendar) -> tuple[MarketDay, ...]:
    """The trading day before a date, that of the date where there is one, each to the next."""
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
    """Whether a day of foreign exchange ends on a date."""
    holiday = (date.month, date.day) in _FX_HOLIDAYS
    return date.weekday() not in {_SATURDAY, _SUNDAY} and not holiday


def trades_at(symbol: str, time_ms: int, calendar: Calendar) -> bool:
    """Whether trades of a symbol are to be expected at a time: in the regular session of its
    exchange, in the week of foreign exchange but for its daily pause and its two holidays, always
    on crypto exchanges, never where the hours are not known.
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
    """The session of a symbol's own market at a time: that of the New York exchanges, which is
    given, for US stocks; ``regular`` or ``closed`` for those of other exchanges, and for foreign
    exchange, whose daily pause ends no session; always ``regular`` for crypto; ``None`` where the
    hours are not known.
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
    """What symbols share that trade on the same days and at the same hours."""
    exchange = _dates_of(symbol).exchange
    return venue_of(symbol) if exchange is None else f"{exchange.code} {exchange.zone}"


def hours_on(symbol: str, day: MarketDay) -> tuple[int, int] | None:
    """When ordinary trading begins and ends on a trading day of an exchange outside the US."""
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
    turn = dt.datetime.combine(here.date(), FX_TURN, NEW_YORK)
    return abs(here - turn) >= FX_PAUSE and _fx_week(here)


def _fx_week(here: dt.datetime) -> bool:
    turn = dt.datetime.combine(here.date(), FX_TURN, NEW_YORK)
    belongs_to = here.date() + dt.timedelta(days=here >= turn)  # the date on which this day ends
    return _fx_deals(belongs_to)


def _ms(moment: dt.datetime) -> int:
    return round(moment.timestamp() * 1000)
